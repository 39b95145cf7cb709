// The API's server: who may connect, what is let in, and where a path leads. HttpServer reads and sends.
//
//   head → path, fields, Guards (pages), Access (users), body's kind → route → handler → Backend → headers, gzip
//
// Thread: bind, start, stop by the owner, in this order.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/backend.h"
#include "api/http/access.h"
#include "api/http/event_stream.h"
#include "api/http/guards.h"
#include "api/http/http_server.h"

namespace wobble::api {

struct Handlers;

struct ServerOptions {
  std::string address = "127.0.0.1";  ///< numeric, or "localhost"
  int port = 7979;                    ///< 0: any free one
  std::string unix_socket;            ///< path; empty: none
  std::string unix_group;             ///< whose members may open it, if there is such a group; empty: its owner alone
  bool unix_optional = false;         ///< where the Unix socket cannot be had there is none
  std::string web_root;               ///< a directory to serve the page from, for development; empty: the embedded one
  std::string token;                  ///< asked over TCP, see access.h; empty: none
  bool insecure = false;              ///< may listen beyond loopback without a token
  std::vector<uid_t> allow_users;     ///< see access.h
  std::vector<gid_t> allow_groups;    ///< see access.h
  std::string files;                  ///< see access.h; absolute, without a slash at its end; empty: none
  /// As HttpServerOptions::user_of. Empty: every user of this machine may.
  std::function<std::optional<uid_t>(const sockaddr_storage& peer, const sockaddr_storage& local)> user_of;
  std::vector<std::string> allowed_hosts;  ///< names for Host beside our own: "wobble.test", "wobble.test:8080"
  unsigned max_streams = 16;               ///< live streams at once
  ConnectionLimits limits;
  std::function<void(const std::string&)> log;  ///< told in one line what went wrong, on any thread; may be empty
};

class Server : private HttpHandler {
 public:
  /// `backend` must outlive the server.
  Server(Backend& backend, ServerOptions options);
  ~Server() override;  ///< stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes the port. Throws std::runtime_error with one line: "127.0.0.1:7979 is in use: is another wobbled running?"
  void bind();
  int port() const { return port_; }
  std::string url() const;  ///< "http://127.0.0.1:7979/"

  /// Throws std::system_error or std::runtime_error.
  void start();
  /// Takes a connection over that was made elsewhere, as if it had come in over TCP.
  void serve(int fd) { http_.serve(fd, Listener::Door::tcp); }
  /// Returns when everything has ended: streams at once, what is being answered when it notices that it is to end.
  void stop();

 private:
  std::optional<Response> refuse(const Request& head) override;
  Response answer(const Request& request) override;
  Response too_large(const Request& head) override;
  Response no_memory() override;
  Response stopping() override;
  bool is_urgent(const Request& head) const override;

  void dispatch(const Request& request, Response& response);
  Response failure(const Request& request, const std::exception_ptr& thrown);

  Backend& backend_;
  ServerOptions options_;
  int port_ = 0;
  std::string without_unix_;  ///< why there is no Unix socket; empty: there is, or none was wanted
  std::unique_ptr<Guards> guards_;
  std::unique_ptr<Access> access_;
  EventStreams streams_;
  std::unique_ptr<Handlers> handlers_;
  HttpServer http_;  // last: its threads use all of the above
};

}  // namespace wobble::api
