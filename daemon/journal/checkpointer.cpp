#include "daemon/journal/checkpointer.h"

#include <sqlite3.h>

namespace wobble::daemon {

namespace {

/// Pages of the log that are not in the file yet; -1: could not look (another checkpoint runs, or the disk is full:
/// then it is tried again after the next commit).
int copy_pages(sqlite3* handle) noexcept {
  int in_log = 0;
  int copied = 0;
  const int result = sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  return result == SQLITE_OK && in_log >= 0 ? in_log - copied : -1;
}

}  // namespace

Checkpointer::Checkpointer(Database& writer, const std::string& file)
    : writer_(writer), own_(file, Database::Mode::create) {
  own_.exec("PRAGMA synchronous = NORMAL");
  own_.integer("SELECT count(*) FROM sqlite_schema");                  // opens the log, as long as that has its name
  sqlite3_wal_hook(writer_.handle(), &Checkpointer::on_commit, this);  // in place of the automatic one
  thread_ = std::thread([this] { run(); });
}

Checkpointer::~Checkpointer() {
  sqlite3_wal_hook(writer_.handle(), nullptr, nullptr);
  {
    const LockGuard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

int Checkpointer::on_commit(void* self, sqlite3* /*writer*/, const char* /*name*/, int pages) {
  auto& checkpointer = *static_cast<Checkpointer*>(self);
  checkpointer.pages_ = pages;
  if (pages < kPages) return SQLITE_OK;
  {
    const LockGuard lock(checkpointer.mutex_);
    checkpointer.wanted_ = true;
  }
  checkpointer.wake_.notify_one();
  return SQLITE_OK;
}

void Checkpointer::help_if_long() noexcept {
  if (pages_ < kLongPages) return;
  const int left = left_over_;
  if (left >= 0 && left < kLongPages / 8) copy_pages(writer_.handle());
}

void Checkpointer::run() {
  UniqueLock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&]() WOBBLE_REQUIRES(mutex_) { return wanted_ || stopping_; });
    if (stopping_) return;
    wanted_ = false;
    lock.unlock();
    left_over_ = copy_pages(own_.handle());
    lock.lock();
  }
}

}  // namespace wobble::daemon
