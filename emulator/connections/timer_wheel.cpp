#include "emulator/connections/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace wobble {

TimerWheel::TimerWheel(std::uint32_t capacity) : nodes_(std::size_t{capacity} + 1) { earliest_.fill(kNever); }

void TimerWheel::join(std::uint32_t before, std::uint32_t behind) noexcept {
  nodes_[before].next = behind & kMostRecords;
  nodes_[behind].previous = before & kMostRecords;
}

void TimerWheel::link(std::uint32_t index, TimePoint deadline) noexcept {
  Node& node = nodes_[index];
  const std::int64_t last = current_ + kSlots - 1;
  const std::int64_t tick = std::clamp(tick_of(deadline), current_, last);
  const TimePoint ask_at = std::min(deadline, TimePoint(Duration(last << kTickShift)));
  const std::uint32_t slot = static_cast<std::uint32_t>(tick & (kSlots - 1));
  node.slot = slot & (kSlots - 1);
  node.linked = true;
  if (heads_[slot] == 0) {
    heads_[slot] = index;
    join(index, index);
  } else {
    join(nodes_[heads_[slot]].previous, index);
    join(index, heads_[slot]);
  }
  used_[slot / 64] |= std::uint64_t{1} << (slot % 64);
  earliest_[slot] = std::min(earliest_[slot], ask_at);
  ++linked_;
}

void TimerWheel::unlink(std::uint32_t index) noexcept {
  Node& node = nodes_[index];
  // One that waits in the pending list still names its slot; as the head of a list it must know which.
  const std::uint32_t list = heads_[kPending] == index ? kPending : node.slot;
  if (heads_[list] == index) heads_[list] = node.next == index ? 0 : node.next;
  join(node.previous, node.next);
  node.linked = false;
  --linked_;
  if (list != kPending && heads_[list] == 0) {
    used_[list / 64] &= ~(std::uint64_t{1} << (list % 64));
    earliest_[list] = kNever;
  }
}

void TimerWheel::set(std::uint32_t index, TimePoint deadline, TimePoint now) noexcept {
  const Node& node = nodes_[index];
  if (node.linked) {
    const std::int64_t tick = tick_of(deadline), own = tick_of_slot(node.slot);
    if (tick == own) earliest_[node.slot] = std::min(earliest_[node.slot], deadline);
    if (tick >= own) return;
    unlink(index);
  }
  if (linked_ == 0) current_ = std::max(current_, tick_of(now));
  link(index, deadline);
}

void TimerWheel::cancel(std::uint32_t index) noexcept {
  if (nodes_[index].linked) unlink(index);
}

std::uint32_t TimerWheel::first_used(std::uint32_t slot) const noexcept {
  constexpr std::uint32_t kWords = kSlots / 64;
  std::uint64_t word = used_[slot / 64] & (~std::uint64_t{0} << (slot % 64));
  for (std::uint32_t i = 0; i <= kWords; ++i) {
    const std::uint32_t at = (slot / 64 + i) % kWords;
    if (i > 0) word = used_[at];
    if (word != 0) return at * 64 + static_cast<std::uint32_t>(std::countr_zero(word));
  }
  return kSlots;
}

void TimerWheel::collect_slot(std::uint32_t slot) noexcept {
  const std::uint32_t head = heads_[slot];
  const std::uint32_t pending = heads_[kPending];
  if (pending == 0) {
    heads_[kPending] = head;
  } else {
    const std::uint32_t tail = nodes_[head].previous;
    const std::uint32_t pending_tail = nodes_[pending].previous;
    join(pending_tail, head);
    join(tail, pending);
  }
  heads_[slot] = 0;
  used_[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  earliest_[slot] = kNever;
}

void TimerWheel::collect() noexcept {
  const std::int64_t target = tick_of(now_);
  const std::uint32_t present = static_cast<std::uint32_t>(current_ & (kSlots - 1));
  if (target <= current_ && (heads_[present] == 0 || earliest_[present] > now_)) return;  // nearly always
  for (;;) {
    const std::uint32_t here = static_cast<std::uint32_t>(current_ & (kSlots - 1));
    const std::uint32_t slot = first_used(here);
    if (slot == kSlots || earliest_[slot] > now_) break;
    collect_slot(slot);
    current_ += (slot - here) & (kSlots - 1);
  }
  current_ = std::max(current_, target);
}

TimePoint TimerWheel::next_due() const noexcept {
  if (linked_ == 0) return kNever;
  if (heads_[kPending] != 0) return now_;
  return earliest_[first_used(static_cast<std::uint32_t>(current_ & (kSlots - 1)))];
}

}  // namespace wobble
