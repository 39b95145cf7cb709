// The HTTP server. libmicrohttpd reads heads and bodies and writes answers, all on one thread that waits for nobody; a
// request that is there as a whole goes to a worker, and its connection rests until the answer comes back:
//
//   Listener (accepts) → OpenConnections (whose it is, how long it may take) → library's thread: head → refuse()? →
//   body
//     → WorkerPool: answer() → library's thread: sends
//
// So a client that says nothing, drips or does not read costs a descriptor and some memory, for a bounded time, and no
// worker. An answer with a stream costs no worker either.
//
// Thread: construct, start, stop by the owner, in this order; serve() from any in between.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>

#include "api/http/answer_memory.h"
#include "api/http/http.h"
#include "api/http/listener.h"
#include "api/http/open_connections.h"

namespace wobble::api {

/// What a server is to do with requests.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  /// A head has been read (so `body` is empty). An answer ends the connection, since the body is not read: what comes
  /// of it must not be taken for a request. On the library's thread: must not wait, and must not throw.
  virtual std::optional<Response> refuse(const Request& head) = 0;
  /// On a worker. Must not throw.
  virtual Response answer(const Request& request) = 0;
  /// The body is larger than is taken. As refuse().
  virtual Response too_large(const Request& head) = 0;
  /// There is no memory now for this request's body, or for its answer. As refuse().
  virtual Response no_memory() = 0;
  /// The server is to end, and this request had not been begun. As refuse().
  virtual Response stopping() = 0;
  /// Is answered before others, also when all workers are busy; its answer() must not wait.
  virtual bool is_urgent(const Request& head) const = 0;
};

struct HttpServerOptions {
  ConnectionLimits limits;
  std::size_t workers = 16;
  std::size_t body_bytes = std::size_t{256} * 1024;  ///< of a request's body, at most
  std::chrono::seconds stall{10};                    ///< so long may a client take nothing of its answer
  /// Where bodies and answers take their memory.
  std::shared_ptr<MemoryBudget> memory;
  /// The user at the other end of a TCP connection over loopback, or none. On the accepting thread: must be quick. May
  /// be empty: nobody is known.
  std::function<std::optional<uid_t>(const sockaddr_storage& peer, const sockaddr_storage& local)> user_of;
};

class HttpServer {
 public:
  /// Of one head, in bytes; the next gets 431, or 414.
  static constexpr std::size_t kHeadBytes = std::size_t{32} * 1024;

  /// `handler` must outlive the server.
  HttpServer(HttpHandler& handler, HttpServerOptions options);
  ~HttpServer();  ///< stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Where it listens: to be opened before start().
  Listener& listener();

  /// Throws std::system_error or std::runtime_error, and then does not run.
  void start();
  /// Takes a connection over, as if it had been accepted.
  void serve(int fd, Listener::Door door);
  /// Returns when all is ended: what is being answered gets its answer, streams their end, everybody else is cut off.
  /// Request::gone() is true from the begin on. Waits for the workers, and some tenths of a second for the clients.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace wobble::api
