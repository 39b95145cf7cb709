// Links: made with their way in, and taken away.
#include "api/conditions/conditions_json.h"
#include "api/handlers/handlers.h"
#include "api/rows/rows_json.h"
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

void Handlers::create_link(const Call& call, Response& response) {
  const Json body = body_object(call, false);
  Reading errors(files_, is_given_up(call));
  NewLink wanted = read_new_link(body, errors);
  wanted.lasts = read_lasts(body, errors);
  wanted.conditions = read_first_conditions(body, errors);
  if (errors.has_errors()) throw Problem::invalid(errors);
  const LinkInfo link = backend_.create(wanted);
  response.set_header("Location", "/api/v1/links/" + link.name);
  response.set_header("ETag", "\"" + std::to_string(link.revision) + "\"");
  send_json(response, 201, to_json(link));
}

void Handlers::remove_link(const Call& call, Response& response) {
  const std::string& name = call.arguments[0];
  backend_.remove(name, check_precondition(call, backend_.link(name)));
  response.status = 204;
}

}  // namespace wobble::api
