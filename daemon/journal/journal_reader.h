// Questions to the journal, from any thread. Each runs on one of a few read-only connections, in one snapshot of the
// file; WAL lets them read while the writer writes. Those of live streams have connections of their own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/connection_search.h"
#include "daemon/journal/reader_pool.h"

namespace wobble::daemon {

/// A connection that has not ended as far as the log knows.
struct LivingRow {
  ConnectionId id = 0;
  std::string link;
};

class JournalReader {
 public:
  /// By the system's clock as it is now.
  static LogMoment ago_by_the_wall(Duration ago);

  /// Rows of one connection that are answered at most.
  static constexpr std::int64_t kMaxRowsPerConnection = 20'000;
  static constexpr std::uint32_t kMaxEvents = 10'000;
  static constexpr std::int64_t kMaxLiving = 200'000;

  /// `connections`: questions that are answered at once. `time_limit` of each; 0: none. Throws DatabaseError.
  JournalReader(const std::string& file, std::size_t connections, Duration time_limit = Duration(0),
                Ago ago = ago_by_the_wall);
  /// Of a file that nobody writes: one question at a time, without a time limit.
  JournalReader(const std::string& file, Database::Mode mode);

  // While the file is exchanged, and at the end: see ReaderPool.
  void stop(const std::string& why);
  void close();
  void open();
  void end(const std::string& why);

  // Each throws DatabaseError if the file cannot be read, and Unavailable if the question was given up.
  api::Page<api::ConnectionRow> connections(const api::ConnectionQuery& query);
  std::optional<api::ConnectionRow> connection(ConnectionId id);
  /// In the order of recording.
  std::vector<api::TransitionRow> transitions(ConnectionId id);
  /// In the order of sending.
  std::vector<api::SegmentRow> segments(ConnectionId id);
  /// What was in force on its link while it lived, oldest first.
  std::vector<api::ConditionsRow> conditions(ConnectionId id);
  /// Whose end is not written: kMaxLiving at most, the oldest first.
  std::vector<LivingRow> living();
  /// Events and transitions in the order of their numbers.
  std::vector<api::EventRow> events(const api::EventQuery& query);

 private:
  static constexpr std::size_t kStreamReaders = 2;

  /// Runs answer(database) on a connection of the pool.
  template <typename Answer>
  auto ask(ReaderPool& pool, const api::IsGone& gone, const Answer& answer);

  const Ago ago_;
  ReaderPool questions_;
  ReaderPool streams_;
};

}  // namespace wobble::daemon
