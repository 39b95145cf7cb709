// What the journal's thread does when something has happened to the file.
#include <fmt/core.h>

#include <utility>

#include "daemon/journal/journal.h"
#include "daemon/journal/names.h"
#include "daemon/system/log.h"

namespace wobble::daemon {

namespace {

std::string renewal_text(const std::string& what, const LogFile::Renewal& renewal) {
  std::string text = "the log's file " + what;
  if (renewal.is_new) text += "; a new one was begun at the same path";
  if (!renewal.is_new) text += "; it was opened again, and what had been written was copied into it";
  if (!renewal.aside.empty()) text += "; the old one is " + renewal.aside;
  if (renewal.lost_connections + renewal.lost_events + renewal.lost_transitions > 0) {
    text += fmt::format("; {} connections, {} events and {} transitions that had been written are not in it",
                        renewal.lost_connections, renewal.lost_events, renewal.lost_transitions);
  }
  return text;
}

std::string renewal_detail(const std::string& what, const LogFile::Renewal& renewal) {
  return fmt::format(R"({{"reason":{},"is_new":{},"connections":{},"events":{},"transitions":{},"aside":{}}})",
                     json_string(what), renewal.is_new, renewal.lost_connections, renewal.lost_events,
                     renewal.lost_transitions, renewal.aside.empty() ? "null" : json_string(renewal.aside));
}

}  // namespace

void Journal::look_at_file() {
  const TimePoint time = std::chrono::steady_clock::now();
  const bool is_wanted = look_at_file_now_.exchange(false) || log_.has_lost_index();
  if (time < look_at_file_at_ && !is_wanted) return;
  look_at_file_at_ = time + options_.file_interval;
  if (const auto trouble = log_.look()) {
    renew(*trouble);
  } else {
    const std::lock_guard lock(mutex_);
    file_trouble_.clear();  // such as a file that was moved back
  }
  look_at_wal();
}

void Journal::renew(const FileTrouble& trouble) {
  const auto say = [&](const std::string& what) {
    const std::lock_guard lock(mutex_);
    const bool is_new = file_trouble_ != what;
    file_trouble_ = what;
    return is_new;
  };
  const std::string what = "the journal " + options_.file + " " + trouble.what;
  std::vector<NewLink> links;
  Bookkeeping given;
  {
    const std::lock_guard lock(mutex_);
    if (file_trouble_.empty()) file_trouble_ = what;
    for (const auto& [name, number] : links_) links.push_back({number, name, now()});
    given.last_event_id = static_cast<std::int64_t>(next_id_) - 1;
    given.last_connection_id = static_cast<std::int64_t>(connection_ids_->load()) - 1;
  }
  if (log_.is_open()) last_segment_ = log_.writer().books().last_segment_id;
  given.last_segment_id = last_segment_;
  // Nobody may open what stands beside the file by its name now: it may be another's.
  reader_->stop("the log's file is just being exchanged: ask again");
  reader_->close();
  try {
    const LogFile::Renewal renewal = log_.renew(trouble, links, given);
    if (!is_ending_) reader_->open();
    tell_renewal(trouble, renewal);
  } catch (const std::exception& error) {
    if (say(what + "; " + error.what())) log::error(fmt::format("{}; {}", what, error.what()));
    reader_->stop(what + "; " + error.what());
  }
}

void Journal::tell_renewal(const FileTrouble& trouble, const LogFile::Renewal& renewal) {
  const std::string text = renewal_text(trouble.what, renewal);
  log::error(text);
  retry_at_ = {};
  {
    const std::lock_guard lock(mutex_);
    file_trouble_.clear();
    renewed_ = text;
    renewed_at_ = std::chrono::steady_clock::now();
    ++stats_.renewals;
    if (renewal.is_new) tell_again_what_is_in_force();
  }
  record_event("log_renewed", text, renewal_detail(trouble.what, renewal));
}

/// A reader outside that never ends its transaction keeps the write-ahead log from being begun anew.
void Journal::look_at_wal() {
  const std::int64_t bytes = log_.wal_bytes();
  const bool is_long = bytes > options_.wal_bytes;
  const std::string text =
      is_long ? fmt::format(
                    "the log's write-ahead log {}-wal has {} MB: a program that reads the file without an end "
                    "keeps it from being shortened; end that program",
                    options_.file, bytes / 1'000'000)
              : "";
  {
    const std::lock_guard lock(mutex_);
    wal_trouble_ = text;
  }
  if (is_long == std::exchange(wal_is_long_, is_long)) return;
  if (is_long) log::warn(text);
  record_event("log_held_up", is_long ? text : "the log's write-ahead log can be shortened again",
               fmt::format(R"({{"wal_bytes":{},"is_over":{}}})", bytes, !is_long));
}

}  // namespace wobble::daemon
