// From the link's thread to the journal's: a bounded ring of events that never waits and never allocates when pushing.
//
// One thread pushes (it is the ConnectionObserver), one drains; each index is written by one of them only. The consumer
// looks by itself every few tens of milliseconds, so a push wakes nobody.
//
// What does not fit is counted, by kind, and told: as soon as there is room again an EventsLost with the counts stands
// in the place where the gap is. If nothing more is pushed, the consumer finds the counts when it has emptied the ring.
// Each lost event is told exactly once, whoever tells it: the teller takes the count by an atomic exchange.
//
// Ordinary segments (not dropped, without SYN, FIN and RST) are refused first, when more than half the ring is full, so
// that a burst of data never costs a transition; then the other segments, when three quarters are full. Refused
// segments alone are told together, when less than half of the ring is full again, or when they are half as many as it
// holds: else the reports would take the room that is kept for transitions.
//
// The consumer may lower what counts as full (set_limit), so that nothing waits longer than it can answer for.
//
// A slot is as large as a transition. What a connection's end brings besides, its figures, is six times that: they
// have a ring of their own, with a place for one in four events, and no place there counts as no room.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "emulator/connections/connection_table.h"
#include "emulator/events/event.h"
#include "emulator/lazy_array.h"

namespace wobble {

class EventRing final : public ConnectionObserver {
 public:
  static constexpr std::size_t kDefaultCapacity = 65'536;  ///< about 5 MB, and 8 for figures

  /// `capacity` is rounded up to a power of two, at least 4.
  explicit EventRing(std::size_t capacity = kDefaultCapacity);
  EventRing(const EventRing&) = delete;
  EventRing& operator=(const EventRing&) = delete;

  // The producer's thread.
  void on(const ConnectionOpened& event) noexcept override;
  void on(const Transition& event) noexcept override;
  void on(const ConnectionClosed& event) noexcept override;
  void on(const SegmentRecord& event) noexcept override;
  void on_reopened(const ConnectionReopened& event) noexcept override;
  void on_late(const LateFigures& event) noexcept override;
  void on_exhausted(const MemoryExhausted& event) noexcept override;
  void on_flood(const HalfOpenFlood& event) noexcept override;

  /// The consumer's thread. Appends at most `at_most` events to `out`, in the order of pushing, and returns how many.
  /// A loss that is found when the ring has become empty is appended as one more event, beyond `at_most`.
  std::size_t drain(std::vector<LinkEvent>& out, std::size_t at_most);

  /// The consumer's thread: from now on the ring counts as full with so many events, 4 to capacity(). What is in it
  /// stays.
  void set_limit(std::size_t events) noexcept;

  // Any thread.
  std::size_t limit() const noexcept { return limit_.load(std::memory_order_relaxed); }
  std::size_t capacity() const noexcept { return mask_ + 1; }
  std::size_t size() const noexcept;
  /// Since the ring was made, told or not.
  std::uint64_t lost_transitions() const noexcept { return lost_transitions_.load(std::memory_order_relaxed); }
  /// Of the transitions: openings.
  std::uint64_t lost_connections() const noexcept { return lost_connections_.load(std::memory_order_relaxed); }
  std::uint64_t lost_segments() const noexcept { return lost_segments_.load(std::memory_order_relaxed); }

 private:
  /// A ConnectionClosed, or LateFigures, whose figures lie in the other ring.
  struct Ending {
    ConnectionId id = 0;
    TimePoint at;
    bool is_late = false;
    End end = End::open;
    ClosedBy closed_by = ClosedBy::nobody;
    TcpState client_state = TcpState::none;
    TcpState server_state = TcpState::none;
  };
  using Slot = std::variant<ConnectionOpened, Transition, Ending, ConnectionReopened, SegmentRecord, EventsLost,
                            MemoryExhausted, HalfOpenFlood>;

 public:
  static constexpr std::size_t kBytesPerEvent = sizeof(Slot);
  static_assert(kBytesPerEvent <= 80);

 private:
  template <typename Event>
  bool push(const Event& event, std::size_t room_needed) noexcept;
  void push_ending(const Ending& ending, const ConnectionFigures& figures) noexcept;
  LinkEvent take(const Slot& slot) noexcept;
  LinkEvent with_figures(const Ending& ending) noexcept;
  bool has_room_for_figures() noexcept;
  void lose(std::atomic<std::uint64_t>& total, std::atomic<std::uint64_t>& untold, TimePoint at) noexcept;
  bool is_time_to_tell(std::size_t head) noexcept;
  bool has_untold() const noexcept;
  EventsLost take_untold() noexcept;

  std::size_t mask_;
  std::unique_ptr<Slot[]> slots_;
  LazyArray<ConnectionFigures> figures_;

  // Producer's: it writes head_, and reads tail_ only when the ring looks full by the copy it has.
  alignas(64) std::atomic<std::size_t> head_{0};
  std::size_t tail_seen_ = 0;
  std::size_t figures_head_ = 0;
  std::size_t figures_tail_seen_ = 0;
  std::atomic<std::uint64_t> lost_transitions_{0};
  std::atomic<std::uint64_t> lost_segments_{0};
  std::atomic<std::uint64_t> lost_connections_{0};

  // Consumer's.
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::atomic<std::size_t> figures_tail_{0};
  std::atomic<std::size_t> limit_;

  // Both, but touched only around a loss.
  alignas(64) std::atomic<std::uint64_t> untold_transitions_{0};
  std::atomic<std::uint64_t> untold_segments_{0};
  std::atomic<std::uint64_t> untold_connections_{0};
  std::atomic<Duration::rep> lost_at_{0};  ///< when the latest was lost
};

}  // namespace wobble
