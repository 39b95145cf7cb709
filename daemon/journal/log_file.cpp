#include "daemon/journal/log_file.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "api/time_text.h"

namespace wobble::daemon {

namespace {

/// All that was committed is in the file itself then, whatever has become of the log beside it.
void copy_into_file(Database& database) noexcept {
  sqlite3_wal_checkpoint_v2(database.handle(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

/// Whatever stands in the index of the write-ahead log, SQLite makes it anew from that log when it looks at the file
/// for the next time: its header is two equal copies, and all zeroes is none (sqlite.org/walformat.html). Nobody else
/// of this process has the file open.
void begin_index_anew(Database& database) noexcept {
  constexpr int kRegionBytes = 32'768;
  constexpr std::size_t kHeaderBytes = 96;
  sqlite3_file* file = nullptr;
  const int found = sqlite3_file_control(database.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (found != SQLITE_OK || file == nullptr || file->pMethods == nullptr || file->pMethods->iVersion < 2) return;
  volatile void* index = nullptr;
  if (file->pMethods->xShmMap(file, 0, kRegionBytes, 0, &index) != SQLITE_OK || index == nullptr) return;
  auto* const header = static_cast<volatile unsigned char*>(index);
  for (std::size_t i = 0; i < kHeaderBytes; ++i) header[i] = 0;
}

/// The rows of connections that live, from one file into the other, which has the same columns. Returns how many.
std::int64_t carry_living(Database& from, Database& to, std::int64_t session) {
  Statement row(from, "SELECT * FROM connections WHERE closed_at IS NULL");
  std::string names;
  std::string values;
  for (int column = 0; column < row.columns(); ++column) {
    names += (column == 0 ? "\"" : ", \"") + std::string(row.column_name(column)) + "\"";
    values += column == 0 ? "?" : ", ?";
  }
  Transaction transaction(to);
  Statement insert(to, "INSERT OR IGNORE INTO connections(" + names + ") VALUES(" + values + ")");
  std::int64_t carried = 0;
  for (; row.step(); ++carried) insert.bind_row(row).run();
  Statement(to, "UPDATE connections SET session = ?1").bind(1, session).run();
  Statement(to, "UPDATE bookkeeping SET connections = ?1").bind(1, carried).run();
  transaction.commit();
  return carried;
}

}  // namespace

LogFile::LogFile(std::string file, const WallAnchor& anchor, const RetentionLimits& limits)
    : file_(std::move(file)), anchor_(anchor), limits_(limits) {
  replace_lost_pages();
  parts_ = open();
}

LogFile::~LogFile() = default;

std::unique_ptr<LogFile::Parts> LogFile::open() const {
  auto parts = std::make_unique<Parts>(file_);
  parts->database = open_journal(file_);
  // What was read since may be of another time, and must not become the log's contents.
  sqlite3_commit_hook(
      parts->database->handle(), [](void* of) { return static_cast<Parts*>(of)->has_lost_index() ? 1 : 0; },
      parts.get());
  parts->writer = std::make_unique<JournalWriter>(*parts->database, anchor_);
  parts->retention = std::make_unique<Retention>(*parts->database, *parts->writer, limits_);
  return parts;
}

void LogFile::begin_watch() {
  session_ = parts_->writer->session();
  parts_->checkpointer = std::make_unique<Checkpointer>(*parts_->database, file_);
  parts_->watch = std::make_unique<FileWatch>(file_, parts_->lock.fd(), session_.id);
}

std::optional<FileTrouble> LogFile::look() {
  if (!is_open()) return FileTrouble{FileTrouble::Kind::damaged, "could not be opened again"};
  if (auto trouble = parts_->watch->look_outside()) return trouble;
  std::optional<FileTrouble> trouble;
  if (!has_lost_index()) trouble = parts_->watch->look_inside(writer().books());
  // That look may have been what met the loss; then what it read was not the log.
  if (has_lost_index()) {
    trouble = FileTrouble{FileTrouble::Kind::wal_gone,
                          "has lost the index of its write-ahead log: " + file_ + "-shm was cut off"};
  }
  return trouble;
}

LogRenewal LogFile::renew(const FileTrouble& trouble, const std::vector<NewLink>& links, Bookkeeping given) {
  using enum FileTrouble::Kind;
  if (is_open()) written_ = writer().books();
  given.last_segment_id = written_.last_segment_id;
  if (has_lost_index()) {
    parts_->checkpointer.reset();
    begin_index_anew(database());
  }
  if (trouble.kind == wal_gone || !is_open()) {
    if (is_open()) copy_into_file(database());
    parts_.reset();
    return open_again(links, given);
  }
  LogRenewal renewal{.is_new = true,
                     .lost_connections = written_.connections,
                     .lost_events = written_.events,
                     .lost_transitions = written_.transitions,
                     .aside = {}};
  if (trouble.kind == damaged) renewal.aside = put_aside();
  copy_into_file(database());
  parts_->watch->remove_names_beside();
  if (trouble.kind == replaced) {
    throw std::runtime_error("another file stands at its path: move that away, and a new log is begun there");
  }
  make_folder_of(file_);
  std::unique_ptr<Parts> fresh = open();
  fresh->writer->continue_session(session_, links, given);
  std::int64_t carried = 0;
  try {
    carried = carry_living(database(), *fresh->database, session_.id);
    fresh->retention.reset();
    fresh->writer = std::make_unique<JournalWriter>(*fresh->database, anchor_);  // counts what is in it now
    fresh->retention = std::make_unique<Retention>(*fresh->database, *fresh->writer, limits_);
    fresh->writer->continue_session(session_, links, given);
  } catch (const DatabaseError&) {  // the old one cannot be read any more
  }
  renewal.lost_connections -= carried;
  parts_ = std::move(fresh);
  begin_watch();
  return renewal;
}

LogRenewal LogFile::open_again(const std::vector<NewLink>& links, const Bookkeeping& given) {
  const bool is_new = !std::filesystem::exists(file_);
  std::unique_ptr<Parts> again = open();
  if (!again->writer->continue_session(session_, links, given)) {
    throw std::runtime_error("the journal " + file_ +
                             " holds something else than what was written to it; move it away");
  }
  parts_ = std::move(again);
  begin_watch();
  const Bookkeeping& found = writer().books();
  return {.is_new = is_new,
          .lost_connections = written_.connections - found.connections,
          .lost_events = written_.events - found.events,
          .lost_transitions = written_.transitions - found.transitions,
          .aside = {}};
}

std::string LogFile::put_aside() {
  const std::chrono::nanoseconds now = std::chrono::system_clock::now().time_since_epoch();
  std::string when = api::print_time(now.count()).substr(0, sizeof "2026-01-01T00:00:00" - 1);
  std::erase_if(when, [](char c) { return c == '-' || c == ':'; });
  const std::string aside = file_ + ".damaged-" + when + "Z";  // .damaged-20260101T000000Z
  if (std::filesystem::exists(aside)) throw std::runtime_error("it cannot be put aside: " + aside + " exists");
  if (std::rename(file_.c_str(), aside.c_str()) != 0) {
    throw std::runtime_error("it cannot be put aside: " + std::string(std::strerror(errno)));
  }
  parts_->watch->move_names_beside(aside);
  return aside;
}

}  // namespace wobble::daemon
