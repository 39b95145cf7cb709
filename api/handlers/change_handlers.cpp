#include "api/handlers/change_handlers.h"

#include <array>

#include "api/conditions/conditions_json.h"
#include "api/conditions/object_reader.h"
#include "api/conditions/problem.h"
#include "api/conditions/profiles.h"
#include "api/handlers/answers.h"
#include "api/handlers/change_body.h"
#include "api/handlers/preconditions.h"
#include "api/rows/link_json.h"

namespace wobble::api {
namespace {

constexpr int kAttempts = 5;

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

const Profile& read_profile(const Json& body, Reading& errors) {
  static const Profile kNone;
  if (!body.contains("profile")) {
    errors.push_back({"/profile", "name a profile, such as \"3g\"; GET /api/v1/profiles lists them"});
    return kNone;
  }
  const Json& name = body.at("profile");
  if (!name.is_string()) {
    errors.push_back({"/profile", "a profile's name such as \"3g\" is expected"});
    return kNone;
  }
  if (const Profile* profile = find_profile(name.get<std::string>())) return *profile;
  errors.push_back({"/profile", no_such_profile(name.get<std::string>())});
  return kNone;
}

}  // namespace

void ChangeHandlers::put(const Call& call, Response& response) {
  const Json body = body_object(call, false);
  Reading reading(files_, is_given_up(call));
  Change change;
  change.lasts = read_lasts(body, reading);
  change.conditions = read_conditions(body, reading);
  change.source = "api PUT";
  apply_change(call, response, [&](const LinkInfo& present) {
    check_other_members(body, present, reading);
    if (reading.has_errors()) throw Problem::invalid(reading);
    return change;
  });
}

void ChangeHandlers::patch(const Call& call, Response& response) {
  const Json body = body_object(call, false);
  Reading reading(files_, is_given_up(call));
  const std::optional<Duration> lasts = read_lasts(body, reading);
  const ConditionsPatch patch(body, reading);
  apply_change(call, response, [&](const LinkInfo& present) {
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

void ChangeHandlers::reset(const Call& call, Response& response) {
  refuse_members(body_object(call, true));
  const std::string& name = call.arguments[0];
  send_link(response, backend_.reset(name, "api reset", check_precondition(call, backend_.link(name))));
}

void ChangeHandlers::reset_all(const Call& call, Response& response) {
  refuse_members(body_object(call, true));
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
  send_list(response, std::move(items));
}

void ChangeHandlers::revert(const Call& call, Response& response) {
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
  apply_change(call, response, [&](const LinkInfo& present) {
    // Without "to" it is the change that was seen which is undone, and no later one.
    if (!body.contains("to") && present.revision != asked_of.revision) {
      throw RevisionMismatch("the link was changed meanwhile; nothing was changed");
    }
    return change;
  });
}

void ChangeHandlers::end_temporary(const Call& call, Response& response) {
  const std::string& name = call.arguments[0];
  const auto revision = check_precondition(call, backend_.link(name));
  send_link(response, backend_.end_temporary(name, "api DELETE temporary", revision));
}

void ChangeHandlers::apply_profile(const Call& call, Response& response) {
  const Json body = body_object(call, false);
  Reading reading;
  constexpr std::string_view kKnown[] = {"profile", "for"};
  report_unknown(body, kKnown, reading);
  const Profile& profile = read_profile(body, reading);
  Change change;
  change.lasts = read_lasts(body, reading);
  if (reading.has_errors()) throw Problem::invalid(reading);
  change.conditions = profile.conditions;
  change.source = "profile " + profile.name;
  apply_change(call, response, [&](const LinkInfo&) { return change; });
}

void ChangeHandlers::apply_change(const Call& call, Response& response, const MakeChange& make) {
  const std::string& name = call.arguments[0];
  backend_.link(name);  // NotFound, before a lock is made for it
  const LinkLocks::Held held = locks_.lock(name);
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

LinkConditions ChangeHandlers::conditions_at(const std::string& link, std::uint64_t revision, Reading& reading) {
  LinkConditions conditions = read_conditions(Json::parse(backend_.past_conditions(link, revision)), reading);
  if (!reading.has_errors()) return conditions;
  const FieldError& error = reading.errors().front();
  throw Gone("what was asked at revision " + std::to_string(revision) + " cannot be asked again: " + error.pointer +
             ": " + error.detail);
}

}  // namespace wobble::api
