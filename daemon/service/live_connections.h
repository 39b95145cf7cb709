// Connections as they are now: what the log knows of them, and for those that live what their links do.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/journal.h"
#include "daemon/service/link_registry.h"

namespace wobble::daemon {

/// So long a question to the log waits until what has come so far is in it.
inline constexpr Duration kSyncPatience = std::chrono::milliseconds(250);

/// Any thread. Throws as api::Backend says.
class LiveConnections {
 public:
  /// Both outlive this.
  LiveConnections(const LinkRegistry& links, Journal& journal) : links_(links), journal_(journal) {}

  api::Page<api::ConnectionRow> list(const api::ConnectionQuery& query);
  api::ConnectionRow one(ConnectionId id);
  void follow(ConnectionId id);

  /// After a gap of the log: ends there what it takes for alive, and what is in no table any more. If the log cannot be
  /// read nothing is done.
  void settle_lost_ends();

 private:
  /// From the links that answer; the other rows stay as they were journalled.
  void refresh_figures(std::vector<api::ConnectionRow>& rows);
  /// Those of `ids` that the link of that name does not have, if it answers.
  std::vector<ConnectionId> unknown_to(const std::string& name, const std::vector<ConnectionId>& ids);

  const LinkRegistry& links_;
  Journal& journal_;
};

}  // namespace wobble::daemon
