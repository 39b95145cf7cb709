#include "daemon/ways_in/diverted_path.h"

#include <algorithm>

namespace wobble::daemon {

DivertedPath::DivertedPath(std::shared_ptr<ShareMap> share, std::shared_ptr<KernelRing> ring, const DeviceBundle& near,
                           const DeviceBundle& far)
    : share_(std::move(share)), ring_(std::move(ring)), near_(near), far_(far) {}

bool DivertedPath::next(StayedPacket& out) noexcept {
  const StayedRecord* record = ring_->next();
  if (record == nullptr) return false;
  const bool is_cut = record->segment_size > 0 && record->length > kHeaders;
  out.side = static_cast<Direction>(record->direction) == Direction::up ? Side::near : Side::far;
  out.at = TimePoint(Duration(static_cast<Duration::rep>(record->time)));
  out.length = record->length;
  out.segment_size = record->segment_size;
  out.bytes = {reinterpret_cast<const std::uint8_t*>(record + 1), is_cut ? kHeaders : record->length};
  return true;
}

void DivertedPath::set(Direction direction, bool may_stay) noexcept {
  if (!may_stay) {
    for (std::size_t number = 0; number <= highest_; ++number) share_->let_come_up(number, direction);
    return;
  }
  const DeviceBundle& bundle = direction == Direction::up ? near_ : far_;
  for (std::size_t i = 0; i < bundle.size(); ++i) {
    const DeviceBundle::Reading reading = bundle.reading(i);
    if (!share_->lets_stay(reading.number, direction)) settle(direction, reading);
  }
}

void DivertedPath::settle(Direction direction, const DeviceBundle::Reading& reading) noexcept {
  Missing& missing = missing_[reading.number][static_cast<std::size_t>(direction)];
  const std::uint64_t came_up = share_->came_up(reading.number, direction);
  if (came_up < reading.packets + missing.dropped) missing = {};  // another device has that number now
  const std::uint64_t gap = came_up - std::min(came_up, reading.packets + missing.dropped);
  if (gap == 0) {
    missing.since = kNever;
    highest_ = std::max(highest_, reading.number);
    return share_->let_stay(reading.number, direction, came_up);
  }
  if (!reading.is_empty) return;
  const TimePoint now = std::chrono::steady_clock::now();
  if (missing.since == kNever) {
    missing.since = now;
    missing.least = gap;
    return;
  }
  missing.least = std::min(missing.least, gap);
  if (now - missing.since < kPatience) return;
  missing.dropped += missing.least;
  missing.since = kNever;
}

}  // namespace wobble::daemon
