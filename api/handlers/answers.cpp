#include "api/handlers/answers.h"

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

void send_list(Response& response, Json items) {
  send_json(response, 200, {{"items", std::move(items)}, {"next", nullptr}});
}

}  // namespace wobble::api
