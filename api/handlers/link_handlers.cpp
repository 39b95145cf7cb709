#include "api/handlers/link_handlers.h"

#include "api/conditions/conditions_json.h"
#include "api/conditions/problem.h"
#include "api/handlers/answers.h"
#include "api/handlers/change_body.h"
#include "api/handlers/preconditions.h"
#include "api/rows/link_json.h"
#include "api/rows/stats_json.h"
#include "api/rows/ways_in_json.h"

namespace wobble::api {
namespace {

/// As read_conditions(); netem's words may also stand alone, for both directions.
LinkConditions read_first_conditions(const Json& body, Reading& errors) {
  if (!body.contains("netem")) return read_conditions(body, errors);
  for (const char* member : {"up", "down", "both", "scenario"}) {
    if (!body.contains(member)) continue;
    errors.push_back(
        {"/netem", "\"netem\" stands in place of \"up\", \"down\", \"both\" and \"scenario\": send one or the others"});
    return {};
  }
  const std::size_t before = errors.errors().size();
  LinkConditions conditions = read_conditions(Json{{"both", {{"netem", body.at("netem")}}}}, errors);
  errors.point_to("/netem", before);
  return conditions;
}

}  // namespace

void LinkHandlers::list(const Call&, Response& response) {
  Json items = Json::array();
  for (const LinkInfo& link : backend_.links()) items.push_back(to_json(link));
  send_list(response, std::move(items));
}

void LinkHandlers::one(const Call& call, Response& response) {
  send_link_if_changed(call, response, backend_.link(call.arguments[0]));
}

void LinkHandlers::stats(const Call& call, Response& response) {
  const LinkStats stats = backend_.stats(call.arguments[0]);
  const LinkInfo link = backend_.link(call.arguments[0]);
  const WallTime step_ends = backend_.wall_clock(stats.step > 0 ? stats.step_ends : stats.at);
  send_json(response, 200,
            to_json(stats, link, backend_.wall_clock(stats.at), backend_.wall_clock(stats.changed_at), step_ends));
}

void LinkHandlers::create(const Call& call, Response& response) {
  const Json body = body_object(call, false);
  Reading errors(files_, is_given_up(call));
  NewLink wanted = read_new_link(body, errors);
  wanted.lasts = read_lasts(body, errors);
  wanted.conditions = read_first_conditions(body, errors);
  if (errors.has_errors()) throw Problem::invalid(errors);
  const LinkInfo link = backend_.create(wanted);
  response.set_header("Location", "/api/v1/links/" + link.name);
  send_link(response, link, 201);
}

void LinkHandlers::remove(const Call& call, Response& response) {
  const std::string& name = call.arguments[0];
  backend_.remove(name, check_precondition(call, backend_.link(name)));
  response.status = 204;
}

}  // namespace wobble::api
