// Where a model with a memory keeps it: once for the link, or once for each connection.
#pragma once

#include <vector>

#include "emulator/impairments/chance.h"

namespace wobble {

/// Hands out, for each packet, the state that its fate hangs on and the place of its random numbers: of the link, whose
/// packets are counted here, or of the packet's connection. A connection's state lives as long as its record in the
/// table, which bounds how many there are; packets without a connection (a fragment without ports) share one.
template <typename State>
class Memory {
 public:
  struct Turn {
    State& state;
    FlowPosition position;  ///< of the numbers to draw
  };

  void configure(Scope per) noexcept {
    per_ = per;
    forget();
  }
  /// Everything starts anew, but for the link's numbers, which go on, so that none is used twice.
  void forget() noexcept {
    shared_ = {};
    of_connections_.clear();
  }

  Turn next(const FlowPosition& flow) {
    if (per_ == Scope::link) return {shared_, {{}, 0, link_packet_++}};
    return {flow.connection ? of(flow.connection) : shared_, flow};
  }

 private:
  struct Entry {
    std::uint32_t generation = 0;
    State state;
  };

  State& of(ConnectionHandle connection) {
    if (connection.index >= of_connections_.size()) of_connections_.resize(std::size_t{connection.index} + 1);
    Entry& entry = of_connections_[connection.index];
    if (entry.generation != connection.generation) entry = {connection.generation, {}};
    return entry.state;
  }

  Scope per_ = Scope::link;
  State shared_;
  std::uint64_t link_packet_ = 0;
  std::vector<Entry> of_connections_;  ///< by index
};

}  // namespace wobble
