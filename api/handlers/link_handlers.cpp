// Links: read, replaced, merged, reset, reverted. A change says on which revision it builds, and starts again if that
// is gone: a setting may revert by itself between reading and applying.
#include <algorithm>
#include <array>

#include "api/ascii.h"
#include "api/conditions/conditions_json.h"
#include "api/conditions/object_reader.h"
#include "api/conditions/units.h"
#include "api/handlers/handlers.h"
#include "api/http/guards.h"
#include "api/rows/rows_json.h"

namespace wobble::api {
namespace {

constexpr Duration kLongestChange = std::chrono::hours(24 * 365);
constexpr int kAttempts = 5;

std::string etag(const LinkInfo& link) { return "\"" + std::to_string(link.revision) + "\""; }

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
void check_other_members(const Json& body, const LinkInfo& present, Reading& errors) {
  constexpr std::string_view kKnown[] = {"up", "down", "both", "scenario", "for"};
  Json others = Json::object();
  for (const auto& [name, value] : body.items()) {
    if (std::find(std::begin(kKnown), std::end(kKnown), name) == std::end(kKnown)) others[name] = value;
  }
  if (others.empty()) return;
  const Json answer = to_json(present);
  for (const auto& [name, value] : answer.items()) {
    if (!others.contains(name)) continue;
    if (others.at(name) != value) errors.push_back({"/" + name, "cannot be changed: it is " + shown(value)});
    others.erase(name);
  }
  report_unknown(others, kKnown, errors);
}

void refuse_body_members(const Json& body) {
  Reading reading;
  report_unknown(body, {}, reading);
  if (reading.has_errors()) throw Problem::invalid(reading);
}

/// Why a change fits now, and not later.
std::string until(WallTime at) {
  return "; at " + print_time(at) +
         " a change that was made for a while ends, and this would not fit what is left: send it with a \"for\" that "
         "ends before, or end that change first (DELETE /api/v1/links/{link}/temporary)";
}

/// With the patch, what the link comes back to by itself; what lies beyond the patch's own end stays.
std::vector<LinkConditions> merge_upcoming(const ConditionsPatch& patch, const LinkInfo& present,
                                           const std::optional<Duration>& lasts, const Reading& reading) {
  constexpr Duration kMargin = std::chrono::seconds(5);  // the patch's time begins when it is in effect, not yet
  std::vector<LinkConditions> out;
  for (const UpcomingConditions& upcoming : present.upcoming) {
    if (reading.has_errors()) break;
    const bool is_beyond = lasts && upcoming.due > present.as_of + *lasts + kMargin;
    out.push_back(is_beyond ? upcoming.conditions : patch.merged_onto(upcoming.conditions, until(upcoming.at)));
  }
  return out;
}

}  // namespace

void send_link(Response& response, const LinkInfo& link) {
  response.set_header("ETag", etag(link));
  send_json(response, 200, to_json(link));
}

std::optional<std::uint64_t> check_precondition(const Call& call, const LinkInfo& present) {
  if (!call.request.has_header("If-Match")) return std::nullopt;
  const std::string list = single_header(call.request, "If-Match");
  if (trimmed(list).empty()) throw Problem(400, "If-Match is empty: name a revision, such as \"3\", or leave it out.");
  if (names(list, etag(present), false)) return present.revision;
  throw Problem(412, "The link is at revision " + std::to_string(present.revision) + " by now; nothing was changed.");
}

std::optional<Duration> read_lasts(const Json& body, Reading& errors) {
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

void Handlers::put_link(const Call& call, Response& response) {
  const Json body = body_object(call, false);
  Reading reading(files_, is_given_up(call));
  Change change;
  change.lasts = read_lasts(body, reading);
  change.conditions = read_conditions(body, reading);
  change.source = "api PUT";
  change_link(call, response, [&](const LinkInfo& present) {
    check_other_members(body, present, reading);
    if (reading.has_errors()) throw Problem::invalid(reading);
    return change;
  });
}

void Handlers::patch_link(const Call& call, Response& response) {
  const Json body = body_object(call, false);
  Reading reading(files_, is_given_up(call));
  const std::optional<Duration> lasts = read_lasts(body, reading);
  const ConditionsPatch patch(body, reading);
  change_link(call, response, [&](const LinkInfo& present) {
    check_other_members(body, present, reading);
    Change change;
    change.conditions = patch.merged_onto(present.conditions);
    change.lasts = lasts;
    change.upcoming = merge_upcoming(patch, present, lasts, reading);
    change.source = "api PATCH";
    if (reading.has_errors()) throw Problem::invalid(reading);
    return change;
  });
}

void Handlers::change_link(const Call& call, Response& response, const MakeChange& make) {
  const std::string& name = call.arguments[0];
  backend_.link(name);  // NotFound, before a lock is made for it
  const LinkLocks::Held held = changes_.lock(name);
  for (int attempt = 1;; ++attempt) {
    const LinkInfo present = backend_.link(name);
    check_precondition(call, present);
    Change change = make(present);
    change.if_revision = present.revision;
    try {
      send_link(response, backend_.apply(name, change));
      return;
    } catch (const RevisionMismatch&) {
      if (attempt == kAttempts) throw;
    }
  }
}

LinkConditions Handlers::conditions_at(const std::string& link, std::uint64_t revision, Reading& reading) {
  LinkConditions conditions = read_conditions(Json::parse(backend_.past_conditions(link, revision)), reading);
  if (!reading.has_errors()) return conditions;
  const FieldError& error = reading.errors().front();
  throw Gone("what was asked at revision " + std::to_string(revision) + " cannot be asked again: " + error.pointer +
             ": " + error.detail);
}

void Handlers::revert_link(const Call& call, Response& response) {
  const Json body = body_object(call, true);
  const std::string& name = call.arguments[0];
  const LinkInfo asked_of = backend_.link(name);
  check_precondition(call, asked_of);
  Reading reading(files_, is_given_up(call));
  report_unknown(body, std::array{std::string_view("to")}, reading);
  std::uint64_t to = asked_of.revision - 1;
  if (body.contains("to") && !body.at("to").is_null()) {
    if (body.at("to").is_number_unsigned()) {
      to = body.at("to").get<std::uint64_t>();
    } else {
      reading.push_back({"/to", "a revision of the link is expected, a whole number from 1"});
    }
  }
  if (reading.has_errors()) throw Problem::invalid(reading);
  Change change;
  change.conditions = conditions_at(name, to, reading);
  change.source = "api revert to revision " + std::to_string(to);
  change_link(call, response, [&](const LinkInfo& present) {
    // Without "to" it is the change that was seen which is undone, and no later one.
    if (!body.contains("to") && present.revision != asked_of.revision) {
      throw RevisionMismatch("the link was changed meanwhile; nothing was changed");
    }
    return change;
  });
}

void Handlers::end_temporary(const Call& call, Response& response) {
  const std::string& name = call.arguments[0];
  const auto revision = check_precondition(call, backend_.link(name));
  send_link(response, backend_.end_temporary(name, "api DELETE temporary", revision));
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
  const std::string& name = call.arguments[0];
  send_link(response, backend_.reset(name, "api reset", check_precondition(call, backend_.link(name))));
}

void Handlers::reset_all(const Call& call, Response& response) {
  refuse_body_members(body_object(call, true));
  Json items = Json::array();
  std::exception_ptr failure;  // one link that does not answer keeps no other from its reset
  for (const LinkInfo& link : backend_.links()) {
    try {
      items.push_back(to_json(backend_.reset(link.name, "api reset", std::nullopt)));
    } catch (const std::exception&) {
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
  send_json(response, 200, {{"items", std::move(items)}, {"next", nullptr}});
}

}  // namespace wobble::api
