#include "daemon/journal/passes.h"

#include <algorithm>
#include <utility>

namespace wobble::daemon {

void Passes::add(LinkNumber link, EventRing& ring) {
  const LockGuard lock(mutex_);
  sources_.push_back({link, &ring});
}

void Passes::remove(EventRing& ring) {
  UniqueLock lock(mutex_);
  const auto is_it = [&](const RingSource& source) { return source.ring == &ring; };
  const auto source = std::find_if(sources_.begin(), sources_.end(), is_it);
  if (source == sources_.end() || stopped_) return;
  source->leaves_with = ++wanted_pass_;
  wanted_.notify_all();
  passed_.wait(lock, [&]() WOBBLE_REQUIRES(mutex_) {
    return stopped_ || std::none_of(sources_.begin(), sources_.end(), is_it);
  });
}

std::vector<LinkNumber> Passes::links() const {
  std::vector<LinkNumber> links;
  const LockGuard lock(mutex_);
  for (const RingSource& source : sources_) links.push_back(source.link);
  return links;
}

bool Passes::sync(Duration at_most) {
  UniqueLock lock(mutex_);
  if (stopped_) return was_ok_;
  const std::uint64_t mine = ++wanted_pass_;
  wanted_.notify_all();
  return passed_.wait_for(lock, at_most, [&]() WOBBLE_REQUIRES(mutex_) { return done_pass_ >= mine || stopped_; }) &&
         was_ok_;
}

void Passes::end_unknown(const std::vector<ConnectionId>& ids) {
  if (ids.empty()) return;
  const LockGuard lock(mutex_);
  const bool may_repeat = !ended_unknown_.empty();  // what is tried again, and is said again meanwhile
  ended_unknown_.insert(ended_unknown_.end(), ids.begin(), ids.end());
  if (!may_repeat) return;
  std::ranges::sort(ended_unknown_);
  const auto repeated = std::ranges::unique(ended_unknown_);
  ended_unknown_.erase(repeated.begin(), repeated.end());
}

void Passes::stop() {
  {
    const LockGuard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_all();
}

void Passes::add_to(api::JournalStats& stats) const {
  const LockGuard lock(mutex_);
  stats.lost_transitions += gone_transitions_;
  stats.lost_segments += gone_segments_;
  for (const RingSource& source : sources_) {
    stats.lost_transitions += source.ring->lost_transitions();
    stats.lost_segments += source.ring->lost_segments();
  }
}

Pass Passes::wait(TimePoint at) {
  UniqueLock lock(mutex_);
  wanted_.wait_until(lock, at, [&]() WOBBLE_REQUIRES(mutex_) { return stopping_ || wanted_pass_ > done_pass_; });
  return {wanted_pass_, stopping_, sources_, std::exchange(ended_unknown_, {})};
}

bool Passes::is_wanted() const {
  const LockGuard lock(mutex_);
  return stopping_ || wanted_pass_ > done_pass_;
}

void Passes::done(const Pass& pass, bool ok) {
  const LockGuard lock(mutex_);
  done_pass_ = pass.number;
  was_ok_ = ok;
  stopped_ = pass.is_last;
  std::erase_if(sources_, [&](const RingSource& source) WOBBLE_REQUIRES(mutex_) {
    if (source.leaves_with == 0 || source.leaves_with > pass.number) return false;
    gone_transitions_ += source.ring->lost_transitions();
    gone_segments_ += source.ring->lost_segments();
    return true;
  });
  passed_.notify_all();
}

}  // namespace wobble::daemon
