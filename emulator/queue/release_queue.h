// What waits to leave one direction, in the order of departure: by release_at, and among equals by arrival.
//
// Packets mostly come in the order in which they go, so a FIFO takes those (a few nanoseconds each) and a heap the
// rest. The heap orders small keys; the packets they stand for lie still in a slab. Packets that `reorder` moves back
// by a number of packets wait aside, each until so many have come after it.
//
// Invariant: pop_due() never returns a packet before its release_at, nor one whose release_at is later than that of
// a packet still queued. One thread. Nothing allocates once it has grown to its working size.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "emulator/connections/connection_table.h"
#include "emulator/events/fate.h"
#include "emulator/packet/offload.h"
#include "emulator/packet/packet_buffer.h"
#include "emulator/queue/departure_heap.h"
#include "emulator/queue/ring.h"
#include "emulator/time.h"

namespace wobble {

/// A packet on its way; or several, the segments of one super-packet that share a fate and leave together. In the order
/// that leaves no gaps: there is one for each packet in flight.
struct InFlight {
  PacketBuffer buffer;
  Offload offload;
  std::uint32_t wire_bytes = 0;  ///< of its segments as separate packets
  std::uint16_t segments = 1;
  std::uint8_t copy : 1 = 0;
  bool is_originated : 1 = false;  ///< by the link itself: it did not arrive
  std::uint8_t tcp_at = 0;         ///< where its TCP header begins, if it is one segment; 0: it is to be looked for
  ConnectionHandle connection;
  std::uint32_t epoch = 0;  ///< of the conditions it arrived under
  TimePoint arrived;
  TimePoint release_at;
  Fate fate;
  std::uint64_t number = 0;    ///< of its first segment: the n-th wire packet that arrived on the link
  std::uint64_t sequence = 0;  ///< of its first segment: the n-th that was admitted to its direction
};

class ReleaseQueue {
 public:
  /// Queues a packet to leave at packet.release_at; std::bad_alloc, and it stays with the caller. Counts as one arrival
  /// for those that wait aside; whoever's turn comes with it leaves right behind it.
  void push(InFlight&& packet);
  /// Sets a packet aside until `packets` (1 or more) more were pushed; it then leaves right behind the last of them, or
  /// at `deadline` if they have not arrived by then, but never before its own release_at. Its release_at becomes what
  /// was decided. std::bad_alloc, and it stays with the caller.
  void hold(InFlight&& packet, std::uint32_t packets, TimePoint deadline);

  /// The next departure; kNever if nothing waits.
  TimePoint next_due() const noexcept { return head_.release_at; }
  /// The packet that leaves next, if its time has come.
  std::optional<InFlight> pop_due(TimePoint now);

  /// Everything leaves at `now`, in the order it would have had; what is overdue keeps its earlier time.
  void release_all(TimePoint now);
  /// Takes everything out, in the order of departure.
  std::vector<InFlight> take_all();

  /// Whether packets wait aside, counting those that come after them.
  bool has_held() const noexcept { return !held_.empty(); }
  std::size_t size() const noexcept { return fifo_.size() + heap_.size() + held_.size(); }

 private:
  struct Entry {
    InFlight packet;
    std::uint32_t order = 0;  ///< as Departure's
  };
  static_assert(2 * sizeof(Entry) <= BufferPool::kQueueCost);
  struct Held {
    InFlight packet;        ///< leaves at its release_at (the deadline), unless
    TimePoint earliest;     ///< its own release_at
    std::uint64_t wake_at;  ///< pushed_ reaches this before
    std::uint32_t order;
  };
  enum class Lane : std::uint8_t { none, fifo, heap, held };
  struct Head {
    Lane lane = Lane::none;
    TimePoint release_at = kNever;
    std::uint32_t order = 0;
  };

  void enqueue(InFlight&& packet);
  /// When all has left of what were many more than usual.
  void release_memory() noexcept;
  void wake_held(TimePoint arrived, TimePoint release_at) noexcept;
  void refresh_held() noexcept;
  /// Finds what leaves next; call when the front of a lane has changed.
  void refresh_head() noexcept;
  InFlight take_head();
  InFlight take_heap();
  InFlight take_held();

  Head head_;           ///< of all lanes
  Ring<Entry> fifo_;    ///< release_at never decreases
  DepartureHeap heap_;  ///< of what lies in slab_
  std::vector<InFlight> slab_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<Held> held_;                                               ///< in the order they came
  std::size_t next_held_ = 0;                                            ///< the one of held_ that leaves first, if any
  std::uint64_t next_wake_ = std::numeric_limits<std::uint64_t>::max();  ///< the lowest wake_at of held_
  std::uint64_t pushed_ = 0;
  std::uint32_t next_order_ = 0;
};

}  // namespace wobble
