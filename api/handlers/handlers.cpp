// What all handlers share, and those that tell of the daemon itself.
#include "api/handlers/handlers.h"

#include <charconv>

#include "api/conditions/conditions_json.h"
#include "api/conditions/strict_json.h"
#include "api/conditions/units.h"
#include "api/handlers/metrics.h"
#include "api/handlers/openapi.h"
#include "api/nearest_name.h"

namespace wobble::api {

void send_json(Response& response, int status, const Json& body) {
  response.status = status;
  response.set_content(body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", "application/json");
}

void send_problem(Response& response, const Problem& problem) {
  response.status = problem.status;
  for (const auto& [name, value] : problem.headers) response.set_header(name, value);
  response.set_content(to_json(problem).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
                       "application/problem+json");
}

Problem problem_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Problem& problem) {
    return problem;
  } catch (const NotFound& e) {
    return {404, e.what()};
  } catch (const Conflict& e) {
    return {409, e.what()};
  } catch (const Gone& e) {
    return {410, e.what()};
  } catch (const GivenUp& e) {
    return {503, e.what()};
  } catch (const Unfit& e) {
    return Problem::invalid(std::vector<FieldError>{{e.pointer, e.what()}});
  } catch (const Incapable& e) {
    return {503, e.what()};
  } catch (const RevisionMismatch& e) {
    return {412, e.what()};
  } catch (const Unavailable& e) {
    return Problem(503, e.what()).with_header("Retry-After", "1");
  } catch (...) {
    return {500, "Something went wrong inside; the daemon's log says what."};
  }
}

// Every reading asks it: a server that knows whether its client is still there, or that it is to end, says so here.
Reading::Question is_given_up(const Call& call) { return call.request.is_gone; }

Json body_object(const Call& call, bool may_be_absent) {
  if (call.body.empty()) {
    if (may_be_absent) return Json::object();
    throw Problem(400, "A body is needed: a JSON object.");
  }
  Json body = parse_strict_json(call.body);
  if (!body.is_object()) throw Problem(400, "The body is not a JSON object.", {{"", "an object is expected here"}});
  return body;
}

std::uint64_t number_from(const std::string& text, int status, const std::string& what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    throw Problem(status, what + " is a whole number, not \"" + text.substr(0, 40) + "\".");
  }
  return value;
}

void Handlers::health(const Call&, Response& response) {
  const Health health = backend_.health();
  Json body = {{"ok", health.ok}, {"status", health.ok ? "ok" : "failing"}, {"version", backend_.version()}};
  body["detail"] = health.detail.empty() ? Json() : Json(health.detail);
  send_json(response, health.ok ? 200 : 503, body);
}

void Handlers::metrics(const Call&, Response& response) {
  response.status = 200;
  response.set_content(print_metrics(backend_, streams_.active()), "text/plain; version=0.0.4; charset=utf-8");
}

void Handlers::root(const Call&, Response& response) {
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

void Handlers::openapi(const Call&, Response& response) {
  send_json(response, 200, openapi_document(backend_.version()));
}

void Handlers::session(const Call& call, Response& response) {
  const Json body = body_object(call, false);
  std::vector<FieldError> errors;
  for (const auto& [name, value] : body.items()) {
    constexpr std::string_view kKnown[] = {"token"};
    if (name != "token") errors.push_back({"/" + pointer_token(name), unknown_name("field", name, kKnown)});
  }
  const bool has_token = body.contains("token") && body.at("token").is_string();
  if (!has_token) errors.push_back({"/token", "the daemon's token is expected: WOBBLE_TOKEN where it was started"});
  if (!errors.empty()) throw Problem::invalid(std::move(errors));
  response.set_header("Set-Cookie", access_.open_session(body.at("token").get<std::string>()));
  response.status = 204;
}

}  // namespace wobble::api
