// What a segment or a timer does to the states of a connection, row by row.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "emulator/connections/tcp/tcp_connection.h"

namespace wobble {

/// One row that applied. from == to where the row leaves the state as it is.
struct Step {
  Role side = Role::client;
  TcpState from = TcpState::none;
  TcpState to = TcpState::none;
  Evidence evidence = Evidence::sent;
  Rule rule = Rule::timer;
};

/// All rows that one segment or timer made apply, in order.
struct Steps {
  static constexpr std::size_t kMax = 8;
  std::array<Step, kMax> items{};
  std::uint8_t count = 0;

  void add(const Step& step) noexcept {
    if (count < kMax) items[count++] = step;
  }
  const Step* begin() const noexcept { return items.data(); }
  const Step* end() const noexcept { return items.data() + count; }
  bool has_change() const noexcept;
};

/// Endpoint `side` enters `to`, for the evidence and the rule of `because`: one step more. Nothing but the step if it
/// was in that state.
void change_state(TcpConnection& connection, Role side, TcpState to, const Step& because, TimePoint now,
                  Steps& steps) noexcept;

}  // namespace wobble
