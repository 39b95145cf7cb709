#include "api/rows/link_json.h"

#include "api/conditions/conditions_json.h"
#include "api/conditions/profiles.h"
#include "api/rows/json_values.h"
#include "api/rows/ways_in_json.h"

namespace wobble::api {
namespace {

Json side_json(const SideInfo& side) {
  return {{"device", side.device}, {"netns", side.netns}, {"addresses", side.addresses}};
}

/// The settings of one side, or of the scenario, that are others behind a moment: where, when, and what they are then.
void put_differences(Json& out, const std::string& above, const Json& before, const Json& after, const Json& at) {
  const auto put = [&](const std::string& name, const Json& to) {
    out.push_back({{"pointer", above + "/" + name}, {"at", at}, {"to", to}});
  };
  for (const auto& [name, value] : before.items()) {
    if (!after.contains(name)) put(name, Json());
  }
  for (const auto& [name, value] : after.items()) {
    if (!before.contains(name) || before.at(name) != value) put(name, value);
  }
}

Json temporary_json(const LinkInfo& link) {
  Json out = Json::array();
  const LinkConditions* before = &link.conditions;
  for (const UpcomingConditions& upcoming : link.upcoming) {
    const LinkConditions& after = upcoming.conditions;
    const Json at = print_time(upcoming.at);
    put_differences(out, "/up", to_json(before->up), to_json(after.up), at);
    put_differences(out, "/down", to_json(before->down), to_json(after.down), at);
    if (before->scenario != after.scenario) {
      out.push_back({{"pointer", "/scenario"}, {"at", at}, {"to", to_json(after).value("scenario", Json())}});
    }
    before = &after;
  }
  return out;
}

}  // namespace

Json to_json(const LinkInfo& link) {
  Json out = to_json(link.conditions);
  out["name"] = link.name;
  out["revision"] = link.revision;
  out["seed"] = link.seed;
  out["near"] = side_json(link.near);
  out["far"] = side_json(link.far);
  const std::string_view profile = profile_of(link.conditions);
  out["profile"] = profile.empty() ? Json() : Json(std::string(profile));
  out["reverts_at"] = or_null(link.reverts_at);
  out["temporary"] = temporary_json(link);
  out["way_in"] = to_json(link.way_in);
  return out;
}

}  // namespace wobble::api
