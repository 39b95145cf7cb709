// What a connection table tells of a connection → the row the API shows: for whoever has no journal between the two.
#pragma once

#include <functional>

#include "api/backend.h"

namespace wobble::api {

/// `wall` translates the table's moments.
using WallClock = std::function<WallTime(TimePoint)>;

/// All figures of `row` become `figures`.
void set_figures(ConnectionRow& row, const ConnectionFigures& figures, const WallClock& wall);

/// A row without a link's name, of a connection that lives, and how it ended.
ConnectionRow row_of(const ConnectionOpened& opened, const WallClock& wall);
void set_end(ConnectionRow& row, const ConnectionClosed& closed, const WallClock& wall);

}  // namespace wobble::api
