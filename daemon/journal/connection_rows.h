// The widest table in one place: how a connection is written and read, column for column.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/batch.h"
#include "daemon/journal/database.h"
#include "daemon/journal/wall_anchor.h"

namespace wobble::daemon {

/// Gathers what a batch tells of each connection, so that each is written once: a connection that opens, runs through
/// its states and closes within a batch is a single INSERT.
///
/// The events given must live until flush(). One thread.
class ConnectionWriter {
 public:
  ConnectionWriter(Database& database, const WallAnchor& anchor);

  void opened(const ConnectionOpened& event, std::uint64_t event_id, LinkNumber link);
  void changed(const Transition& event);
  void closed(const ConnectionClosed& event);
  void reopened(const ConnectionReopened& event);
  void late(const LateFigures& event);

  /// Writes everything gathered; returns how many rows are new. Forgets what was gathered, also when it throws.
  std::int64_t flush(std::int64_t session);
  void forget();

 private:
  struct Change {
    ConnectionId id = 0;
    const ConnectionOpened* opened = nullptr;
    std::uint64_t opened_event = 0;
    LinkNumber link = 0;
    const Transition* client = nullptr;  ///< the latest of each side, and later than the next two
    const Transition* server = nullptr;
    bool is_reopened = false;
    const ConnectionClosed* closed = nullptr;
    const LateFigures* late = nullptr;
  };
  Change& change_of(ConnectionId id);
  void insert(const Change& change, std::int64_t session);
  // Bind what an ending fills, or only the figures of it, from parameter `first` on, and run the statement.
  void end_with(Statement& statement, int first, const Change& change);
  void figures_with(Statement& statement, int first, const Change& change);

  const WallAnchor& anchor_;
  Statement insert_;
  Statement close_;
  Statement late_;
  Statement reopen_;
  Statement update_states_;
  std::vector<Change> changes_;  ///< in the order in which they were first touched
  std::unordered_map<ConnectionId, std::size_t> index_;
};

/// What a SELECT needs for read_connection(): "... FROM connections c LEFT JOIN links l ..." without WHERE.
const std::string& select_connections();
/// The list's order of that SELECT's present row: what a cursor is made of.
std::uint64_t opened_event_of(const Statement& row);
api::ConnectionRow read_connection(const Statement& row);

}  // namespace wobble::daemon
