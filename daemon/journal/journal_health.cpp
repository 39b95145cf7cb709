#include "daemon/journal/journal_health.h"

#include <utility>

#include "daemon/journal/event_text.h"
#include "daemon/journal/inbox.h"
#include "daemon/journal/session_clock.h"
#include "daemon/system/log.h"

namespace wobble::daemon {

JournalHealth::JournalHealth(std::string file, const SessionClock& clock, Inbox& inbox)
    : file_(std::move(file)), clock_(clock), inbox_(inbox) {}

api::Health JournalHealth::health() const {
  constexpr Duration kShownAtLeast = std::chrono::seconds(10);
  constexpr Duration kToldFor = std::chrono::hours(1);
  const LockGuard lock(mutex_);
  if (!file_trouble_.empty()) return {false, file_trouble_};
  if (!writing_.ok) return writing_;
  const Duration since = std::chrono::steady_clock::now() - renewed_at_;
  if (!renewed_.empty() && since < kShownAtLeast) return {false, renewed_};
  api::Health health{true, wal_trouble_};
  if (!renewed_.empty() && since < kToldFor) {
    health.detail = renewed_ + (wal_trouble_.empty() ? "" : "; " + wal_trouble_);
  }
  return health;
}

void JournalHealth::add_to(api::JournalStats& stats) const {
  const LockGuard lock(mutex_);
  stats.rows_written += rows_written_;
  stats.write_errors += write_errors_;
  stats.renewals += renewals_;
}

void JournalHealth::wrote(std::int64_t rows) {
  api::Health before;
  api::WallTime since = 0;
  {
    const LockGuard lock(mutex_);
    before = std::exchange(writing_, {});
    since = ill_since_;
    rows_written_ += static_cast<std::uint64_t>(rows);
  }
  if (before.ok) return;
  log::info("the journal " + file_ + " can be written again");
  inbox_.record("log_interrupted", interruption_text(since, clock_.now(), before.detail),
                interruption_detail(since, before.detail));
}

void JournalHealth::failed(const std::string& why) {
  bool is_new = false;
  {
    const LockGuard lock(mutex_);
    is_new = writing_.ok;
    if (is_new) ill_since_ = clock_.now();
    ++write_errors_;
    writing_ = {false, "the journal " + file_ + " cannot be written: " + why};
  }
  if (is_new) log::error("the journal " + file_ + " cannot be written, trying again: " + why);
}

void JournalHealth::file_has_trouble(const std::string& what) {
  const LockGuard lock(mutex_);
  if (file_trouble_.empty()) file_trouble_ = what;
}

void JournalHealth::file_keeps_trouble(const std::string& what) {
  {
    const LockGuard lock(mutex_);
    if (file_trouble_ == what) return;
    file_trouble_ = what;
  }
  log::error(what);
}

void JournalHealth::file_is_well() {
  const LockGuard lock(mutex_);
  file_trouble_.clear();
}

void JournalHealth::file_was_renewed(const std::string& text) {
  log::error(text);
  const LockGuard lock(mutex_);
  file_trouble_.clear();
  renewed_ = text;
  renewed_at_ = std::chrono::steady_clock::now();
  ++renewals_;
}

void JournalHealth::tell_of_wal(const std::string& text) {
  const LockGuard lock(mutex_);
  wal_trouble_ = text;
}

}  // namespace wobble::daemon
