// Packets for a queue's discipline, without a link around it.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "emulator/impairments/queue_discipline.h"

namespace wobble {

/// Brings packets to a discipline, and takes them out.
class QueueBench {
 public:
  explicit QueueBench(QueueDiscipline& queue) : queue_(queue) {}

  /// A packet of `length` bytes with a number of its own; false if it was dropped on arrival.
  bool arrive(TimePoint now, std::uint32_t length = 1500, std::uint64_t flow = 1, bool is_ecn_capable = false,
              std::uint64_t number = 0) {
    const OnArrival verdict = queue_.arrive(number, length, is_ecn_capable, now);
    if (verdict == OnArrival::drop) {
      ++next_;
      return false;
    }
    push(now, length, flow, is_ecn_capable, verdict == OnArrival::mark);
    return true;
  }
  /// One that is let in unasked.
  void push(TimePoint now, std::uint32_t length = 1500, std::uint64_t flow = 1, bool is_ecn_capable = false,
            bool to_mark = false) {
    Waiting waiting;
    waiting.packet.buffer = pool_.allocate(length);
    waiting.packet.buffer.bytes()[0] = 0x45;
    waiting.packet.buffer.bytes()[1] = is_ecn_capable ? 2 : 0;
    waiting.packet.wire_bytes = length;
    waiting.packet.arrived = now;
    waiting.flow = {{}, flow, next_++};
    waiting.to_mark = to_mark;
    EXPECT_TRUE(queue_.push(std::move(waiting)));
  }

  struct Out {
    std::uint64_t packet;  ///< its number
    std::uint64_t flow;
    bool to_mark;
  };
  std::optional<Out> pop(TimePoint now) {
    std::optional<Waiting> first = queue_.pop(now, drops_);
    collect();
    if (!first) return std::nullopt;
    return Out{first->flow.packet, first->flow.flow_key, first->to_mark};
  }
  void collect() {
    while (!drops_.empty()) {
      const DroppedWaiting dropped = drops_.pop();
      dropped_.push_back(dropped.waiting.flow.packet);
      dropped_flows_.push_back(dropped.waiting.flow.flow_key);
      reasons_.push_back(dropped.reason);
    }
  }

  QueueDiscipline& queue_;
  BufferPool pool_{std::size_t{1} << 30};
  Drops drops_;
  std::vector<std::uint64_t> dropped_;  ///< by number
  std::vector<std::uint64_t> dropped_flows_;
  std::vector<DropReason> reasons_;
  std::uint64_t next_ = 0;
};

}  // namespace wobble
