#include "api/handlers/server.h"

#include "api/conditions/asked_file.h"
#include "api/conditions/problem.h"
#include "api/handlers/answers.h"
#include "api/handlers/handlers.h"
#include "api/handlers/router.h"
#include "api/http/gzip.h"
#include "api/http/peers.h"

namespace wobble::api {
namespace {

std::string authority(const std::string& address, int port) {
  const std::string host = address.find(':') != std::string::npos ? "[" + address + "]" : address;
  return host + ":" + std::to_string(port);
}

Response answer_of(const Problem& problem) {
  Response response;
  send_problem(response, problem);
  add_security_headers(response);
  return response;
}

HttpServerOptions http_options(Backend& backend, const ServerOptions& options) {
  HttpServerOptions http;
  http.limits = options.limits;
  http.body_bytes = kBodyBytes;
  http.user_of = options.user_of;
  http.memory = backend.memory();
  return http;
}

}  // namespace

Server::Server(Backend& backend, ServerOptions options)
    : backend_(backend),
      options_(std::move(options)),
      streams_(backend, options_.max_streams),
      http_(*this, http_options(backend, options_)) {}

Server::~Server() { stop(); }

void Server::bind() {
  if (!is_loopback(options_.address) && options_.token.empty() && !options_.insecure) {
    throw std::runtime_error("listening on " + options_.address +
                             " lets others in: set a token, or say --insecure if that is meant");
  }
  if (options_.address == "localhost") options_.address = "127.0.0.1";
  port_ = http_.listener().open_tcp(options_.address, options_.port);
  if (!options_.unix_socket.empty()) {
    try {
      http_.listener().open_unix(options_.unix_socket, options_.unix_group);
    } catch (const std::runtime_error& e) {
      if (!options_.unix_optional) throw;
      without_unix_ = e.what();
    }
  }
  guards_ = std::make_unique<Guards>(GuardOptions{options_.address, port_, options_.allowed_hosts});
  AccessRules rules;
  rules.token = options_.token;
  rules.knows_users = static_cast<bool>(options_.user_of);
  rules.insecure = options_.insecure;
  rules.users = options_.allow_users;
  rules.groups = options_.allow_groups;
  rules.files = options_.files;
  rules.port = port_;
  access_ = std::make_unique<Access>(std::move(rules));
  handlers_ = std::make_unique<Handlers>(backend_, streams_, *access_, options_.web_root);
}

std::string Server::url() const {
  const bool any = options_.address == "0.0.0.0" || options_.address == "::";
  return "http://" + authority(any ? "127.0.0.1" : options_.address, port_) + "/";
}

void Server::start() {
  http_.start();
  if (!without_unix_.empty() && options_.log) options_.log(without_unix_ + "; the API is reached over TCP only");
}

void Server::stop() {
  streams_.stop();
  http_.stop();
}

std::optional<Response> Server::refuse(const Request& head) {
  try {
    check_path(head.target);
    check_fields(head);
    guards_->check(head);
    access_->check(head, false);
    check_body(head);
    const std::string& method = head.method;
    const bool may_have_body = method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
    if (!may_have_body && head.has_body()) throw Problem(400, "A " + method + " has no body.");
  } catch (...) {
    return failure(head, std::current_exception());
  }
  return std::nullopt;
}

Response Server::answer(const Request& request) {
  try {
    access_->check(request, true);
    const FileRightsScope rights(access_->file_rights(request));
    Response response;
    dispatch(request, response);
    add_security_headers(response);
    pack(request, response);
    return response;
  } catch (...) {
    return failure(request, std::current_exception());
  }
}

Response Server::too_large(const Request&) { return answer_of(Problem(413, "The body is larger than 256 KiB.")); }

Response Server::no_memory() {
  return answer_of(
      Problem(503, "The answers that clients have not read yet, and what is in flight, take all of --memory.")
          .with_header("Retry-After", "1"));
}

Response Server::stopping() {
  return answer_of(Problem(503, "The daemon is stopping.").with_header("Retry-After", "2"));
}

bool Server::is_urgent(const Request& head) const { return head.target == "/healthz"; }

void Server::dispatch(const Request& request, Response& response) {
  const std::string path = request.target.substr(0, request.target.find_first_of("?#"));
  Match match = find_route(request.method, path);
  if (match.allowed.empty()) throw Problem(404, "There is nothing here. GET /api/v1 lists what there is.");
  if (match.route == nullptr && request.method == "OPTIONS") {
    response.status = 204;
    response.set_header("Allow", match.allowed);
    return;
  }
  if (match.route == nullptr) {
    throw Problem(405, request.method + " is not for " + path + ".").with_header("Allow", match.allowed);
  }
  const Call call{request, std::move(match.arguments), parse_query(request.target, match.route->query)};
  match.route->handler(*handlers_, call, response);
}

Response Server::failure(const Request& request, const std::exception_ptr& thrown) {
  const Problem problem = problem_of(thrown);
  if (problem.status == 500 && options_.log) {
    std::string why = "unknown";
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      why = e.what();
    } catch (...) {
    }
    options_.log(request.method + " " + request.target + " failed: " + why);
  }
  return answer_of(problem);
}

}  // namespace wobble::api
