// What waits to leave one direction, in the order of departure: by release_at, and among equals by arrival.
//
// Packets mostly come in the order in which they go, so a FIFO takes those (a few nanoseconds each) and a heap the
// rest. Packets that `reorder` moves back by a number of packets wait aside, each until so many have come after it.
//
// Invariant: pop_due() never returns a packet before its release_at, nor one whose release_at is later than that of
// a packet still queued. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "emulator/connection_table.h"
#include "emulator/fate.h"
#include "emulator/packet_buffer.h"
#include "emulator/time.h"

namespace wobble {

/// A packet on its way.
struct InFlight {
  PacketBuffer buffer;
  ConnectionHandle connection;
  TimePoint arrived;
  TimePoint release_at;
  Fate fate;
  std::uint8_t copy = 0;
  std::uint32_t epoch = 0;  ///< of the conditions it arrived under
};

class ReleaseQueue {
 public:
  /// Queues a packet to leave at packet.release_at. Counts as one arrival for those that wait aside; whoever's turn
  /// comes with it leaves right behind it.
  void push(InFlight&& packet);
  /// Sets a packet aside until `packets` more were pushed; it then leaves right behind the last of them, or at
  /// `deadline` if they do not come, but never before its own release_at.
  void hold(InFlight&& packet, std::uint32_t packets, TimePoint deadline);

  /// The next departure; kNever if nothing waits.
  TimePoint next_due() const noexcept;
  /// The packet that leaves next, if its time has come.
  std::optional<InFlight> pop_due(TimePoint now);

  /// Everything leaves at `now`, in the order it would have had.
  void release_all(TimePoint now);
  /// Takes everything out, in the order of departure.
  std::vector<InFlight> take_all();

  std::size_t size() const noexcept { return fifo_.size() + heap_.size() + held_.size(); }

 private:
  struct Entry {
    InFlight packet;
    std::uint64_t order;
  };
  struct Held {
    InFlight packet;
    std::uint32_t packets_to_go;
    TimePoint deadline;
    std::uint64_t order;
  };
  void enqueue(InFlight&& packet);

  std::deque<Entry> fifo_;
  std::vector<Entry> heap_;
  std::vector<Held> held_;
  std::uint64_t next_order_ = 0;
};

}  // namespace wobble
