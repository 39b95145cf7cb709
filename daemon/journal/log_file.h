// The journal's file with all that is open on it, and how another takes its place when something has happened to it.
//
// Thread: one at a time (the opener's until the journal's thread runs, then that thread's).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/journal/checkpointer.h"
#include "daemon/journal/database.h"
#include "daemon/journal/file_watch.h"
#include "daemon/journal/journal_file.h"
#include "daemon/journal/journal_writer.h"
#include "daemon/journal/lost_pages.h"
#include "daemon/journal/retention.h"
#include "daemon/journal/wall_anchor.h"

namespace wobble::daemon {

/// How the file was put right.
struct LogRenewal {
  bool is_new = false;  ///< a new file was begun at the same path
  // Rows that had been written, and are not in this file.
  std::int64_t lost_connections = 0;
  std::int64_t lost_events = 0;
  std::int64_t lost_transitions = 0;
  std::string aside;  ///< where the old file is now; empty: not known, or nowhere
};

class LogFile {
 public:
  /// Opens or makes it. `anchor` outlives this. Throws std::runtime_error or DatabaseError.
  LogFile(std::string file, const WallAnchor& anchor, const RetentionLimits& limits);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  /// False after a renew() that has failed on the way: then only renew() may be called.
  bool is_open() const noexcept { return parts_ != nullptr; }
  Database& database() { return *parts_->database; }
  JournalWriter& writer() { return *parts_->writer; }
  Retention& retention() { return *parts_->retention; }
  Checkpointer& checkpointer() { return *parts_->checkpointer; }

  /// From now on the file is watched: its session has begun, and readers may open it. Throws DatabaseError.
  void begin_watch();
  /// What has happened to it, if anything.
  std::optional<FileTrouble> look();
  /// The index of its write-ahead log was cut off while it was mapped (lost_pages.h). Then nothing is committed any
  /// more, which fails as DatabaseError that may_pass(), until renew().
  bool has_lost_index() const noexcept { return is_open() && parts_->has_lost_index(); }
  std::int64_t wal_bytes() const { return is_open() && parts_->watch ? parts_->watch->wal_bytes() : 0; }

  /// Puts it right. No reader has it open. `links` and the last numbers of events and connections of `given` stand in a
  /// new file from its begin, and so do the connections that live, if they can still be read. A file that is damaged is
  /// kept under another name. Throws std::runtime_error if it cannot be done now; then what could be written before can
  /// still be written.
  LogRenewal renew(const FileTrouble& trouble, const std::vector<NewLink>& links, Bookkeeping given);

 private:
  struct Parts {
    explicit Parts(const std::string& file) : lock(file) {}
    bool has_lost_index() const noexcept { return lost_pages() != lost_before; }
    const std::uint64_t lost_before = lost_pages();
    FileLock lock;  // outlives every Database: see journal_file.h
    std::unique_ptr<Database> database;
    std::unique_ptr<JournalWriter> writer;
    std::unique_ptr<Retention> retention;
    std::unique_ptr<Checkpointer> checkpointer;
    std::unique_ptr<FileWatch> watch;
  };
  std::unique_ptr<Parts> open() const;
  LogRenewal open_again(const std::vector<NewLink>& links, const Bookkeeping& given);
  std::string put_aside();

  const std::string file_;
  const WallAnchor& anchor_;
  const RetentionLimits limits_;
  std::unique_ptr<Parts> parts_;
  Session session_;
  Bookkeeping written_;  ///< to the file, when it was renewed
};

}  // namespace wobble::daemon
