// Mutexes whose use clang checks when it compiles (https://clang.llvm.org/docs/ThreadSafetyAnalysis.html): a member
// says which mutex guards it, a function which one its caller holds, and `./dev lint threads` fails where one is not
// held. To every other compiler they are the standard library's, which says nothing of the kind in libstdc++.
//
// What the analysis cannot follow: a lock that is a member or is returned, and a lambda, which says by itself what it
// needs ([this]() WOBBLE_REQUIRES(mutex_) {...}). Constructors and destructors are not looked at.
#pragma once

#include <chrono>
#include <mutex>
#include <shared_mutex>

#ifdef __clang__
#define WOBBLE_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define WOBBLE_THREAD_SAFETY(attribute)
#endif

/// Of a class: it is a mutex, or holds one from its constructor to its destructor.
#define WOBBLE_CAPABILITY(kind) WOBBLE_THREAD_SAFETY(capability(kind))
#define WOBBLE_SCOPED_CAPABILITY WOBBLE_THREAD_SAFETY(scoped_lockable)

/// Of a member: to be read with this mutex held in any way, and written with it held alone.
#define WOBBLE_GUARDED_BY(mutex) WOBBLE_THREAD_SAFETY(guarded_by(mutex))

/// Of a function: its caller holds the mutex, before and after.
#define WOBBLE_REQUIRES(...) WOBBLE_THREAD_SAFETY(requires_capability(__VA_ARGS__))
#define WOBBLE_REQUIRES_SHARED(...) WOBBLE_THREAD_SAFETY(requires_shared_capability(__VA_ARGS__))

/// Of a function: it takes the mutex, or gives it back; without a name, of its object.
#define WOBBLE_ACQUIRE(...) WOBBLE_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define WOBBLE_ACQUIRE_SHARED(...) WOBBLE_THREAD_SAFETY(acquire_shared_capability(__VA_ARGS__))
#define WOBBLE_TRY_ACQUIRE(...) WOBBLE_THREAD_SAFETY(try_acquire_capability(__VA_ARGS__))
#define WOBBLE_TRY_ACQUIRE_SHARED(...) WOBBLE_THREAD_SAFETY(try_acquire_shared_capability(__VA_ARGS__))
#define WOBBLE_RELEASE(...) WOBBLE_THREAD_SAFETY(release_capability(__VA_ARGS__))
#define WOBBLE_RELEASE_SHARED(...) WOBBLE_THREAD_SAFETY(release_shared_capability(__VA_ARGS__))

/// Of a function: once it was called the mutex counts as held.
#define WOBBLE_ASSERTS(...) WOBBLE_THREAD_SAFETY(assert_capability(__VA_ARGS__))
#define WOBBLE_ASSERTS_SHARED(...) WOBBLE_THREAD_SAFETY(assert_shared_capability(__VA_ARGS__))

/// Of a function: it is not looked at.
#define WOBBLE_NO_THREAD_SAFETY_ANALYSIS WOBBLE_THREAD_SAFETY(no_thread_safety_analysis)

namespace wobble {

/// As std::mutex, std::timed_mutex and std::shared_mutex. assert_held() does nothing: it tells the analysis what it
/// cannot see, and each call says why that is so.
class WOBBLE_CAPABILITY("mutex") Mutex : public std::mutex {
 public:
  void lock() WOBBLE_ACQUIRE() { std::mutex::lock(); }
  bool try_lock() WOBBLE_TRY_ACQUIRE(true) { return std::mutex::try_lock(); }
  void unlock() WOBBLE_RELEASE() { std::mutex::unlock(); }
  void assert_held() const WOBBLE_ASSERTS() {}
};

class WOBBLE_CAPABILITY("mutex") TimedMutex : public std::timed_mutex {
 public:
  void lock() WOBBLE_ACQUIRE() { std::timed_mutex::lock(); }
  bool try_lock() WOBBLE_TRY_ACQUIRE(true) { return std::timed_mutex::try_lock(); }
  template <typename Rep, typename Period>
  bool try_lock_for(const std::chrono::duration<Rep, Period>& at_most) WOBBLE_TRY_ACQUIRE(true) {
    return std::timed_mutex::try_lock_for(at_most);
  }
  void unlock() WOBBLE_RELEASE() { std::timed_mutex::unlock(); }
  void assert_held() const WOBBLE_ASSERTS() {}
};

class WOBBLE_CAPABILITY("mutex") SharedMutex : public std::shared_mutex {
 public:
  void lock() WOBBLE_ACQUIRE() { std::shared_mutex::lock(); }
  bool try_lock() WOBBLE_TRY_ACQUIRE(true) { return std::shared_mutex::try_lock(); }
  void unlock() WOBBLE_RELEASE() { std::shared_mutex::unlock(); }
  void lock_shared() WOBBLE_ACQUIRE_SHARED() { std::shared_mutex::lock_shared(); }
  bool try_lock_shared() WOBBLE_TRY_ACQUIRE_SHARED(true) { return std::shared_mutex::try_lock_shared(); }
  void unlock_shared() WOBBLE_RELEASE_SHARED() { std::shared_mutex::unlock_shared(); }
  void assert_held() const WOBBLE_ASSERTS() {}
  void assert_held_shared() const WOBBLE_ASSERTS_SHARED() {}
};

/// As std::lock_guard, of any mutex that is known to the analysis.
template <typename AnyMutex>
class WOBBLE_SCOPED_CAPABILITY LockGuard {
 public:
  explicit LockGuard(AnyMutex& mutex) WOBBLE_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  LockGuard(AnyMutex& mutex, std::adopt_lock_t) WOBBLE_REQUIRES(mutex) : mutex_(mutex) {}
  ~LockGuard() WOBBLE_RELEASE() { mutex_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  AnyMutex& mutex_;
};

/// As std::shared_lock, held from its begin to its end.
class WOBBLE_SCOPED_CAPABILITY SharedLock {
 public:
  explicit SharedLock(SharedMutex& mutex) WOBBLE_ACQUIRE_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
  SharedLock(SharedMutex& mutex, std::adopt_lock_t) WOBBLE_REQUIRES_SHARED(mutex) : mutex_(mutex) {}
  ~SharedLock() WOBBLE_RELEASE() { mutex_.unlock_shared(); }
  SharedLock(const SharedLock&) = delete;
  SharedLock& operator=(const SharedLock&) = delete;

 private:
  SharedMutex& mutex_;
};

/// A std::unique_lock, so that a std::condition_variable takes it: it can be given back and taken again meanwhile.
class WOBBLE_SCOPED_CAPABILITY UniqueLock : public std::unique_lock<std::mutex> {
 public:
  explicit UniqueLock(Mutex& mutex) WOBBLE_ACQUIRE(mutex) : std::unique_lock<std::mutex>(mutex) {}
  ~UniqueLock() WOBBLE_RELEASE() = default;
  UniqueLock(const UniqueLock&) = delete;
  UniqueLock& operator=(const UniqueLock&) = delete;
  void lock() WOBBLE_ACQUIRE() { std::unique_lock<std::mutex>::lock(); }
  void unlock() WOBBLE_RELEASE() { std::unique_lock<std::mutex>::unlock(); }
};

}  // namespace wobble
