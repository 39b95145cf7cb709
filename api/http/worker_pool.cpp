#include "api/http/worker_pool.h"

#include <utility>

namespace wobble::api {

void WorkerPool::start(std::size_t workers) {
  try {
    threads_.emplace_back([this] { work(true); });
    for (std::size_t i = 0; i < workers; ++i) threads_.emplace_back([this] { work(false); });
  } catch (...) {
    stop();
    throw;
  }
}

void WorkerPool::submit(Job job, bool urgent) {
  {
    const LockGuard lock(mutex_);
    if (!stopping_) {
      (urgent ? urgent_ : others_).push_back(std::move(job));
      wake_.notify_one();
      if (urgent) urgent_wake_.notify_one();
      return;
    }
  }
  job();
}

void WorkerPool::stop() {
  {
    const LockGuard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  urgent_wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkerPool::work(bool urgent_only) {
  UniqueLock lock(mutex_);
  std::condition_variable& wake = urgent_only ? urgent_wake_ : wake_;
  for (;;) {
    wake.wait(lock, [&]() WOBBLE_REQUIRES(mutex_) {
      return stopping_ || !urgent_.empty() || (!urgent_only && !others_.empty());
    });
    std::deque<Job>& queue = urgent_.empty() ? others_ : urgent_;
    if (queue.empty() || (urgent_only && urgent_.empty())) return;  // stopping, and nothing is left for this one
    const Job job = std::move(queue.front());
    queue.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
}

}  // namespace wobble::api
