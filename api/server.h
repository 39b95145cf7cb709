// The HTTP server: sockets, guards, routes. cpp-httplib reads requests and writes answers; who may connect, how long
// anything may take and where a path leads is decided here.
//
//   worker: SocketStream ← httplib parses the head → guards → body → route → handler → Backend
//
// A request that was refused before its body was read ends its connection: what is left of it must not be taken for
// the next request.
//
// Thread: bind, start, stop by the owner, in this order. A slow client holds one worker for a bounded time; each live
// stream holds one for its life, and the pool is sized for that.
#pragma once

#include <httplib.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/backend.h"
#include "api/event_stream.h"
#include "api/guards.h"
#include "api/handlers.h"
#include "api/listener.h"

namespace wobble::api {

class SocketStream;

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< numeric, or "localhost"
  int port = 7979;                    ///< 0: any free one
  std::string unix_socket;            ///< path; empty: none
  std::string web_root;               ///< a directory to serve the page from, for development; empty: the embedded one
  std::string token;                  ///< asked of every request over TCP; empty: none
  bool insecure = false;              ///< may listen beyond loopback without a token
  std::vector<std::string> allowed_hosts;       ///< names for Host beside our own: "wobble.test", "wobble.test:8080"
  unsigned max_streams = 16;                    ///< live event streams at once
  std::function<void(const std::string&)> log;  ///< told in one line what a 500 came from, on a worker; may be empty
};

class Server {
 public:
  /// `backend` must outlive the server.
  Server(Backend& backend, ServerOptions options);
  ~Server();  ///< stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes the port. Throws std::runtime_error with one line: "127.0.0.1:7979 is in use: is another wobbled running?"
  void bind();
  int port() const { return port_; }
  std::string url() const;  ///< "http://127.0.0.1:7979/"

  void start();
  /// Returns when every worker has ended: streams within half a second, answers under way within a fraction more.
  void stop();

 private:
  class Http;  // httplib's server, without its sockets

  void serve(int fd, Listener::Door door);
  bool serve_request(SocketStream& stream, bool is_last);
  httplib::Server::HandlerResponse before_routing(const httplib::Request& request, httplib::Response& response);
  void with_body(const httplib::Request& request, httplib::Response& response, const httplib::ContentReader& reader);
  void dispatch(const httplib::Request& request, httplib::Response& response, std::string body);
  void answer_failure(const httplib::Request& request, httplib::Response& response, const std::exception_ptr& thrown);
  void explain_error(const httplib::Request& request, httplib::Response& response);

  Backend& backend_;
  ServerOptions options_;
  int port_ = 0;
  std::unique_ptr<Guards> guards_;
  EventStreams streams_;
  Handlers handlers_;
  std::unique_ptr<Http> http_;
  Listener listener_;  // last: its workers use all of the above
};

}  // namespace wobble::api
