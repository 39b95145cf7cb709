#include "daemon/journal/journal.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "daemon/journal/event_text.h"
#include "daemon/journal/names.h"
#include "daemon/system/log.h"

namespace wobble::daemon {

namespace {

constexpr Duration kLastSync = std::chrono::seconds(2);
constexpr const char* kIsEnding = "the daemon is stopping";
// Waiting for a file that cannot be written: events, and the bytes of their texts. As many again may be in the batch
// that is tried again.
constexpr std::size_t kMaxPosted = 10'000;
constexpr std::size_t kMaxPostedBytes = 16'000'000;

std::size_t bytes_of(const PostedEvent& event) {
  return event.text.size() + event.detail.size() + (event.conditions ? event.conditions->json.size() : 0);
}

std::uint64_t bytes_of(const std::string& file) {
  std::error_code error;  // -wal comes and goes
  const auto bytes = std::filesystem::file_size(file, error);
  return error ? 0 : bytes;
}

std::string started_detail(const JournalOptions& options, const std::optional<KilledSession>& killed) {
  std::string before = "null";
  if (killed) {
    before = fmt::format(
        R"({{"pid":{},"started_at":"{}","last_written_at":"{}","complete_until":"{}","waiting":{},"open_connections":{}}})",
        killed->pid, api::print_time(killed->started_at), api::print_time(killed->last_written_at),
        api::print_time(killed->complete_until), killed->waiting, killed->open_connections);
  }
  return fmt::format(R"({{"pid":{},"version":{},"killed_before":{}}})", getpid(), json_string(options.version), before);
}

std::string started_text(const JournalOptions& options, const std::optional<KilledSession>& killed) {
  std::string text = fmt::format("wobbled {} started", options.version);
  if (!killed) return text;
  text += fmt::format("; the one before (pid {}) ended without stopping: its log is complete until {}, ", killed->pid,
                      api::print_time(killed->complete_until));
  if (killed->waiting > 0) text += fmt::format("{} events were waiting to be written, ", killed->waiting);
  return text + fmt::format("up to a quarter of a second after that may be missing; {} connections were open",
                            killed->open_connections);
}

}  // namespace

Journal::Journal(const JournalOptions& options) try
    : options_(options), anchor_(options.clocks), log_(options.file, anchor_, options.retention) {
  JournalWriter& writer = log_.writer();
  for (const NewLink& link : writer.links()) links_[link.name] = link.number;
  killed_before_ = writer.begin_session(options_.version, now());
  const TimePoint time = std::chrono::steady_clock::now();
  age_.emplace(time, writer.last_written().value_or(anchor_.at(time)));
  next_id_ = static_cast<std::uint64_t>(writer.books().last_event_id) + 1;
  first_connection_id_ = static_cast<ConnectionId>(writer.books().last_connection_id) + 1;
  connection_ids_ = std::make_shared<std::atomic<ConnectionId>>(first_connection_id_);
  record_event("daemon_started", started_text(options_, killed_before_), started_detail(options_, killed_before_));
  std::vector<std::size_t> none;
  fill({}, none);
  writer.write(batch_);
  newest_event_ = batch_.last_id;
  batch_.clear();
  reader_ = std::make_unique<JournalReader>(options_.file, options_.readers, options_.question_limit,
                                            [this](Duration ago) { return moment_ago(ago); });
  log_.begin_watch();
  clock_watch_ = std::make_unique<ClockWatch>(anchor_, [this](const ClockStep& step) { clock_stepped(step); });
  thread_ = std::thread([this] { run(); });  // last: where no thread is to be had, nothing has to be ended
} catch (const DatabaseError& error) {
  throw std::runtime_error("the journal " + options.file + " cannot be used: " + cause_and_remedy(error, options.file));
}

Journal::~Journal() { stop(); }

void Journal::stop() {
  clock_watch_.reset();
  sync(kLastSync);  // so that daemon_stopped comes behind the ends of the connections
  record_event("daemon_stopped", "wobbled stopped", "");
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

api::WallTime Journal::now() const { return anchor_.at(std::chrono::steady_clock::now()); }

void Journal::clock_stepped(const ClockStep& step) {
  constexpr std::size_t kMostEpochs = 64;
  {
    const std::lock_guard lock(mutex_);
    if (clock_epochs_.size() >= kMostEpochs) clock_epochs_.erase(clock_epochs_.begin());
    clock_epochs_.push_back({step.at, connection_ids_->load()});
    age_->stepped(step, anchor_.at(step.at - Duration(1)));
    tell_again_what_is_in_force();
  }
  record_event("clock_stepped", step_text(step), step_detail(step));
  log::warn(step_text(step));
}

LogMoment Journal::moment_ago(Duration ago) const {
  const TimePoint moment = std::chrono::steady_clock::now() - ago;
  LogMoment out{anchor_.at(moment)};
  const std::lock_guard lock(mutex_);
  for (const ClockEpoch& epoch : clock_epochs_) {
    if (epoch.from <= moment) out.from = epoch.first;
    if (epoch.from > moment) {
      out.behind = epoch.first;
      break;
    }
  }
  return out;
}

bool Journal::has_room_for(const PostedEvent& event) const {
  return posted_.size() < kMaxPosted && posted_bytes_ + bytes_of(event) <= kMaxPostedBytes;
}

void Journal::take(PostedEvent&& event) {
  event.id = next_id_++;
  posted_bytes_ += bytes_of(event);
  posted_.push_back(std::move(event));
}

/// By the clock of now: a connection's conditions are found by the time at which it was opened.
void Journal::tell_again_what_is_in_force() {
  for (const Source& source : sources_) {
    const auto found = in_force_.find(source.link);
    if (found == in_force_.end()) continue;
    PostedEvent event;
    event.at = now();
    event.link = source.link;
    event.conditions = found->second;
    if (has_room_for(event)) take(std::move(event));
  }
}

void Journal::end_unknown(const std::vector<ConnectionId>& ids) {
  const std::lock_guard lock(mutex_);
  ended_unknown_.insert(ended_unknown_.end(), ids.begin(), ids.end());
}

void Journal::record_link(const std::string& link, const std::string& conditions) {
  PostedEvent event;
  event.kind = "link_started";
  event.text = fmt::format("{}: carries packets (revision 1)", link);
  event.detail = fmt::format(R"({{"revision":1,"conditions":{}}})", conditions);
  event.conditions = PostedEvent::Conditions{1, "start", conditions};
  post(std::move(event), link);
}

void Journal::add_link(const std::string& name, EventRing& ring) {
  const std::lock_guard lock(mutex_);
  sources_.push_back({link_number(name), &ring});
  ring.set_limit(Pace().events_waiting(ring.capacity()));  // a guess, until it is known what an event costs
}

void Journal::remove_link(EventRing& ring) {
  std::unique_lock lock(mutex_);
  const auto is_it = [&](const Source& source) { return source.ring == &ring; };
  const auto source = std::find_if(sources_.begin(), sources_.end(), is_it);
  if (source == sources_.end() || stopped_) return;
  source->leaves_with = ++wanted_pass_;
  wake_.notify_all();
  passed_.wait(lock, [&] { return stopped_ || std::none_of(sources_.begin(), sources_.end(), is_it); });
}

LinkNumber Journal::link_number(const std::string& name) {
  if (name.empty()) return 0;
  const auto [place, is_new] = links_.try_emplace(name, static_cast<LinkNumber>(links_.size()) + 1);
  if (is_new) new_links_.push_back({place->second, name, now()});
  return place->second;
}

bool Journal::sync(Duration at_most) {
  std::unique_lock lock(mutex_);
  if (stopped_) return pass_ok_;
  const std::uint64_t mine = ++wanted_pass_;
  wake_.notify_all();
  return passed_.wait_for(lock, at_most, [&] { return done_pass_ >= mine || stopped_; }) && pass_ok_;
}

api::EventRow Journal::post(PostedEvent&& event, const std::string& link) {
  api::EventRow row;
  row.at = event.at = now();
  row.kind = event.kind;
  row.link = link;
  row.connection = event.connection;
  row.text = event.text;
  row.detail = event.detail;
  const std::lock_guard lock(mutex_);
  if (stopping_) return row;
  event.link = link_number(link);
  if (event.conditions) in_force_[event.link] = *event.conditions;
  if (!has_room_for(event)) {
    has_lost_conditions_ = has_lost_conditions_ || event.conditions.has_value();
    count_loss(1, 0);
    return row;
  }
  row.id = next_id_;
  take(std::move(event));
  return row;
}

api::EventRow Journal::record_event(const std::string& kind, const std::string& text, const std::string& detail,
                                    const std::string& link, ConnectionId connection) {
  PostedEvent event;
  event.kind = kind;
  event.text = text;
  event.detail = detail;
  event.connection = connection;
  return post(std::move(event), link);
}

api::EventRow Journal::annotate(const std::string& text, const std::optional<std::string>& link) {
  api::EventRow row = record_event("annotation", text, "", link.value_or(""));
  if (row.id == 0) throw api::Unavailable("the journal cannot take the annotation: " + health().detail);
  return row;
}

api::EventRow Journal::record_change(const ConditionChange& change) {
  PostedEvent event;
  event.kind = "conditions";
  event.text = fmt::format("{}: conditions changed (revision {}, {})", change.link, change.revision, change.source);
  event.detail = fmt::format(R"({{"revision":{},"source":{},"conditions":{}}})", change.revision,
                             json_string(change.source), change.conditions.empty() ? "null" : change.conditions);
  event.conditions = PostedEvent::Conditions{change.revision, change.source, change.conditions};
  return post(std::move(event), change.link);
}

std::uint64_t Journal::wait_for_event(std::uint64_t since, Duration at_most) {
  std::unique_lock lock(mutex_);
  // A stop wakes those who wait, once: who comes later waits his time, and does not spin.
  const bool has_stopped = stopped_;
  committed_.wait_for(lock, at_most, [&] { return newest_event_ > since || stopped_ != has_stopped; });
  return newest_event_;
}

std::uint64_t Journal::newest_event() const {
  const std::lock_guard lock(mutex_);
  return newest_event_;
}

api::Health Journal::health() const {
  constexpr Duration kShownAtLeast = std::chrono::seconds(10);
  constexpr Duration kToldFor = std::chrono::hours(1);
  const std::lock_guard lock(mutex_);
  if (!file_trouble_.empty()) return {false, file_trouble_};
  if (!health_.ok) return health_;
  const Duration since = std::chrono::steady_clock::now() - renewed_at_;
  if (!renewed_.empty() && since < kShownAtLeast) return {false, renewed_};
  api::Health health{true, wal_trouble_};
  if (!renewed_.empty() && since < kToldFor) {
    health.detail = renewed_ + (wal_trouble_.empty() ? "" : "; " + wal_trouble_);
  }
  return health;
}

void Journal::end_questions() {
  is_ending_ = true;
  reader_->stop(kIsEnding);
}

api::JournalStats Journal::stats() const {
  api::JournalStats stats;
  {
    const std::lock_guard lock(mutex_);
    stats = stats_;
    stats.lost_transitions += gone_transitions_;
    stats.lost_segments += gone_segments_;
    for (const Source& source : sources_) {
      stats.lost_transitions += source.ring->lost_transitions();
      stats.lost_segments += source.ring->lost_segments();
    }
  }
  stats.database_bytes = bytes_of(options_.file) + bytes_of(options_.file + "-wal");
  return stats;
}

void Journal::count_loss(std::uint64_t transitions, std::uint64_t segments) {
  stats_.lost_transitions += transitions;
  stats_.lost_segments += segments;
  untold_.transitions += transitions;
  untold_.segments += segments;
}

void Journal::count_loss_of(const LinkEvent& event) {
  if (const auto* told = std::get_if<EventsLost>(&event)) {  // counted by its ring, but not told yet
    untold_.transitions += told->transitions;
    untold_.segments += told->segments;
    untold_.connections += told->connections;
  } else {
    std::holds_alternative<SegmentRecord>(event) ? count_loss(0, 1) : count_loss(1, 0);
    if (std::holds_alternative<ConnectionOpened>(event)) ++untold_.connections;
  }
}

}  // namespace wobble::daemon
