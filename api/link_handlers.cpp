// Links: read, replaced, merged, reset. PATCH reads, merges and applies as one step, also against changes from
// elsewhere (a setting that reverts by itself): it says on which revision it builds, and starts again if that is gone.
#include <algorithm>

#include "api/conditions_json.h"
#include "api/handlers.h"
#include "api/nearest_name.h"
#include "api/rows_json.h"
#include "api/units.h"

namespace wobble::api {
namespace {

constexpr Duration kLongestChange = std::chrono::hours(24 * 365);
constexpr int kAttempts = 5;

std::string etag(const LinkInfo& link) { return "\"" + std::to_string(link.revision) + "\""; }

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Whether a list of entity tags (RFC 9110 13.1) names `tag`, or is "*". `weak`: W/"3" counts as "3".
bool names(const std::string& list, const std::string& tag, bool weak) {
  for (std::size_t at = 0; at <= list.size();) {
    const std::size_t comma = std::min(list.find(',', at), list.size());
    std::string one = trimmed(list.substr(at, comma - at));
    if (weak && one.starts_with("W/")) one.erase(0, 2);
    if (one == tag || one == "*") return true;
    at = comma + 1;
  }
  return false;
}

/// Members beside the conditions: those that a GET answers with may come back if they are unchanged, so that what was
/// read can be edited and sent; others are unknown.
void check_other_members(const Json& body, const LinkInfo& present, std::vector<FieldError>& errors) {
  constexpr std::string_view kKnown[] = {"up", "down", "both", "scenario", "for"};
  const Json answer = to_json(present);
  for (const auto& [name, value] : body.items()) {
    if (std::find(std::begin(kKnown), std::end(kKnown), name) != std::end(kKnown)) continue;
    const std::string pointer = "/" + pointer_token(name);
    if (!answer.contains(name)) {
      errors.push_back({pointer, unknown_name("field", name, kKnown)});
    } else if (answer.at(name) != value) {
      errors.push_back({pointer, "cannot be changed: it is " + answer.at(name).dump()});
    }
  }
}

void refuse_body_members(const Json& body) {
  std::vector<FieldError> errors;
  for (const auto& [name, value] : body.items()) {
    errors.push_back({"/" + pointer_token(name), unknown_name("field", name, {})});
  }
  if (!errors.empty()) throw Problem::invalid(std::move(errors));
}

}  // namespace

void send_link(Response& response, const LinkInfo& link) {
  response.set_header("ETag", etag(link));
  send_json(response, 200, to_json(link));
}

void check_precondition(const Call& call, const LinkInfo& present) {
  if (!call.request.has_header("If-Match")) return;
  if (names(call.request.get_header_value("If-Match"), etag(present), false)) return;
  throw Problem(412, "The link is at revision " + std::to_string(present.revision) + " by now; nothing was changed.");
}

std::optional<Duration> read_lasts(const Json& body, std::vector<FieldError>& errors) {
  if (!body.contains("for") || body.at("for").is_null()) return std::nullopt;
  const Json& value = body.at("for");
  const Parsed<Duration> lasts = value.is_string()   ? parse_duration(value.get<std::string>())
                                 : value.is_number() ? parse_duration(value.dump())
                                                     : Parsed<Duration>{{}, "a time such as \"10m\" is expected"};
  if (!lasts.ok()) {
    errors.push_back({"/for", lasts.error});
  } else if (lasts.value.count() == 0) {
    errors.push_back({"/for", "a change for no time is none: leave \"for\" out to make it stay"});
  } else if (lasts.value > kLongestChange) {
    errors.push_back({"/for", "at most " + print_duration(kLongestChange) + ": leave \"for\" out to make it stay"});
  }
  return lasts.value;
}

void Handlers::links(const Call&, Response& response) {
  Json items = Json::array();
  for (const LinkInfo& link : backend_.links()) items.push_back(to_json(link));
  send_json(response, 200, {{"items", std::move(items)}, {"next", nullptr}});
}

void Handlers::link(const Call& call, Response& response) {
  const LinkInfo link = backend_.link(call.arguments[0]);
  if (names(call.request.get_header_value("If-None-Match"), etag(link), true)) {
    response.status = 304;
    response.set_header("ETag", etag(link));
    return;
  }
  send_link(response, link);
}

void Handlers::put_link(const Call& call, Response& response) { change_link(call, response, false); }

void Handlers::patch_link(const Call& call, Response& response) { change_link(call, response, true); }

void Handlers::change_link(const Call& call, Response& response, bool merge) {
  const std::string& name = call.arguments[0];
  const Json body = body_object(call, false);
  const std::lock_guard lock(changes_);
  for (int attempt = 1;; ++attempt) {
    const LinkInfo present = backend_.link(name);
    check_precondition(call, present);
    std::vector<FieldError> errors;
    Change change;
    check_other_members(body, present, errors);
    change.lasts = read_lasts(body, errors);
    change.conditions = merge ? merge_conditions(present.conditions, body, errors) : read_conditions(body, errors);
    if (!errors.empty()) throw Problem::invalid(std::move(errors));
    change.if_revision = present.revision;
    change.source = merge ? "api PATCH" : "api PUT";
    try {
      send_link(response, backend_.apply(name, change));
      return;
    } catch (const RevisionMismatch&) {
      if (attempt == kAttempts) throw;
    }
  }
}

void Handlers::stats(const Call& call, Response& response) {
  const LinkStats stats = backend_.stats(call.arguments[0]);
  const LinkInfo link = backend_.link(call.arguments[0]);
  const WallTime step_ends = backend_.wall_clock(stats.step > 0 ? stats.step_ends : stats.at);
  send_json(response, 200,
            to_json(stats, link, backend_.wall_clock(stats.at), backend_.wall_clock(stats.changed_at), step_ends));
}

void Handlers::reset_link(const Call& call, Response& response) {
  refuse_body_members(body_object(call, true));
  const std::lock_guard lock(changes_);
  send_link(response, backend_.reset(call.arguments[0], "api reset"));
}

void Handlers::reset_all(const Call& call, Response& response) {
  refuse_body_members(body_object(call, true));
  const std::lock_guard lock(changes_);
  Json items = Json::array();
  std::exception_ptr failure;  // one link that does not answer keeps no other from its reset
  for (const LinkInfo& link : backend_.links()) {
    try {
      items.push_back(to_json(backend_.reset(link.name, "api reset")));
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
  send_json(response, 200, {{"items", std::move(items)}, {"next", nullptr}});
}

}  // namespace wobble::api
