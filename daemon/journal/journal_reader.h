// Questions to the journal, from any thread. Each runs on one of a few read-only connections, in one snapshot of the
// file; WAL lets them read while the writer writes.
#pragma once

#include <condition_variable>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/database.h"

namespace wobble::daemon {

/// A moment of the log: by the clock of then, which was in force while the connections from `from` on and before
/// `behind` were opened. Those before are earlier and those behind later, whatever times they bear.
struct LogMoment {
  api::WallTime at = 0;
  ConnectionId from = 0;
  ConnectionId behind = std::numeric_limits<ConnectionId>::max();
};

class JournalReader {
 public:
  /// When so long ago was.
  using Ago = std::function<LogMoment(Duration)>;
  /// By the system's clock as it is now.
  static LogMoment ago_by_the_wall(Duration ago);

  /// Rows of one connection that are answered at most.
  static constexpr std::int64_t kMaxRowsPerConnection = 20'000;
  static constexpr std::uint32_t kMaxEvents = 10'000;

  JournalReader(const std::string& file, std::size_t connections, Ago ago = ago_by_the_wall);

  // Each throws DatabaseError if the file cannot be read.
  api::Page<api::ConnectionRow> connections(const api::ConnectionQuery& query);
  std::optional<api::ConnectionRow> connection(ConnectionId id);
  /// In the order of recording.
  std::vector<api::TransitionRow> transitions(ConnectionId id);
  /// In the order of sending.
  std::vector<api::SegmentRow> segments(ConnectionId id);
  /// What was in force on its link while it lived, oldest first.
  std::vector<api::ConditionsRow> conditions(ConnectionId id);
  /// Events and transitions in the order of their numbers.
  std::vector<api::EventRow> events(const api::EventQuery& query);

 private:
  const Ago ago_;
  /// Holds one of the connections, waiting for it if all are taken.
  class Lease;

  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Database>> idle_;
};

}  // namespace wobble::daemon
