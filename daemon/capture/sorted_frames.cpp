#include "daemon/capture/sorted_frames.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "daemon/capture/capture_notes.h"

namespace wobble::daemon {
namespace {

constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();

/// A damaged capture may have any times.
using Wide = __int128;

}  // namespace

bool SortedFrames::read_one() {
  CapturedFrame frame;
  try {
    if (!reader_.next(frame)) return false;
  } catch (const CaptureError&) {
    error_ = std::current_exception();
    return false;
  }
  hold(frame);
  return true;
}

void SortedFrames::step(std::int64_t by, std::int64_t at) {
  constexpr std::int64_t kMostBehind = std::numeric_limits<std::int64_t>::max() / 4;
  const Wide behind = Wide{behind_} + by;
  if (behind > kMostBehind || behind < -kMostBehind) return;
  behind_ = static_cast<std::int64_t>(behind);
  latest_step_ = std::max<std::int64_t>(by, 0);
  since_step_ = 0;
  ++clock_;
  for (Interface& interface : interfaces_) interface.newest = kNone;
  newest_ = at;
}

SortedFrames::Interface& SortedFrames::interface_of(const CapturedFrame& frame) {
  while (interfaces_.size() <= frame.interface) {
    const auto mark = parse_lane_mark(reader_.interfaces()[interfaces_.size()].hardware);
    interfaces_.push_back({kNone, mark.has_value(), mark ? mark->behind : 0});
  }
  return interfaces_[frame.interface];
}

void SortedFrames::follow_clock(const CapturedFrame& frame) {
  Interface& interface = interface_of(frame);
  const Wide own = interface.newest, at = frame.at;
  const bool is_back = has_begun_ && ((interface.newest != kNone && own - at > kWindow) || Wide{newest_} - at > kTurn);
  const bool is_return = latest_step_ > 0 && since_step_ <= kMostLate && at - before_ >= latest_step_;
  if (interface.is_ours && interface.behind != ours_behind_) {
    step(interface.behind - ours_behind_, frame.at);
    ours_behind_ = interface.behind;
  } else if (is_back) {
    constexpr Wide kLongest = std::numeric_limits<std::int64_t>::max();
    step(static_cast<std::int64_t>(std::min(newest_ - at + 1, kLongest)), frame.at);  // 1: no two moments are the same
  } else if (is_return) {
    step(-latest_step_, frame.at);
  }
  if (interface.is_ours || was_ours_) ++clock_;  // in the order in which things happened, whatever the times say
  was_ours_ = interface.is_ours;
  ++since_step_;
  before_ = frame.at;
  newest_ = has_begun_ ? std::max(newest_, frame.at) : frame.at;
  interface.newest = std::max(interface.newest, frame.at);
  has_begun_ = true;
}

// Nearly every frame belongs at the end.
void SortedFrames::hold(const CapturedFrame& frame) {
  std::unique_ptr<Held> held;
  if (spare_.empty()) {
    held = std::make_unique<Held>();
  } else {
    held = std::move(spare_.back());
    spare_.pop_back();
  }
  follow_clock(frame);
  held->frame = frame;
  held->bytes.assign(frame.bytes.begin(), frame.bytes.end());
  held->comment = frame.comment;
  held->behind = behind_;
  held->clock = clock_;
  auto place = waiting_.end();
  while (place != waiting_.begin() && (*std::prev(place))->clock == clock_ && (*std::prev(place))->frame.at > frame.at)
    --place;
  waiting_.insert(place, std::move(held));
}

bool SortedFrames::is_ripe() const {
  const Held& first = *waiting_.front();
  return first.clock != clock_ || Wide{newest_} - first.frame.at >= kWindow;
}

std::int64_t SortedFrames::steady_time() const noexcept {
  if (!out_) return 0;
  using Limits = std::numeric_limits<std::int64_t>;
  const Wide steady = Wide{out_->frame.at} + out_->behind;
  return static_cast<std::int64_t>(std::clamp<Wide>(steady, Limits::min(), Limits::max()));
}

bool SortedFrames::next(CapturedFrame& frame) {
  while (!is_at_end_ && waiting_.size() < kMost && (waiting_.empty() || !is_ripe())) is_at_end_ = !read_one();
  if (waiting_.empty()) {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return false;
  }
  if (out_) spare_.push_back(std::move(out_));
  out_ = std::move(waiting_.front());
  waiting_.pop_front();
  frame = out_->frame;
  frame.bytes = out_->bytes;
  frame.comment = out_->comment;
  return true;
}

}  // namespace wobble::daemon
