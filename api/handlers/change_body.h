// What the body of a change holds beside the conditions.
#pragma once

#include <optional>

#include "api/backend.h"
#include "api/conditions/reading.h"
#include "api/json.h"

namespace wobble::api {

/// "for": how long the change lasts. None if it is not there, or wrong, which is told to `reading`.
std::optional<Duration> read_lasts(const Json& body, Reading& reading);

/// Members that a GET of the link answers with may come back if they are unchanged, so that what was read can be edited
/// and sent; others are unknown.
void check_other_members(const Json& body, const LinkInfo& present, Reading& reading);

/// Problem 422 if the body has a member.
void refuse_members(const Json& body);

}  // namespace wobble::api
