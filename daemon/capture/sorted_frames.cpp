#include "daemon/capture/sorted_frames.h"

#include <algorithm>
#include <utility>

namespace wobble::daemon {

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

void SortedFrames::hold(const CapturedFrame& frame) {
  std::unique_ptr<Held> held;
  if (spare_.empty()) {
    held = std::make_unique<Held>();
  } else {
    held = std::move(spare_.back());
    spare_.pop_back();
  }
  held->frame = frame;
  held->bytes.assign(frame.bytes.begin(), frame.bytes.end());
  held->comment = frame.comment;
  held->order = order_++;
  newest_ = order_ == 1 ? frame.at : std::max(newest_, frame.at);
  heap_.push_back(std::move(held));
  std::push_heap(heap_.begin(), heap_.end(), is_later);
}

bool SortedFrames::next(CapturedFrame& frame) {
  const auto is_ripe = [&] { return newest_ - kWindow >= heap_.front()->frame.at; };
  while (!is_at_end_ && heap_.size() < kMost && (heap_.empty() || !is_ripe())) is_at_end_ = !read_one();
  if (heap_.empty()) {
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return false;
  }
  std::pop_heap(heap_.begin(), heap_.end(), is_later);
  if (out_) spare_.push_back(std::move(out_));
  out_ = std::move(heap_.back());
  heap_.pop_back();
  frame = out_->frame;
  frame.bytes = out_->bytes;
  frame.comment = out_->comment;
  return true;
}

}  // namespace wobble::daemon
