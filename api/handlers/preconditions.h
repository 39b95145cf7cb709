// A link's revision as its entity tag (RFC 9110 8.8.3), and the requests that depend on it (13.1).
#pragma once

#include <cstdint>
#include <optional>

#include "api/backend.h"
#include "api/handlers/call.h"

namespace wobble::api {

/// The link, with its revision as ETag.
void send_link(Response& response, const LinkInfo& link, int status = 200);
/// The same, or 304 if the call's If-None-Match names the link's revision.
void send_link_if_changed(const Call& call, Response& response, const LinkInfo& link);

/// Problem 412 if the call has an If-Match that does not name the present revision, 400 if it names none. The revision,
/// if it has one.
std::optional<std::uint64_t> check_precondition(const Call& call, const LinkInfo& present);

}  // namespace wobble::api
