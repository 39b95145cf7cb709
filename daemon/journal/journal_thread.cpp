// The journal's thread: what it does between two looks at the rings.
#include <fmt/core.h>
#include <malloc.h>

#include <algorithm>
#include <utility>

#include "daemon/journal/event_text.h"
#include "daemon/journal/journal.h"
#include "daemon/system/log.h"

namespace wobble::daemon {

namespace {

/// A pass with fewer events counts as idle: then there is time to delete.
constexpr std::size_t kIdleEvents = 4000;
constexpr Duration kCuttingTime = std::chrono::milliseconds(10);
constexpr Duration kUrgentCuttingTime = std::chrono::milliseconds(25);
/// So often the session's row says that the daemon lives, though there is nothing to write.
constexpr Duration kSignOfLife = std::chrono::seconds(1);
/// So long no more than a few rows at once were written before SQLite's cache is given back, if it is as large.
constexpr Duration kIdleTime = std::chrono::seconds(1);
constexpr std::int64_t kFewRows = 100;
constexpr std::size_t kMuchCache = std::size_t{4} << 20;

TimePoint moment_of(const LinkEvent& any) {
  if (const auto* segment = std::get_if<SegmentRecord>(&any)) {
    return segment->delivered_at == kNever ? segment->sent_at : segment->delivered_at;
  }
  return std::visit(
      [](const auto& event) {
        if constexpr (requires { event.at; }) return event.at;
        return TimePoint();
      },
      any);
}

}  // namespace

void Journal::run() {
  bool last = false;
  TimePoint look_at = std::chrono::steady_clock::now() + options_.interval;
  while (!last) {
    std::uint64_t pass = 0;
    std::vector<Source> sources;
    std::vector<ConnectionId> ended_unknown;
    {
      std::unique_lock lock(mutex_);
      wake_.wait_until(lock, look_at, [&] { return stopping_ || wanted_pass_ > done_pass_; });
      last = stopping_;
      pass = wanted_pass_;
      sources = sources_;
      ended_unknown = std::exchange(ended_unknown_, {});
    }
    if (last) retry_at_ = {};
    const bool ok = run_pass(sources);
    if (!ok) discard(sources);
    if (ok) write_unknown_ends(ended_unknown);  // what was in the rings is written by now
    if (last && ok) {
      try {
        log_.writer().end_session(now());
      } catch (const DatabaseError& error) {
        note_failure(error);
      }
    }
    {
      const std::lock_guard lock(mutex_);
      stopped_ = last;
      settle_pass(pass, ok);
    }
    // After the answer, so that nobody who asked for a sync waits for it.
    look_at = std::chrono::steady_clock::now() + nap();
    if (!last) look_at_file();
    if (ok && !last && log_.is_open()) {
      log_.checkpointer().help_if_long();
      keep_within_bounds();
      show_life();
      release_cache_when_idle();
    }
  }
}

/// As long as asked for, but shorter under load: else what comes during the nap alone would be more than may wait.
Duration Journal::nap() const {
  const double may_come = static_cast<double>(pace_.events_waiting(EventRing::kDefaultCapacity)) / 4;
  const double came = static_cast<double>(std::max<std::size_t>(pass_events_, 1));
  return std::chrono::duration_cast<Duration>(options_.interval * std::clamp(may_come / came, 0.0, 1.0));
}

void Journal::settle_pass(std::uint64_t pass, bool ok) {
  done_pass_ = pass;
  pass_ok_ = ok;
  std::erase_if(sources_, [&](const Source& source) {
    if (source.leaves_with == 0 || source.leaves_with > pass) return false;
    gone_transitions_ += source.ring->lost_transitions();
    gone_segments_ += source.ring->lost_segments();
    return true;
  });
  passed_.notify_all();
  if (stopped_) committed_.notify_all();
}

bool Journal::run_pass(const std::vector<Source>& sources) {
  pass_events_ = 0;
  if (!log_.is_open() || std::chrono::steady_clock::now() < retry_at_) return false;
  if (!batch_.empty() && !write_batch()) return false;
  // What is in the rings now: a link that never pauses must not keep a pass from its end.
  std::vector<std::size_t> left;
  left.reserve(sources.size());
  for (const Source& source : sources) left.push_back(source.ring->size());
  for (;;) {
    const TimePoint began = std::chrono::steady_clock::now();
    const std::size_t before = pass_events_;
    const bool more = fill(sources, left);
    if (!batch_.empty() && !write_batch()) return false;
    pace_.wrote(pass_events_ - before, std::chrono::steady_clock::now() - began);
    set_limits(sources);
    if (!more) return true;
  }
}

bool Journal::fill(const std::vector<Source>& sources, std::vector<std::size_t>& left) {
  batch_.drained.resize(sources.size());
  std::size_t room = pace_.events_per_transaction(options_.batch_events);
  const api::WallTime complete_before = std::exchange(batch_.complete_until, now());
  batch_.waiting = 0;
  std::uint64_t numbers = 0;
  bool more = false;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    DrainedEvents& to = batch_.drained[i];
    to.link = sources[i].link;
    const std::size_t take = std::min(left[i], room);
    sources[i].ring->drain(to.events, take);  // also with nothing to take: it may have a loss to tell
    left[i] -= take;
    room -= take;
    more = more || left[i] > 0;
    pass_events_ += to.events.size();
    if (const auto waiting = static_cast<std::int64_t>(sources[i].ring->size()); left[i] > 0 && waiting > 0) {
      batch_.waiting += waiting;
      const api::WallTime reached = to.events.empty() ? complete_before : anchor_.at(moment_of(to.events.back()));
      batch_.complete_until = std::min(batch_.complete_until, reached);
    }
    numbers += static_cast<std::uint64_t>(std::count_if(to.events.begin(), to.events.end(), takes_event_id));
  }
  batch_.at = now();
  const std::lock_guard lock(mutex_);
  if (untold_.transitions + untold_.segments > 0) {
    PostedEvent loss;
    loss.at = batch_.at;
    loss.kind = "events_lost";
    loss.text = loss_text(untold_);
    loss.detail = loss_detail(untold_);
    take(std::move(loss));
    untold_ = {};
  }
  std::swap(batch_.posted, posted_);
  posted_bytes_ = 0;
  std::swap(batch_.new_links, new_links_);
  batch_.first_id = next_id_;
  next_id_ += numbers;
  if (numbers > 0 || !batch_.posted.empty()) batch_.last_id = next_id_ - 1;
  if (std::exchange(has_lost_conditions_, false)) tell_again_what_is_in_force();  // with the next batch
  return more;
}

/// What may wait is shared by the rings in which something does.
void Journal::set_limits(const std::vector<Source>& sources) {
  constexpr std::size_t kShareOfBusy = 16;
  std::size_t most = 0;
  for (const Source& source : sources) most = std::max(most, source.ring->capacity());
  const std::size_t together = pace_.events_waiting(most);
  const auto busy = std::count_if(sources.begin(), sources.end(),
                                  [&](const Source& s) { return s.ring->size() > together / kShareOfBusy; });
  for (const Source& source : sources) {
    source.ring->set_limit(together / static_cast<std::size_t>(std::max<std::ptrdiff_t>(busy, 1)));
  }
}

void Journal::write_unknown_ends(const std::vector<ConnectionId>& ids) {
  if (ids.empty()) return;
  try {
    const std::int64_t ended = log_.writer().end_unknown(ids, now());
    if (ended > 0) record_event("events_lost", unknown_ends_text(ended), unknown_ends_detail(ended));
  } catch (const DatabaseError& error) {
    note_failure(error);
  }
}

/// The next start tells from it when a daemon was killed that had nothing to write.
void Journal::show_life() {
  const TimePoint time = std::chrono::steady_clock::now();
  if (pass_events_ > 0) shown_life_at_ = time;
  if (time - shown_life_at_ < kSignOfLife) return;
  shown_life_at_ = time;
  try {
    log_.writer().show_life(now());
    note_success(0);
  } catch (const DatabaseError& error) {
    note_failure(error);
  }
}

/// A busy time leaves many megabytes in SQLite's cache, which a small part of somebody's machine should not keep.
void Journal::release_cache_when_idle() {
  if (std::chrono::steady_clock::now() - wrote_much_at_ < kIdleTime || log_.database().cache_bytes() < kMuchCache)
    return;
  log_.database().release_cache();
  ::malloc_trim(0);
}

bool Journal::write_batch() {
  try {
    note_success(log_.writer().write(batch_));
    batch_.clear();
    return true;
  } catch (const DatabaseError& error) {
    note_failure(error);
    if (!error.may_pass()) {
      const std::lock_guard lock(mutex_);
      count_loss(batch_.posted.size(), 0);
      for (const DrainedEvents& from : batch_.drained) {
        for (const LinkEvent& event : from.events) count_loss_of(event);
      }
      new_links_.insert(new_links_.begin(), batch_.new_links.begin(), batch_.new_links.end());
      batch_.clear();
    }
    return false;
  }
}

void Journal::note_success(std::int64_t rows) {
  api::Health before;
  api::WallTime since = 0;
  if (rows > kFewRows) wrote_much_at_ = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    before = std::exchange(health_, {});
    since = ill_since_;
    stats_.rows_written += static_cast<std::uint64_t>(rows);
    newest_event_ = std::max(newest_event_, batch_.last_id);
  }
  retry_at_ = {};
  committed_.notify_all();
  if (before.ok) return;
  log::info(fmt::format("the journal {} can be written again", options_.file));
  record_event("log_interrupted", interruption_text(since, now(), before.detail),
               interruption_detail(since, before.detail));
}

void Journal::note_failure(const DatabaseError& error) {
  retry_at_ = std::chrono::steady_clock::now() + options_.retry_interval;
  look_at_file_now_ = true;
  const std::string why = log_.has_lost_index() ? "the index of its write-ahead log was cut off" : error.what();
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    is_new = health_.ok;
    if (is_new) ill_since_ = now();
    ++stats_.write_errors;
    health_ = {false, "the journal " + options_.file + " cannot be written: " + why};
  }
  if (is_new) log::error(fmt::format("the journal {} cannot be written, trying again: {}", options_.file, why));
}

void Journal::discard(const std::vector<Source>& sources) {
  for (const Source& source : sources) {
    if (source.leaves_with == 0) continue;
    std::vector<LinkEvent> events;
    source.ring->drain(events, source.ring->size());
    const std::lock_guard lock(mutex_);
    for (const LinkEvent& event : events) count_loss_of(event);
  }
}

api::WallTime Journal::time_for_ages() const {
  const TimePoint time = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  return age_->now(time, anchor_.at(time));
}

void Journal::keep_within_bounds() {
  try {
    Retention& retention = log_.retention();
    const bool urgent = retention.is_urgent();
    if (pass_events_ > kIdleEvents && !urgent) return;
    const TimePoint until = std::chrono::steady_clock::now() + (urgent ? kUrgentCuttingTime : kCuttingTime);
    while (retention.cut_slice(time_for_ages()) && std::chrono::steady_clock::now() < until) {
      const std::lock_guard lock(mutex_);
      if (stopping_ || wanted_pass_ > done_pass_) return;
    }
  } catch (const DatabaseError& error) {
    note_failure(error);
  }
}

}  // namespace wobble::daemon
