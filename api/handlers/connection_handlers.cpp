#include "api/handlers/connection_handlers.h"

#include "api/conditions/problem.h"
#include "api/handlers/answers.h"
#include "api/handlers/queries.h"
#include "api/rows/connection_json.h"

namespace wobble::api {
namespace {

ConnectionId id_from(const Call& call) { return number_from(call.arguments[0], 404, "A connection's id"); }

}  // namespace

void ConnectionHandlers::list(const Call& call, Response& response) {
  ConnectionQuery query = connection_query(call.query);
  query.is_gone = call.request.is_gone;
  const Page<ConnectionRow> page = backend_.connections(query);
  send_page(response, page.items, page.next);
}

void ConnectionHandlers::flows(const Call& call, Response& response) {
  ConnectionQuery query = connection_query(call.query);
  query.flows = true;
  query.all_protocols = false;
  query.is_gone = call.request.is_gone;
  if (query.protocol == kTcp) throw Problem(400, "TCP is listed by /api/v1/connections: flows are all the others.");
  const Page<ConnectionRow> page = backend_.connections(query);
  send_page(response, page.items, page.next, [](const ConnectionRow& row) { return flow_json(row).dump(); });
}

void ConnectionHandlers::one(const Call& call, Response& response) {
  const ConnectionId id = id_from(call);
  Json out = to_json(backend_.connection(id));
  out["conditions"] = Json::array();
  std::size_t bytes = 0;
  for (const ConditionsRow& row : backend_.conditions(id)) {
    out["conditions"].push_back(to_json(row));
    bytes += row.conditions.size();
    if (bytes < kMaxLogBytes) continue;
    out["more_conditions"] = "/api/v1/events?kind=conditions&since=" + std::to_string(row.event_id);
  }
  send_json(response, 200, out);
}

void ConnectionHandlers::transitions(const Call& call, Response& response) {
  send_page(response, backend_.transitions(id_from(call)));
}

void ConnectionHandlers::segments(const Call& call, Response& response) {
  send_page(response, backend_.segments(id_from(call)));
}

void ConnectionHandlers::follow(const Call& call, Response& response) {
  const Json body = body_object(call, true);
  if (!body.empty()) throw Problem::invalid(std::vector<FieldError>{{"", "nothing is expected in the body"}});
  backend_.follow(id_from(call));
  response.status = 204;
}

}  // namespace wobble::api
