#include "daemon/journal/journal_thread.h"

#include <algorithm>
#include <span>
#include <utility>

#include "daemon/journal/event_text.h"
#include "daemon/journal/file_care.h"
#include "daemon/journal/inbox.h"
#include "daemon/journal/journal_health.h"
#include "daemon/journal/journal_options.h"
#include "daemon/journal/log_file.h"
#include "daemon/journal/passes.h"
#include "daemon/journal/session_clock.h"

namespace wobble::daemon {

namespace {

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

JournalThread::JournalThread(const JournalOptions& options, LogFile& log, const SessionClock& clock, Inbox& inbox,
                             Passes& passes, JournalHealth& health, FileCare& care)
    : options_(options),
      log_(log),
      clock_(clock),
      inbox_(inbox),
      passes_(passes),
      health_(health),
      care_(care),
      upkeep_(log, clock, passes) {}

void JournalThread::write_posted() {
  std::vector<std::size_t> none;
  fill({}, none);
  log_.writer().write(batch_);
  inbox_.committed(batch_.last_id);
  batch_.clear();
}

void JournalThread::start() {
  thread_ = std::thread([this] { run(); });
}

void JournalThread::run() {
  TimePoint look_at = std::chrono::steady_clock::now() + options_.interval;
  for (;;) {
    const Pass pass = passes_.wait(look_at);
    if (pass.is_last) retry_at_ = {};
    const bool ok = run_pass(pass.sources);
    if (!ok) discard(pass.sources);
    // What was in the rings is written by now; else once more with the next pass.
    if (!ok || !write_unknown_ends(pass.ended_unknown)) passes_.end_unknown(pass.ended_unknown);
    if (pass.is_last && ok) attempt([&] { log_.writer().end_session(clock_.now()); });
    passes_.done(pass, ok);
    if (pass.is_last) break;
    // After the answer, so that nobody who asked for a sync waits for it.
    look_at = std::chrono::steady_clock::now() + nap();
    if (care_.look()) retry_at_ = {};
    if (ok && log_.is_open()) look_after_file();
  }
  inbox_.end();
}

/// As long as asked for, but shorter under load: else what comes during the nap alone would be more than may wait.
Duration JournalThread::nap() const {
  const double may_come = static_cast<double>(pace_.events_waiting(EventRing::kDefaultCapacity)) / 4;
  const double came = static_cast<double>(std::max<std::size_t>(pass_events_, 1));
  return std::chrono::duration_cast<Duration>(options_.interval * std::clamp(may_come / came, 0.0, 1.0));
}

bool JournalThread::run_pass(const std::vector<RingSource>& sources) {
  pass_events_ = 0;
  if (!log_.is_open() || std::chrono::steady_clock::now() < retry_at_) return false;
  if (!batch_.empty() && !write_batch()) return false;
  // What is in the rings now: a link that never pauses must not keep a pass from its end.
  std::vector<std::size_t> left;
  left.reserve(sources.size());
  for (const RingSource& source : sources) left.push_back(source.ring->size());
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

/// At most `left` from each ring. True if more is left.
bool JournalThread::fill(const std::vector<RingSource>& sources, std::vector<std::size_t>& left) {
  batch_.drained.resize(sources.size());
  std::size_t room = pace_.events_per_transaction(options_.batch_events);
  const api::WallTime complete_before = std::exchange(batch_.complete_until, clock_.now());
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
      const api::WallTime reached = to.events.empty() ? complete_before : clock_.at(moment_of(to.events.back()));
      batch_.complete_until = std::min(batch_.complete_until, reached);
    }
    numbers += static_cast<std::uint64_t>(std::count_if(to.events.begin(), to.events.end(), takes_event_id));
  }
  batch_.at = clock_.now();
  const bool has_lost_conditions = inbox_.move_into(batch_, numbers);
  if (has_lost_conditions) inbox_.post_again_what_is_in_force(passes_.links());  // with the next batch
  return more;
}

/// What may wait is shared by the rings in which something does.
void JournalThread::set_limits(const std::vector<RingSource>& sources) {
  constexpr std::size_t kShareOfBusy = 16;
  std::size_t most = 0;
  for (const RingSource& source : sources) most = std::max(most, source.ring->capacity());
  const std::size_t together = pace_.events_waiting(most);
  const auto busy = std::count_if(sources.begin(), sources.end(),
                                  [&](const RingSource& s) { return s.ring->size() > together / kShareOfBusy; });
  for (const RingSource& source : sources) {
    source.ring->set_limit(together / static_cast<std::size_t>(std::max<std::ptrdiff_t>(busy, 1)));
  }
}

bool JournalThread::write_batch() {
  try {
    note_success(log_.writer().write(batch_));
    inbox_.committed(batch_.last_id);
    batch_.clear();
    return true;
  } catch (const DatabaseError& error) {
    note_failure(error);
    if (!error.may_pass()) inbox_.give_up(batch_);
    return false;
  }
}

/// Rings that leave with a pass that cannot be written.
void JournalThread::discard(const std::vector<RingSource>& sources) {
  for (const RingSource& source : sources) {
    if (source.leaves_with == 0) continue;
    std::vector<LinkEvent> events;
    source.ring->drain(events, source.ring->size());
    inbox_.count_lost(events);
  }
}

bool JournalThread::write_unknown_ends(const std::vector<ConnectionId>& ids) {
  constexpr std::size_t kAtOnce = 500;  // one transaction, which fails only where a batch would too
  std::int64_t ended = 0;
  const bool ok = attempt([&] {
    for (std::size_t first = 0; first < ids.size(); first += kAtOnce) {
      const auto some = std::span(ids).subspan(first, std::min(kAtOnce, ids.size() - first));
      ended += log_.writer().end_unknown(some, clock_.now());
    }
  });
  if (ended > 0) inbox_.record("events_lost", unknown_ends_text(ended), unknown_ends_detail(ended));
  return ok;
}

void JournalThread::look_after_file() {
  log_.checkpointer().help_if_long();
  attempt([&] { upkeep_.keep_within_bounds(pass_events_); });
  attempt([&] {
    if (upkeep_.show_life(pass_events_)) note_success(0);
  });
  upkeep_.release_cache_when_idle();
}

template <typename Work>
bool JournalThread::attempt(const Work& work) {
  try {
    work();
    return true;
  } catch (const DatabaseError& error) {
    note_failure(error);
    return false;
  }
}

void JournalThread::note_success(std::int64_t rows) {
  upkeep_.wrote(rows);
  retry_at_ = {};
  health_.wrote(rows);
}

void JournalThread::note_failure(const DatabaseError& error) {
  retry_at_ = std::chrono::steady_clock::now() + options_.retry_interval;
  care_.look_soon();
  health_.failed(log_.has_lost_index() ? "the index of its write-ahead log was cut off" : error.what());
}

}  // namespace wobble::daemon
