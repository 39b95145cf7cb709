#include "api/server.h"

#include "api/problem.h"
#include "api/routes.h"
#include "api/socket_stream.h"

namespace wobble::api {
namespace {

constexpr std::size_t kWorkers = 32;  // beside those that streams hold
constexpr int kRequestsPerConnection = 1000;
constexpr char kEveryPath[] = R"([\s\S]*)";

/// What the handlers of one request need to know of its connection. httplib hands only the request to them, on the
/// worker's own thread; so it is found by the thread.
struct Exchange {
  SocketStream& stream;
  bool over_unix_socket = false;
  bool body_unread = false;  ///< announced, and not (wholly) read
};
thread_local Exchange* current_exchange = nullptr;

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

std::string authority(const std::string& address, int port) {
  const std::string host = address.find(':') != std::string::npos ? "[" + address + "]" : address;
  return host + ":" + std::to_string(port);
}

}  // namespace

/// httplib without its listening: process_request() is protected there.
class Server::Http : public httplib::Server {
 public:
  using httplib::Server::process_request;
  /// A stream is written for as long as httplib believes that its socket listens.
  void believe_listening(int fd) { svr_sock_ = fd; }
};

Server::Server(Backend& backend, ServerOptions options)
    : backend_(backend),
      options_(std::move(options)),
      streams_(backend, options_.max_streams),
      handlers_(backend, streams_, options_.web_root),
      http_(std::make_unique<Http>()) {
  using Request = httplib::Request;
  using Response = httplib::Response;
  http_->set_payload_max_length(SocketStream::kBodyBytes);
  http_->set_pre_routing_handler([this](const Request& q, Response& r) { return before_routing(q, r); });
  http_->set_post_routing_handler([](const Request& q, Response& r) { add_security_headers(q, r); });
  http_->set_error_handler([this](const Request& q, Response& r) { explain_error(q, r); });
  http_->set_exception_handler(
      [this](const Request& q, Response& r, const std::exception_ptr& thrown) { answer_failure(q, r, thrown); });
  const auto with_body_handler = [this](const Request& q, Response& r, const httplib::ContentReader& reader) {
    with_body(q, r, reader);
  };
  http_->Post(kEveryPath, with_body_handler);
  http_->Put(kEveryPath, with_body_handler);
  http_->Patch(kEveryPath, with_body_handler);
  http_->Delete(kEveryPath, with_body_handler);
}

Server::~Server() { stop(); }

void Server::bind() {
  if (!is_loopback(options_.address) && options_.token.empty() && !options_.insecure) {
    throw std::runtime_error("listening on " + options_.address +
                             " lets others in: set a token, or say --insecure if that is meant");
  }
  if (options_.address == "localhost") options_.address = "127.0.0.1";
  port_ = listener_.open_tcp(options_.address, options_.port);
  if (!options_.unix_socket.empty()) listener_.open_unix(options_.unix_socket);
  guards_ = std::make_unique<Guards>(GuardOptions{options_.address, port_, options_.allowed_hosts, options_.token});
}

std::string Server::url() const {
  const bool any = options_.address == "0.0.0.0" || options_.address == "::";
  return "http://" + authority(any ? "127.0.0.1" : options_.address, port_) + "/";
}

void Server::start() {
  http_->believe_listening(listener_.any_fd());
  listener_.start(kWorkers + options_.max_streams, [this](int fd, Listener::Door door) { serve(fd, door); });
}

void Server::stop() {
  handlers_.end();
  streams_.stop();
  listener_.stop();
}

void Server::serve(int fd, Listener::Door door) {
  SocketStream stream(fd, listener_.stop_fd());
  Exchange exchange{stream, door == Listener::Door::unix_socket, false};
  current_exchange = &exchange;
  for (int n = 1; n <= kRequestsPerConnection; ++n) {
    if (!stream.wait_for_request([this] { return listener_.crowded(); })) break;
    if (!serve_request(stream, n == kRequestsPerConnection)) break;
  }
  current_exchange = nullptr;
  stream.close_gently();
}

bool Server::serve_request(SocketStream& stream, bool is_last) {
  stream.begin_request();
  current_exchange->body_unread = false;
  bool closed = false;
  try {
    const bool ok = http_->process_request(stream, is_last, closed, [&](httplib::Request& request) {
      stream.head_is_read();
      current_exchange->body_unread = has_body(request);
      // Answers are whole and as they are: ranges and compression would only make them different things under one
      // ETag.
      request.ranges.clear();
      request.headers.erase("Accept-Encoding");
    });
    return ok && !closed && !current_exchange->body_unread;
  } catch (...) {
    return false;  // httplib lets a few of the standard library's errors pass (a Range beyond all numbers)
  }
}

/// Everything but the body: who asks, for what, and for methods without a body the answer too.
httplib::Server::HandlerResponse Server::before_routing(const httplib::Request& request, httplib::Response& response) {
  using enum httplib::Server::HandlerResponse;
  try {
    check_path(request.target);
    guards_->check(request, current_exchange->over_unix_socket);
    check_body(request);
    const std::string& method = request.method;
    if (method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE") return Unhandled;
    if (has_body(request)) throw Problem(400, "A " + method + " has no body.");
    dispatch(request, response, {});
  } catch (...) {
    answer_failure(request, response, std::current_exception());
  }
  if (current_exchange->body_unread) response.set_header("Connection", "close");
  return Handled;
}

void Server::with_body(const httplib::Request& request, httplib::Response& response,
                       const httplib::ContentReader& reader) {
  try {
    std::string body;
    bool too_large = false;
    // Without Content-Length and chunked coding there is none (RFC 9112 6.3); httplib would wait for the connection's
    // end.
    if (has_body(request)) {
      const bool whole = reader([&](const char* data, std::size_t size) {
        too_large = body.size() + size > SocketStream::kBodyBytes;
        if (!too_large) body.append(data, size);
        return !too_large;
      });
      if (too_large) throw Problem(413, "The body is larger than 256 KiB.");
      if (!whole && current_exchange->stream.timed_out()) throw Problem(408, "The body did not come in time.");
      if (!whole) throw Problem(400, "The body ended before its end.");
      current_exchange->body_unread = false;
    }
    dispatch(request, response, std::move(body));
  } catch (...) {
    answer_failure(request, response, std::current_exception());
  }
  if (current_exchange->body_unread) response.set_header("Connection", "close");
}

void Server::dispatch(const httplib::Request& request, httplib::Response& response, std::string body) {
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
  const Call call{request, std::move(match.arguments), parse_query(request.target, match.route->query),
                  std::move(body)};
  (handlers_.*match.route->handler)(call, response);
}

void Server::answer_failure(const httplib::Request& request, httplib::Response& response,
                            const std::exception_ptr& thrown) {
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
  send_problem(response, problem);
}

/// Answers that httplib itself gives: a head it cannot read.
void Server::explain_error(const httplib::Request&, httplib::Response& response) {
  if (!response.body.empty() || response.content_provider_) return;
  current_exchange->body_unread = true;  // whatever is left, it is not a request
  response.set_header("Connection", "close");
  if (response.status == 400 && current_exchange->stream.head_too_large()) response.status = 431;
  if (response.status == 400 && current_exchange->stream.timed_out()) response.status = 408;
  send_problem(response, Problem(response.status, "The request could not be read."));
}

}  // namespace wobble::api
