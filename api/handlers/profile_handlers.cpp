// What can be asked, and profiles: listed, looked at, applied. A profile replaces the conditions of both directions.
#include "api/conditions/object_reader.h"
#include "api/conditions/profiles.h"
#include "api/conditions/settings_schema.h"
#include "api/handlers/handlers.h"

namespace wobble::api {
namespace {

using Json = nlohmann::json;

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

void Handlers::settings(const Call&, Response& response) { send_json(response, 200, settings_description()); }

void Handlers::profiles(const Call&, Response& response) {
  Json items = Json::array();
  for (const Profile& profile : api::profiles()) items.push_back(to_json(profile));
  send_json(response, 200, {{"items", std::move(items)}, {"next", nullptr}});
}

void Handlers::profile(const Call& call, Response& response) {
  const Profile* profile = find_profile(call.arguments[0]);
  if (profile == nullptr) throw Problem(404, no_such_profile(call.arguments[0]));
  send_json(response, 200, to_json(*profile));
}

void Handlers::apply_profile(const Call& call, Response& response) {
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
  change_link(call, response, [&](const LinkInfo&) { return change; });
}

}  // namespace wobble::api
