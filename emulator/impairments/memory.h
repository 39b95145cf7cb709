// Where a model with a memory keeps it: once for the link, or once for each connection.
#pragma once

#include <deque>
#include <unordered_map>
#include <vector>

#include "emulator/impairments/chance.h"

namespace wobble {

/// Hands out, for each packet, the state that its fate hangs on and the place of its random numbers: of the link, whose
/// packets are counted here, or of the packet's connection. A connection's state lives as long as its record in the
/// table, which bounds how many there are. While it is half-open it has no record: its state waits here until it has
/// one, among the latest kHalfOpen. Packets without a connection (a fragment without ports) share one.
template <typename State>
class Memory {
 public:
  static constexpr std::size_t kHalfOpen = 131'072;  ///< twice what the table keeps unless asked otherwise

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
    of_records_.clear();
    of_half_open_.clear();
    opened_.clear();
  }

  Turn next(const FlowPosition& flow) {
    if (per_ == Scope::link) return {shared_, {{}, 0, link_packet_++}};
    if (!flow.connection) return {shared_, flow};
    return {flow.connection.is_half_open() ? of_half_open(flow.flow_key) : of_record(flow), flow};
  }

 private:
  struct Entry {
    std::uint32_t generation = 0;
    State state;
  };

  State& of_half_open(std::uint64_t flow_key) {
    const auto [place, is_new] = of_half_open_.try_emplace(flow_key);
    if (is_new) {
      opened_.push_back(flow_key);
      make_room(flow_key);
    }
    return place->second;
  }

  /// Those that have a record by now go as soon as they are the eldest.
  void make_room(std::uint64_t newest) {
    while (opened_.front() != newest && (opened_.size() > kHalfOpen || !of_half_open_.contains(opened_.front()))) {
      of_half_open_.erase(opened_.front());
      opened_.pop_front();
    }
  }

  State& of_record(const FlowPosition& flow) {
    const auto [index, generation] = flow.connection;
    if (index >= of_records_.size()) of_records_.resize(std::size_t{index} + 1);
    Entry& entry = of_records_[index];
    if (entry.generation != generation) {
      auto waited = of_half_open_.extract(flow.flow_key);
      entry = {generation, waited ? waited.mapped() : State{}};
    }
    return entry.state;
  }

  Scope per_ = Scope::link;
  State shared_;
  std::uint64_t link_packet_ = 0;
  std::vector<Entry> of_records_;  ///< by index
  std::unordered_map<std::uint64_t, State> of_half_open_;
  std::deque<std::uint64_t> opened_;  ///< their flow keys, the eldest first
};

}  // namespace wobble
