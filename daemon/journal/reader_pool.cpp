#include "daemon/journal/reader_pool.h"

#include <algorithm>

namespace wobble::daemon {

namespace {

/// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
constexpr int kStepsBetweenLooks = 2000;
constexpr Duration kBetweenAskingGone = std::chrono::milliseconds(50);

constexpr std::size_t kMostKept = std::size_t{256} << 10;  // of a connection's cache, between two questions

constexpr const char* kHasGone = "whoever asked has gone";

TimePoint now() { return std::chrono::steady_clock::now(); }

std::string seconds(Duration time) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(time).count() / 100;
  const std::string fraction = tenths % 10 == 0 ? "" : "." + std::to_string(tenths % 10);
  return std::to_string(tenths / 10) + fraction + " s";
}

}  // namespace

ReaderPool::ReaderPool(const std::string& file, std::size_t connections, Duration time_limit, Database::Mode mode)
    : file_(file), size_(std::max<std::size_t>(connections, 1)), time_limit_(time_limit), mode_(mode) {
  open();
}

void ReaderPool::stop(const std::string& why) {
  {
    const LockGuard lock(mutex_);
    if (!ended_) why_ = why;
    stopped_ = true;
  }
  returned_.notify_all();
}

void ReaderPool::end(const std::string& why) {
  {
    const LockGuard lock(mutex_);
    why_ = why;
    stopped_ = ended_ = true;
  }
  returned_.notify_all();
}

void ReaderPool::close() {
  UniqueLock lock(mutex_);
  returned_.wait(lock, [&]() WOBBLE_REQUIRES(mutex_) { return taken_ == 0; });
  idle_.clear();
}

void ReaderPool::open() {
  Connections fresh;
  while (fresh.size() < size_) {
    fresh.push_back(std::make_unique<Database>(file_, mode_));
    fresh.back()->integer("SELECT count(*) FROM sqlite_schema");  // opens what is beside the file too
  }
  const LockGuard lock(mutex_);
  idle_ = std::move(fresh);
  stopped_ = ended_;
}

ReaderPool::Lease::Lease(ReaderPool& pool, const api::IsGone& gone)
    : pool_(pool), gone_(gone), until_(pool.time_limit_ == Duration(0) ? kNever : now() + pool.time_limit_) {
  UniqueLock lock(pool_.mutex_);
  while (!pool_.stopped_ && pool_.idle_.empty()) {
    pool_.returned_.wait_until(lock, std::min(until_, now() + kBetweenAskingGone));
    if (now() >= until_ && pool_.idle_.empty()) {
      throw api::Unavailable("the log answers " + std::to_string(pool_.size_) +
                             " questions at once, and all of them are taken; ask again in a moment");
    }
    lock.unlock();
    if (has_gone()) throw api::Unavailable(kHasGone);
    lock.lock();
  }
  if (pool_.stopped_) throw api::Unavailable(pool_.why_);
  database_ = std::move(pool_.idle_.back());
  pool_.idle_.pop_back();
  ++pool_.taken_;
  sqlite3_progress_handler(database_->handle(), kStepsBetweenLooks, &Lease::look, this);
}

ReaderPool::Lease::~Lease() {
  sqlite3_progress_handler(database_->handle(), 0, nullptr, nullptr);
  // The first line that is written afterwards makes all of it worthless (https://sqlite.org/wal.html).
  if (database_->cache_bytes() > kMostKept) database_->release_cache();
  {
    const LockGuard lock(pool_.mutex_);
    pool_.idle_.push_back(std::move(database_));
    --pool_.taken_;
  }
  pool_.returned_.notify_all();
}

int ReaderPool::Lease::look(void* self) { return static_cast<Lease*>(self)->is_over() ? 1 : 0; }

bool ReaderPool::Lease::is_over() { return pool_.stopped_ || now() >= until_ || has_gone(); }

bool ReaderPool::Lease::has_gone() {
  if (!gone_ || gone_was_told_ || now() < ask_gone_at_) return gone_was_told_;
  ask_gone_at_ = now() + kBetweenAskingGone;
  return gone_was_told_ = gone_();
}

api::Unavailable ReaderPool::Lease::given_up() const {
  const LockGuard lock(pool_.mutex_);
  if (pool_.stopped_) return api::Unavailable(pool_.why_);
  if (gone_was_told_) return api::Unavailable(kHasGone);
  return api::Unavailable("the log was looked through for " + seconds(pool_.time_limit_) +
                          " without an answer; ask for less: a shorter time (since, until), one link, or a smaller "
                          "limit");
}

}  // namespace wobble::daemon
