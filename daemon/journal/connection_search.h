// Which connections a query means: SQL that looks through one narrow index, whatever the filters are.
#pragma once

#include <functional>
#include <limits>
#include <string>

#include "api/backend.h"
#include "daemon/journal/where.h"

namespace wobble::daemon {

/// A moment of the log: by the clock of then, which was in force while the connections from `from` on and before
/// `behind` were opened. Those before are earlier and those behind later, whatever times they bear.
struct LogMoment {
  api::WallTime at = 0;
  ConnectionId from = 0;
  ConnectionId behind = std::numeric_limits<ConnectionId>::max();
};

/// When so long ago was.
using Ago = std::function<LogMoment(Duration)>;

/// Selects the opened_event of each connection that passes the filters, in no order. With query.condition the database
/// must know asked_while() (asked_periods.h).
Where search_of(const api::ConnectionQuery& query, const Ago& ago);

}  // namespace wobble::daemon
