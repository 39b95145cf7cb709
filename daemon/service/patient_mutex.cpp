#include "daemon/service/patient_mutex.h"

#include "api/backend.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookEvery = 50ms;

class Counted {
 public:
  explicit Counted(std::atomic<int>& counter) : counter_(counter), number_(++counter) {}
  ~Counted() { --counter_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  int number() const { return number_; }

 private:
  std::atomic<int>& counter_;
  int number_;
};

}  // namespace

void PatientMutex::lock() {
  mutex_.lock();
  note_the_time();
}

void PatientMutex::unlock() { mutex_.unlock(); }

void PatientMutex::lock_or_refuse() {
  const Counted waiting(waiting_);
  if (waiting.number() > kMostWaiting) {
    throw api::Unavailable("too many links are to be set up or taken down at the same time: try again in a moment");
  }
  const auto began = Clock::now();
  while (!mutex_.try_lock_for(kLookEvery)) {
    const auto now = Clock::now();
    const Clock::time_point held_since{Clock::duration(held_since_)};
    if (now - held_since < kPatience && now - began < 2 * kPatience) continue;
    throw api::Unavailable("another link is being set up or taken down, which has taken " +
                           std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now - held_since).count()) +
                           " s so far (does 'ip' hang?): nothing was changed; try again later");
  }
  note_the_time();
}

}  // namespace wobble::daemon
