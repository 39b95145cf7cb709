// Looks what has become of the log's file, and puts it right: what readers, the events and the health say of that.
//
// Thread: the journal's, but for look_soon().
#pragma once

#include <atomic>

#include "emulator/events/event.h"
#include "emulator/time.h"

namespace wobble::daemon {

class Inbox;
class JournalHealth;
class JournalReader;
class LogFile;
class Passes;
struct FileTrouble;
struct JournalOptions;

class FileCare {
 public:
  /// All of them outlive this. `next_connection`: the number that the next connection gets.
  FileCare(const JournalOptions& options, LogFile& log, JournalReader& reader, Inbox& inbox, const Passes& passes,
           JournalHealth& health, const std::atomic<ConnectionId>& next_connection);
  FileCare(const FileCare&) = delete;
  FileCare& operator=(const FileCare&) = delete;

  /// Any thread. Something has failed: the next look is not put off.
  void look_soon() noexcept { look_now_ = true; }
  /// Looks if it is time to. True if the file was renewed, so that it can be written again.
  bool look();

 private:
  bool renew(const FileTrouble& trouble);
  bool open_readers();
  void keep_trouble(const std::string& what);
  void look_at_wal();

  const JournalOptions& options_;
  LogFile& log_;
  JournalReader& reader_;
  Inbox& inbox_;
  const Passes& passes_;
  JournalHealth& health_;
  const std::atomic<ConnectionId>& next_connection_;
  std::atomic<bool> look_now_{false};
  TimePoint look_at_;
  bool readers_are_shut_ = false;  ///< since a renewal
  bool wal_is_long_ = false;
};

}  // namespace wobble::daemon
