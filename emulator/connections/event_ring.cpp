#include "emulator/connections/event_ring.h"

#include <algorithm>
#include <bit>
#include <type_traits>

namespace wobble {

namespace {

constexpr std::size_t kEventsPerFigures = 4;
constexpr std::size_t kFewestFigures = 1024;

constexpr std::uint16_t kSpecialFlags = tcp_flag::kSyn | tcp_flag::kFin | tcp_flag::kRst;

bool is_ordinary(const SegmentRecord& segment) noexcept {
  return segment.drop == DropReason::none && !segment.tcp.has(kSpecialFlags);
}

}  // namespace

EventRing::EventRing(std::size_t capacity)
    : mask_(std::bit_ceil(std::max<std::size_t>(capacity, 4)) - 1),
      slots_(std::make_unique<Slot[]>(mask_ + 1)),
      figures_(std::min(mask_ + 1, std::max((mask_ + 1) / kEventsPerFigures, kFewestFigures))),
      limit_(mask_ + 1) {}

void EventRing::on(const ConnectionOpened& event) noexcept {
  if (push(event, 1)) return;
  lost_connections_.fetch_add(1, std::memory_order_relaxed);
  untold_connections_.fetch_add(1, std::memory_order_relaxed);
  lose(lost_transitions_, untold_transitions_, event.at);
}

void EventRing::on(const Transition& event) noexcept {
  if (!push(event, 1)) lose(lost_transitions_, untold_transitions_, event.at);
}

void EventRing::on(const ConnectionClosed& event) noexcept {
  push_ending({event.id, event.at, false, event.end, event.closed_by, event.client_state, event.server_state},
              event.figures);
}

void EventRing::on_reopened(const ConnectionReopened& event) noexcept {
  if (!push(event, 1)) lose(lost_transitions_, untold_transitions_, event.at);
}

void EventRing::on_late(const LateFigures& event) noexcept {
  push_ending({event.id, event.at, true, {}, {}, event.client_state, event.server_state}, event.figures);
}

void EventRing::push_ending(const Ending& ending, const ConnectionFigures& figures) noexcept {
  if (has_room_for_figures()) {
    figures_[figures_head_ % figures_.size()] = figures;  // seen by the consumer when it sees the ending
    if (push(ending, 1)) {
      ++figures_head_;
      return;
    }
  }
  lose(lost_transitions_, untold_transitions_, ending.at);
}

void EventRing::on_flood(const HalfOpenFlood& event) noexcept {
  if (!push(event, 1)) lose(lost_transitions_, untold_transitions_, event.at);
}

void EventRing::on(const SegmentRecord& event) noexcept {
  const std::size_t room_needed = std::max<std::size_t>(is_ordinary(event) ? limit() / 2 : limit() / 4, 1);
  const TimePoint at = event.delivered_at == kNever ? event.sent_at : event.delivered_at;
  if (!push(event, room_needed)) lose(lost_segments_, untold_segments_, at);
}

void EventRing::on_exhausted(const MemoryExhausted& event) noexcept {
  if (!push(event, 1)) lose(lost_transitions_, untold_transitions_, event.at);
}

bool EventRing::has_room_for_figures() noexcept {
  if (figures_head_ - figures_tail_seen_ < figures_.size()) return true;
  figures_tail_seen_ = figures_tail_.load(std::memory_order_acquire);
  return figures_head_ - figures_tail_seen_ < figures_.size();
}

template <typename Event>
bool EventRing::push(const Event& event, std::size_t room_needed) noexcept {
  std::size_t head = head_.load(std::memory_order_relaxed);
  // With a loss to tell, it goes first, and only together with the event: else one freed slot would be taken by the
  // report of a loss, the event be lost, and so on.
  const std::size_t full = limit();
  const bool report = is_time_to_tell(head);
  if (report) room_needed = std::max<std::size_t>(room_needed, 2);
  if (head - tail_seen_ + room_needed > full) {
    tail_seen_ = tail_.load(std::memory_order_acquire);
    if (head - tail_seen_ + room_needed > full) return false;
  }
  if (report) {
    const EventsLost lost = take_untold();
    if (lost.transitions != 0 || lost.segments != 0) slots_[head++ & mask_] = lost;  // else the consumer was faster
  }
  slots_[head & mask_] = event;
  head_.store(head + 1, std::memory_order_release);
  return true;
}

void EventRing::lose(std::atomic<std::uint64_t>& total, std::atomic<std::uint64_t>& untold, TimePoint at) noexcept {
  total.fetch_add(1, std::memory_order_relaxed);
  lost_at_.store(at.time_since_epoch().count(), std::memory_order_relaxed);
  untold.fetch_add(1, std::memory_order_release);
}

bool EventRing::is_time_to_tell(std::size_t head) noexcept {
  if (untold_transitions_.load(std::memory_order_relaxed) != 0) return true;
  const std::uint64_t segments = untold_segments_.load(std::memory_order_relaxed);
  if (segments == 0) return false;
  const std::size_t half = limit() / 2;
  if (segments >= half) return true;
  tail_seen_ = tail_.load(std::memory_order_acquire);
  return head - tail_seen_ < half;
}

bool EventRing::has_untold() const noexcept {
  return untold_transitions_.load(std::memory_order_relaxed) != 0 ||
         untold_segments_.load(std::memory_order_relaxed) != 0;
}

EventsLost EventRing::take_untold() noexcept {
  EventsLost lost;
  lost.transitions = untold_transitions_.exchange(0, std::memory_order_acquire);
  lost.segments = untold_segments_.exchange(0, std::memory_order_acquire);
  lost.connections = untold_connections_.exchange(0, std::memory_order_relaxed);
  lost.at = TimePoint(Duration(lost_at_.load(std::memory_order_relaxed)));
  return lost;
}

std::size_t EventRing::drain(std::vector<LinkEvent>& out, std::size_t at_most) {
  std::size_t tail = tail_.load(std::memory_order_relaxed);
  const std::size_t available = head_.load(std::memory_order_acquire) - tail;
  const std::size_t count = std::min(available, at_most);
  out.reserve(out.size() + count + 1);
  for (std::size_t i = 0; i < count; ++i) out.push_back(take(slots_[(tail + i) & mask_]));
  tail_.store(tail + count, std::memory_order_release);
  if (count < available || !has_untold()) return count;
  // The exchange may catch losses that came after the ring was looked at: they are then told a little early.
  const EventsLost lost = take_untold();
  if (lost.transitions == 0 && lost.segments == 0) return count;
  out.push_back(lost);
  return count + 1;
}

LinkEvent EventRing::take(const Slot& slot) noexcept {
  return std::visit(
      [this](const auto& event) -> LinkEvent {
        if constexpr (std::is_same_v<std::decay_t<decltype(event)>, Ending>) {
          return with_figures(event);
        } else {
          return event;
        }
      },
      slot);
}

LinkEvent EventRing::with_figures(const Ending& ending) noexcept {
  const std::size_t tail = figures_tail_.load(std::memory_order_relaxed);
  const ConnectionFigures& figures = figures_[tail % figures_.size()];
  LinkEvent event;
  if (ending.is_late) {
    event = LateFigures{ending.id, ending.at, ending.client_state, ending.server_state, figures};
  } else {
    event = ConnectionClosed{ending.id,           ending.at,           ending.end, ending.closed_by,
                             ending.client_state, ending.server_state, figures};
  }
  figures_tail_.store(tail + 1, std::memory_order_release);
  return event;
}

void EventRing::set_limit(std::size_t events) noexcept {
  limit_.store(std::clamp<std::size_t>(events, 4, capacity()), std::memory_order_relaxed);
}

std::size_t EventRing::size() const noexcept {
  const std::size_t tail = tail_.load(std::memory_order_acquire);
  return head_.load(std::memory_order_acquire) - tail;
}

}  // namespace wobble
