#pragma once

#include "api/backend.h"
#include "api/json.h"

namespace wobble::api {

/// `asked` is the link's present conditions; `at` and `changed_at` are the stats' moments by the wall clock.
/// `step_ends` counts while the link has a scenario.
Json to_json(const LinkStats& stats, const LinkInfo& asked, WallTime at, WallTime changed_at, WallTime step_ends);

}  // namespace wobble::api
