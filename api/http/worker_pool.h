// Threads that do what may wait: handlers. One more than asked for does nothing but what is urgent, so that a question
// that is answered at once has an answer whatever the others wait for.
//
// Thread: submit() from any; start and stop by the owner.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "emulator/mutex.h"

namespace wobble::api {

class WorkerPool {
 public:
  using Job = std::function<void()>;

  WorkerPool() = default;
  ~WorkerPool() { stop(); }
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// Throws std::system_error if there are not enough threads to be had; then none runs.
  void start(std::size_t workers);
  /// `job` must not throw. `urgent`: before all that is not. Once stop() has begun it is done at once, by the caller.
  void submit(Job job, bool urgent);
  /// Returns when everything that was submitted has been done.
  void stop();

 private:
  void work(bool urgent_only);

  std::vector<std::thread> threads_;
  Mutex mutex_;
  std::condition_variable wake_;         // of those that take everything
  std::condition_variable urgent_wake_;  // of the one that does not
  std::deque<Job> urgent_ WOBBLE_GUARDED_BY(mutex_);
  std::deque<Job> others_ WOBBLE_GUARDED_BY(mutex_);
  bool stopping_ WOBBLE_GUARDED_BY(mutex_) = false;
};

}  // namespace wobble::api
