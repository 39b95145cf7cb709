#include "api/handlers/daemon_handlers.h"

#include "api/conditions/units.h"
#include "api/handlers/answers.h"
#include "api/handlers/metrics.h"
#include "api/handlers/openapi.h"
#include "api/handlers/routes.h"

namespace wobble::api {

void DaemonHandlers::health(const Call&, Response& response) {
  const Health health = backend_.health();
  Json body = {{"ok", health.ok}, {"status", health.ok ? "ok" : "failing"}, {"version", backend_.version()}};
  body["detail"] = health.detail.empty() ? Json() : Json(health.detail);
  send_json(response, health.ok ? 200 : 503, body);
}

void DaemonHandlers::metrics(const Call&, Response& response) {
  response.status = 200;
  response.set_content(print_metrics(backend_, streams_.active()), "text/plain; version=0.0.4; charset=utf-8");
}

void DaemonHandlers::root(const Call&, Response& response) {
  Json resources = Json::array();
  for (const Route& route : routes()) {
    resources.push_back({{"method", route.method}, {"path", route.pattern}, {"summary", route.summary}});
  }
  const Duration uptime = backend_.uptime();
  const auto whole_seconds = std::chrono::floor<std::chrono::seconds>(uptime);
  send_json(response, 200,
            {{"name", "wobble"},
             {"version", backend_.version()},
             {"instance", streams_.instance()},
             {"uptime", whole_seconds.count() == 0 ? "0s" : print_duration(whole_seconds)},
             {"uptime_seconds", static_cast<double>(uptime.count()) / 1e9},
             {"newest_event", backend_.newest_event()},
             {"resources", std::move(resources)}});
}

void DaemonHandlers::openapi(const Call&, Response& response) {
  send_json(response, 200, openapi_document(backend_.version()));
}

}  // namespace wobble::api
