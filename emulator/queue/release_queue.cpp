#include "emulator/queue/release_queue.h"

#include <algorithm>
#include <new>
#include <utility>

namespace wobble {
namespace {

constexpr std::size_t kUsual = 65'536;  // packets in flight, whose places are kept when they have left

}  // namespace

void ReleaseQueue::push(InFlight&& packet) {
  const TimePoint arrived = packet.arrived;
  const TimePoint release_at = packet.release_at;
  enqueue(std::move(packet));
  if (++pushed_ >= next_wake_) wake_held(arrived, release_at);
}

void ReleaseQueue::hold(InFlight&& packet, std::uint32_t packets, TimePoint deadline) {
  const TimePoint earliest = packet.release_at;
  packet.release_at = std::max(earliest, deadline);
  Held& last = held_.emplace_back();
  last = {std::move(packet), earliest, pushed_ + packets, next_order_++};
  next_wake_ = std::min(next_wake_, last.wake_at);
  if (last.packet.release_at < held_[next_held_].packet.release_at) next_held_ = held_.size() - 1;
  refresh_head();
}

void ReleaseQueue::enqueue(InFlight&& packet) {
  const std::uint32_t order = next_order_++;
  // One that was moved back would stand in the FIFO for all that leave before it.
  const bool is_in_order = fifo_.empty() || packet.release_at >= fifo_.back().packet.release_at;
  if (is_in_order && !packet.fate.reordered) {
    const bool is_first = fifo_.empty();
    Entry& entry = fifo_.extend();
    entry.packet = std::move(packet);
    entry.order = order;
    if (is_first) refresh_head();
    return;
  }
  if (free_slots_.empty()) {
    slab_.emplace_back();
    free_slots_.reserve(slab_.capacity());  // so that giving a slot back never allocates
    free_slots_.push_back(static_cast<std::uint32_t>(slab_.size() - 1));
  }
  const std::uint32_t slot = free_slots_.back();
  heap_.push({packet.release_at, order, slot});
  free_slots_.pop_back();
  slab_[slot] = std::move(packet);
  if (heap_.top().order == order) refresh_head();
}

/// Queues those for which enough have come, right behind the packet that was the last of them. Whoever's deadline was
/// over when that packet arrived leaves by the deadline, whether or not pop_due() was called in between. Without memory
/// to queue it, it leaves at the same time from where it is.
void ReleaseQueue::wake_held(TimePoint arrived, TimePoint release_at) noexcept {
  auto kept = held_.begin();
  for (Held& held : held_) {
    if (pushed_ >= held.wake_at && arrived < held.packet.release_at) {
      held.packet.release_at = std::max(held.earliest, release_at);
      try {
        enqueue(std::move(held.packet));
        continue;
      } catch (const std::bad_alloc&) {
      }
    }
    if (&held != &*kept) *kept = std::move(held);
    ++kept;
  }
  held_.erase(kept, held_.end());
  refresh_held();
}

void ReleaseQueue::refresh_held() noexcept {
  next_held_ = 0;
  next_wake_ = std::numeric_limits<std::uint64_t>::max();
  for (std::size_t i = 0; i < held_.size(); ++i) {
    next_wake_ = std::min(next_wake_, held_[i].wake_at);
    if (held_[i].packet.release_at < held_[next_held_].packet.release_at) next_held_ = i;
  }
  refresh_head();
}

void ReleaseQueue::refresh_head() noexcept {
  Head best;
  const auto consider = [&best](const Head& head) {
    if (best.lane == Lane::none || leaves_before({head.release_at, head.order, 0}, {best.release_at, best.order, 0}))
      best = head;
  };
  if (!fifo_.empty()) consider({Lane::fifo, fifo_.front().packet.release_at, fifo_.front().order});
  if (!heap_.empty()) consider({Lane::heap, heap_.top().release_at, heap_.top().order});
  if (!held_.empty()) consider({Lane::held, held_[next_held_].packet.release_at, held_[next_held_].order});
  head_ = best;
}

std::optional<InFlight> ReleaseQueue::pop_due(TimePoint now) {
  if (head_.lane == Lane::none || head_.release_at > now) return std::nullopt;
  InFlight packet = take_head();
  if (head_.lane == Lane::none) release_memory();
  return packet;
}

void ReleaseQueue::release_memory() noexcept {
  if (fifo_.capacity() > kUsual) fifo_.release_memory();
  if (slab_.capacity() <= kUsual) return;
  std::vector<InFlight>().swap(slab_);
  std::vector<std::uint32_t>().swap(free_slots_);
  heap_ = {};
}

InFlight ReleaseQueue::take_head() {
  if (head_.lane == Lane::heap) return take_heap();
  if (head_.lane == Lane::held) return take_held();
  InFlight packet = std::move(fifo_.front().packet);
  fifo_.drop_front();
  // The one behind it was last touched when it came, and is written soon.
  __builtin_prefetch(fifo_.place(2));
  if (!fifo_.empty()) __builtin_prefetch(fifo_.front().packet.buffer.bytes().data());
  refresh_head();
  return packet;
}

InFlight ReleaseQueue::take_heap() {
  const std::uint32_t slot = heap_.pop().slot;
  free_slots_.push_back(slot);
  refresh_head();
  return std::move(slab_[slot]);
}

InFlight ReleaseQueue::take_held() {
  InFlight packet = std::move(held_[next_held_].packet);
  held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(next_held_));
  refresh_held();
  return packet;
}

void ReleaseQueue::release_all(TimePoint now) {
  for (InFlight& packet : take_all()) {
    packet.release_at = std::min(packet.release_at, now);
    enqueue(std::move(packet));
  }
}

std::vector<InFlight> ReleaseQueue::take_all() {
  std::vector<InFlight> all;
  all.reserve(size());
  while (head_.lane != Lane::none) all.push_back(take_head());
  return all;
}

}  // namespace wobble
