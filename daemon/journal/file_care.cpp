#include "daemon/journal/file_care.h"

#include <fmt/core.h>

#include <utility>

#include "daemon/journal/event_text.h"
#include "daemon/journal/inbox.h"
#include "daemon/journal/journal_health.h"
#include "daemon/journal/journal_options.h"
#include "daemon/journal/journal_reader.h"
#include "daemon/journal/log_file.h"
#include "daemon/journal/passes.h"
#include "daemon/system/log.h"

namespace wobble::daemon {

FileCare::FileCare(const JournalOptions& options, LogFile& log, JournalReader& reader, Inbox& inbox,
                   const Passes& passes, JournalHealth& health, const std::atomic<ConnectionId>& next_connection)
    : options_(options),
      log_(log),
      reader_(reader),
      inbox_(inbox),
      passes_(passes),
      health_(health),
      next_connection_(next_connection) {}

bool FileCare::look() {
  const TimePoint time = std::chrono::steady_clock::now();
  const bool is_wanted = look_now_.exchange(false) || log_.has_lost_index();
  if (time < look_at_ && !is_wanted) return false;
  look_at_ = time + options_.file_interval;
  bool is_renewed = false;
  if (const auto trouble = log_.look()) {
    is_renewed = renew(*trouble);
  } else if (!readers_are_shut_ || open_readers()) {
    health_.file_is_well();  // also a file that was moved back
  }
  look_at_wal();
  return is_renewed;
}

bool FileCare::renew(const FileTrouble& trouble) {
  const std::string what = "the journal " + options_.file + " " + trouble.what;
  health_.file_has_trouble(what);
  const std::vector<NewLink> links = inbox_.links();
  Bookkeeping given;
  given.last_event_id = static_cast<std::int64_t>(inbox_.last_event_id());
  given.last_connection_id = static_cast<std::int64_t>(next_connection_.load()) - 1;
  // Nobody may open what stands beside the file by its name now: it may be another's.
  reader_.stop("the log's file is just being exchanged: ask again");
  reader_.close();
  readers_are_shut_ = true;
  try {
    const LogRenewal renewal = log_.renew(trouble, links, given);
    const std::string text = renewal_text(trouble.what, renewal);
    health_.file_was_renewed(text);
    open_readers();
    if (renewal.is_new) inbox_.post_again_what_is_in_force(passes_.links());
    inbox_.record("log_renewed", text, renewal_detail(trouble.what, renewal));
    return true;
  } catch (const std::exception& error) {
    keep_trouble(what + "; " + error.what());
    return false;
  }
}

bool FileCare::open_readers() {
  try {
    reader_.open();
    readers_are_shut_ = false;
  } catch (const DatabaseError& error) {  // such as no descriptor left
    keep_trouble("the journal " + options_.file + " cannot be read: " + error.what());
  }
  return !readers_are_shut_;
}

void FileCare::keep_trouble(const std::string& what) {
  health_.file_keeps_trouble(what);
  reader_.stop(what);
  reader_.close();  // what was opened by half takes descriptors
  readers_are_shut_ = true;
}

/// A reader outside that never ends its transaction keeps the write-ahead log from being begun anew.
void FileCare::look_at_wal() {
  const std::int64_t bytes = log_.wal_bytes();
  const bool is_long = bytes > options_.wal_bytes;
  const std::string text =
      is_long ? fmt::format(
                    "the log's write-ahead log {}-wal has {} MB: a program that reads the file without an end "
                    "keeps it from being shortened; end that program",
                    options_.file, bytes / 1'000'000)
              : "";
  health_.tell_of_wal(text);
  if (is_long == std::exchange(wal_is_long_, is_long)) return;
  if (is_long) log::warn(text);
  inbox_.record("log_held_up", is_long ? text : "the log's write-ahead log can be shortened again",
                held_up_detail(bytes, !is_long));
}

}  // namespace wobble::daemon
