#include "daemon/journal/journal.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "daemon/journal/event_text.h"
#include "daemon/journal/names.h"

namespace wobble::daemon {

namespace {

constexpr Duration kLastSync = std::chrono::seconds(2);
constexpr std::size_t kMaxPosted = 10'000;  ///< waiting for a file that cannot be written

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
        killed->pid, rfc3339(killed->started_at), rfc3339(killed->last_written_at), rfc3339(killed->complete_until),
        killed->waiting, killed->open_connections);
  }
  return fmt::format(R"({{"pid":{},"version":{},"killed_before":{}}})", getpid(), json_string(options.version), before);
}

std::string started_text(const JournalOptions& options, const std::optional<KilledSession>& killed) {
  std::string text = fmt::format("wobbled {} started", options.version);
  if (!killed) return text;
  text += fmt::format("; the one before (pid {}) ended without stopping: its log is complete until {}, ", killed->pid,
                      rfc3339(killed->complete_until));
  if (killed->waiting > 0) text += fmt::format("{} events were waiting to be written, ", killed->waiting);
  return text + fmt::format("up to a quarter of a second after that may be missing; {} connections were open",
                            killed->open_connections);
}

}  // namespace

Journal::Journal(const JournalOptions& options) : options_(options), anchor_(options.clocks), lock_(options.file) {
  try {
    database_ = open_journal(options_.file);
    writer_ = std::make_unique<JournalWriter>(*database_, anchor_);
    retention_ = std::make_unique<Retention>(*database_, *writer_, options_.retention);
    for (const NewLink& link : writer_->links()) links_[link.name] = link.number;
    killed_before_ = writer_->begin_session(options_.version, now());
    next_id_ = static_cast<std::uint64_t>(writer_->books().last_event_id) + 1;
    first_connection_id_ = static_cast<ConnectionId>(writer_->books().last_connection_id) + 1;
    connection_ids_ = std::make_shared<std::atomic<ConnectionId>>(first_connection_id_);
    record_event("daemon_started", started_text(options_, killed_before_), started_detail(options_, killed_before_));
    std::vector<std::size_t> none;
    fill({}, none);
    writer_->write(batch_);
    newest_event_ = batch_.last_id;
    batch_.clear();
    reader_ = std::make_unique<JournalReader>(options_.file, options_.readers,
                                              [this](Duration ago) { return moment_ago(ago); });
    checkpointer_ = std::make_unique<Checkpointer>(*database_, options_.file);
  } catch (const DatabaseError& error) {
    throw std::runtime_error("the journal " + options_.file +
                             " cannot be used: " + cause_and_remedy(error, options.file));
  }
  thread_ = std::thread([this] { run(); });
  clock_watch_ = std::make_unique<ClockWatch>(anchor_, [this](const ClockStep& step) { clock_stepped(step); });
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
  }
  record_event("clock_stepped", step_text(step), step_detail(step));
  spdlog::warn("{}", step_text(step));
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
  if (posted_.size() >= kMaxPosted) {
    count_loss(1, 0);
    return row;
  }
  row.id = event.id = next_id_++;
  event.link = link_number(link);
  posted_.push_back(std::move(event));
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
  const std::lock_guard lock(mutex_);
  return health_;
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
  untold_transitions_ += transitions;
  untold_segments_ += segments;
}

void Journal::count_loss_of(const LinkEvent& event) {
  if (const auto* told = std::get_if<EventsLost>(&event)) {  // counted by its ring, but not told yet
    untold_transitions_ += told->transitions;
    untold_segments_ += told->segments;
  } else {
    std::holds_alternative<SegmentRecord>(event) ? count_loss(0, 1) : count_loss(1, 0);
  }
}

}  // namespace wobble::daemon
