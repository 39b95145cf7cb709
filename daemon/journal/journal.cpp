#include "daemon/journal/journal.h"

#include <fmt/core.h>

#include <filesystem>
#include <utility>

#include "daemon/journal/event_text.h"
#include "daemon/journal/pace.h"
#include "daemon/system/log.h"

namespace wobble::daemon {

namespace {

constexpr Duration kLastSync = std::chrono::seconds(2);

std::uint64_t size_of(const std::string& file) {
  std::error_code error;  // -wal comes and goes
  const auto bytes = std::filesystem::file_size(file, error);
  return error ? 0 : bytes;
}

}  // namespace

Journal::Journal(const JournalOptions& options) try
    : options_(options),
      clock_(options.clocks),
      log_(options.file, clock_.anchor(), options.retention),
      killed_before_(log_.writer().begin_session(options.version, clock_.now())),
      first_connection_id_(static_cast<ConnectionId>(log_.writer().books().last_connection_id) + 1),
      connection_ids_(std::make_shared<std::atomic<ConnectionId>>(first_connection_id_)),
      reader_(options.file, options.readers, options.question_limit,
              [this](Duration ago) { return clock_.moment_ago(ago); }),
      inbox_(clock_, log_.writer().links(), static_cast<std::uint64_t>(log_.writer().books().last_event_id)),
      health_(options.file, clock_, inbox_),
      care_(options_, log_, reader_, inbox_, passes_, health_, *connection_ids_),
      thread_(options_, log_, clock_, inbox_, passes_, health_, care_) {
  if (const auto newest = log_.writer().last_written()) clock_.begin_ages(*newest);
  record_event("daemon_started", started_text(options.version, killed_before_),
               started_detail(options.version, killed_before_));
  thread_.write_posted();
  log_.begin_watch();
  clock_watch_ = std::make_unique<ClockWatch>(clock_.anchor(), [this](const ClockStep& step) { clock_stepped(step); });
  thread_.start();  // last: where no thread is to be had, nothing has to be ended
} catch (const DatabaseError& error) {
  throw std::runtime_error("the journal " + options.file + " cannot be used: " + cause_and_remedy(error, options.file));
}

Journal::~Journal() { stop(); }

void Journal::stop() {
  clock_watch_.reset();
  sync(kLastSync);  // so that daemon_stopped comes behind the ends of the connections
  record_event("daemon_stopped", "wobbled stopped", "");
  if (!inbox_.close()) return;
  passes_.stop();
  thread_.join();
}

void Journal::clock_stepped(const ClockStep& step) {
  clock_.stepped(step, connection_ids_->load());
  inbox_.post_again_what_is_in_force(passes_.links());
  record_event("clock_stepped", step_text(step), step_detail(step));
  log::warn(step_text(step));
}

void Journal::add_link(const std::string& name, EventRing& ring) {
  ring.set_limit(Pace().events_waiting(ring.capacity()));  // a guess, until it is known what an event costs
  passes_.add(inbox_.number_of(name), ring);
}

void Journal::record_link(const std::string& link, const std::string& conditions) {
  PostedEvent event;
  event.kind = "link_started";
  event.text = fmt::format("{}: carries packets (revision 1)", link);
  event.detail = fmt::format(R"({{"revision":1,"conditions":{}}})", conditions);
  event.conditions = PostedEvent::Conditions{1, "start", conditions};
  inbox_.post(std::move(event), link);
}

api::EventRow Journal::record_change(const ConditionChange& change) {
  PostedEvent event;
  event.kind = "conditions";
  event.text = fmt::format("{}: conditions changed (revision {}, {})", change.link, change.revision, change.source);
  event.detail = change_detail(change.revision, change.source, change.conditions);
  event.conditions = PostedEvent::Conditions{change.revision, change.source, change.conditions};
  return inbox_.post(std::move(event), change.link);
}

api::EventRow Journal::annotate(const std::string& text, const std::optional<std::string>& link) {
  api::EventRow row = record_event("annotation", text, "", link.value_or(""));
  if (row.id == 0) throw api::Unavailable("the journal cannot take the annotation: " + health().detail);
  return row;
}

api::JournalStats Journal::stats() const {
  api::JournalStats stats;
  health_.add_to(stats);
  inbox_.add_to(stats);
  passes_.add_to(stats);
  stats.database_bytes = size_of(options_.file) + size_of(options_.file + "-wal");
  return stats;
}

}  // namespace wobble::daemon
