#include "api/http/body_stream.h"

#include <algorithm>
#include <cstring>

namespace wobble::api {

void BodyStream::wake() {
  if (!suspended_) return;
  suspended_ = false;
  resume_();
}

void BodyStream::write(std::string_view bytes) {
  const LockGuard lock(mutex_);
  if (ended_ || disconnected_ || bytes.empty()) return;
  if (taken_ > 0 && taken_ >= bytes_.size() / 2) {
    bytes_.erase(0, taken_);
    taken_ = 0;
  }
  bytes_ += bytes;
  wake();
}

void BodyStream::end() {
  const LockGuard lock(mutex_);
  ended_ = true;
  if (!disconnected_) wake();
}

std::size_t BodyStream::waiting() const {
  const LockGuard lock(mutex_);
  return bytes_.size() - taken_;
}

bool BodyStream::is_gone() const {
  const LockGuard lock(mutex_);
  return disconnected_ || (hung_up_ && hung_up_());
}

void BodyStream::connect(std::function<void()> resume, std::function<bool()> hung_up) {
  const LockGuard lock(mutex_);
  resume_ = std::move(resume);
  hung_up_ = std::move(hung_up);
}

void BodyStream::disconnect() {
  const LockGuard lock(mutex_);
  disconnected_ = true;
  suspended_ = false;
  resume_ = nullptr;
  hung_up_ = nullptr;
  bytes_.clear();
  taken_ = 0;
}

ssize_t BodyStream::read(char* out, std::size_t size, const std::function<void()>& suspend) {
  const LockGuard lock(mutex_);
  const std::size_t n = std::min(size, bytes_.size() - taken_);
  if (n > 0) {
    std::memcpy(out, bytes_.data() + taken_, n);
    taken_ += n;
    if (taken_ == bytes_.size()) {
      bytes_.clear();
      taken_ = 0;
    }
    return static_cast<ssize_t>(n);
  }
  if (ended_) return -1;
  suspended_ = true;
  suspend();
  return 0;
}

}  // namespace wobble::api
