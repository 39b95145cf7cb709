#include "api/handlers/preconditions.h"

#include <algorithm>

#include "api/ascii.h"
#include "api/handlers/answers.h"
#include "api/http/guards.h"
#include "api/rows/link_json.h"

namespace wobble::api {
namespace {

std::string etag(const LinkInfo& link) { return "\"" + std::to_string(link.revision) + "\""; }

/// Whether a list of entity tags (RFC 9110 13.1) names `tag`, or is "*". `weak`: W/"3" counts as "3".
bool names_tag(const std::string& list, const std::string& tag, bool weak) {
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    std::string one = trimmed(list.substr(at, comma - at));
    if (weak && one.starts_with("W/")) one.erase(0, 2);
    if (one == tag || one == "*") return true;
    at = comma + 1;
  }
  return false;
}

}  // namespace

void send_link(Response& response, const LinkInfo& link, int status) {
  response.set_header("ETag", etag(link));
  send_json(response, status, to_json(link));
}

void send_link_if_changed(const Call& call, Response& response, const LinkInfo& link) {
  if (!names_tag(call.request.get_header_value("If-None-Match"), etag(link), true)) return send_link(response, link);
  response.status = 304;
  response.set_header("ETag", etag(link));
}

std::optional<std::uint64_t> check_precondition(const Call& call, const LinkInfo& present) {
  if (!call.request.has_header("If-Match")) return std::nullopt;
  const std::string list = single_header(call.request, "If-Match");
  if (trimmed(list).empty()) throw Problem(400, "If-Match is empty: name a revision, such as \"3\", or leave it out.");
  if (names_tag(list, etag(present), false)) return present.revision;
  throw Problem(412, "The link is at revision " + std::to_string(present.revision) + " by now; nothing was changed.");
}

}  // namespace wobble::api
