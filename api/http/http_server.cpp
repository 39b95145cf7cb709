#include "api/http/http_server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <map>
#include <new>
#include <set>
#include <stdexcept>
#include <thread>

#include "api/http/body_stream.h"
#include "api/http/memory_return.h"
#include "api/http/peers.h"
#include "api/http/timer_thread.h"
#include "api/http/wire_timeout.h"
#include "api/http/worker_pool.h"
#include "emulator/mutex.h"

namespace wobble::api {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr std::size_t kPool = HttpServer::kHeadBytes + std::size_t{16} * 1024;  // of each connection, for all it says
constexpr std::size_t kSourceBlock = std::size_t{128} * 1024;
constexpr std::size_t kMostDiscarded = std::size_t{4} << 20;  // of a body that is too large, to be polite
constexpr std::size_t kSmall = 4096;    // an answer up to here is not counted: there is always memory for it
constexpr std::size_t kLarge = 16'384;  // memory that is given back to the system afterwards
constexpr std::size_t kShare = 3;  // of the descriptors that are free at the start, connections may take one in so many
constexpr auto kTick = 250ms;
constexpr auto kLinger = 500ms;
constexpr auto kLastAnswers = 300ms;

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpHandler& handler, HttpServerOptions options)
      : handler_(handler), options_(std::move(options)), connections_(options_.limits), memory_(options_.memory) {}
  ~Impl() { stop(); }

  Listener& listener() { return listener_; }
  void start();
  void serve(int fd, Listener::Door door);
  void stop();

 private:
  using Connection = OpenConnections::Connection;

  /// One request, from its first line until its answer has been sent.
  struct Exchange {
    enum class Stage { head, body, work, answer };
    Exchange(Impl& of, MHD_Connection* by) : server(of), wire(by) {}
    Impl& server;
    MHD_Connection* wire;
    Connection* connection = nullptr;
    Stage stage = Stage::head;
    Request request;
    Response response;
    std::size_t received = 0;  ///< of the body
    bool is_large = false;     ///< the body or the answer
    std::shared_ptr<MemoryShare> body_memory;
    std::shared_ptr<MemoryShare> answer_memory;
  };

  // What the library calls, on its thread.
  static void* on_target(void* self, const char* target, MHD_Connection* wire);
  static MHD_Result on_request(void* self, MHD_Connection* wire, const char* url, const char* method,
                               const char* version, const char* data, std::size_t* size, void** exchange);
  static void on_completed(void* self, MHD_Connection* wire, void** exchange, MHD_RequestTerminationCode why);
  static void on_connection(void* self, MHD_Connection* wire, void** connection, MHD_ConnectionNotificationCode what);

  MHD_Result take_head(Exchange& exchange, const char* method);
  MHD_Result take_body(Exchange& exchange, const char* data, std::size_t* size);
  MHD_Result refuse(Exchange& exchange);
  MHD_Result send(Exchange& exchange);
  MHD_Response* make_response(Exchange& exchange);
  void work(Exchange& exchange);
  bool may_begin(const Connection& connection);
  void tick();
  bool linger(Connection* connection);

  HttpHandler& handler_;
  const HttpServerOptions options_;
  Listener listener_;
  OpenConnections connections_;
  const AnswerMemory memory_;
  TimerThread timers_;
  MemoryReturn memory_return_{timers_};
  WorkerPool workers_;
  MHD_Daemon* daemon_ = nullptr;
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> exchanges_{0};  ///< those under way
  std::atomic<bool> ticking_{false};

  Mutex mutex_;
  std::set<Exchange*> streaming_ WOBBLE_GUARDED_BY(mutex_);
  std::map<std::string, std::size_t> working_
      WOBBLE_GUARDED_BY(mutex_);  ///< requests that wait for a worker or have one, by owner
};

// ------------------------------------------------------------------------------------------------- begin and end

void HttpServer::Impl::start() {
  // Its own limit must never be reached: then libmicrohttpd 0.9.75 keeps a mutex locked for good. Ours is below it.
  const unsigned limit = std::numeric_limits<unsigned>::max();
  const auto unescape = +[](void*, MHD_Connection*, char* text) { return std::strlen(text); };
  connections_.fit(free_descriptors() / kShare);
  workers_.start(options_.workers);
  timers_.start();
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr,
      nullptr, &Impl::on_request, this,                                               //
      MHD_OPTION_NOTIFY_COMPLETED, &Impl::on_completed, this,                         //
      MHD_OPTION_NOTIFY_CONNECTION, &Impl::on_connection, this,                       //
      MHD_OPTION_URI_LOG_CALLBACK, &Impl::on_target, this,                            //
      MHD_OPTION_UNESCAPE_CALLBACK, unescape, nullptr,                                //
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kPool, MHD_OPTION_CONNECTION_LIMIT, limit,  //
      MHD_OPTION_CONNECTION_TIMEOUT, idle_timeout(options_), MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
  if (daemon_ == nullptr) throw std::runtime_error("the HTTP server cannot be started: no memory or no descriptors");
  listener_.start([this](int fd, Listener::Door door) { serve(fd, door); }, [this] { connections_.make_room(); });
}

void HttpServer::Impl::stop() {
  stopping_ = true;
  listener_.stop();
  {
    const LockGuard lock(mutex_);
    for (Exchange* exchange : streaming_) exchange->response.stream->end();
  }
  workers_.stop();
  timers_.stop();
  const auto deadline = Clock::now() + kLastAnswers;
  while (exchanges_ > 0 && Clock::now() < deadline) std::this_thread::sleep_for(2ms);
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  daemon_ = nullptr;
}

void HttpServer::Impl::serve(int fd, Listener::Door door) {
  sockaddr_storage address{};
  std::optional<Peer> peer;
  std::string local_address;
  if (door == Listener::Door::unix_socket) {
    peer = unix_peer(fd);
    address.ss_family = AF_UNIX;
  } else {
    peer = tcp_peer(fd, options_.user_of, address, local_address);
  }
  if (!peer || !connections_.add(fd, std::move(*peer), std::move(local_address))) return OpenConnections::turn_away(fd);
  const socklen_t size = address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (MHD_add_connection(daemon_, fd, reinterpret_cast<const sockaddr*>(&address), size) == MHD_NO) {
    connections_.drop_lost();  // the library has closed it
  } else if (!ticking_.exchange(true)) {
    timers_.at(Clock::now() + kTick, [this] { tick(); });
  }
}

/// Goes on for as long as there is a connection.
void HttpServer::Impl::tick() {
  connections_.end_overdue();
  ticking_ = false;
  if (connections_.size() == 0 || stopping_ || ticking_.exchange(true)) return;
  timers_.at(Clock::now() + kTick, [this] { tick(); });
}

/// A close with unread input would be a reset, and the client might never read why. False if there is no descriptor
/// for that.
bool HttpServer::Impl::linger(Connection* connection) {
  const int same = ::fcntl(connection->fd, F_DUPFD_CLOEXEC, 0);
  if (same < 0) return false;
  connections_.linger(connection, same);
  timers_.at(Clock::now() + kLinger, [this, connection, same] {
    connections_.remove(connection);
    ::close(same);
  });
  return true;
}

// ------------------------------------------------------------------------------------- what the library calls

void HttpServer::Impl::on_connection(void* self, MHD_Connection* wire, void** context,
                                     MHD_ConnectionNotificationCode what) {
  Impl& server = *static_cast<Impl*>(self);
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    *context = server.connections_.begin(MHD_get_connection_info(wire, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
    return;
  }
  auto* connection = static_cast<Connection*>(*context);
  if (!connection->unread || !server.linger(connection)) server.connections_.remove(connection);
}

void* HttpServer::Impl::on_target(void* self, const char* target, MHD_Connection* wire) {
  Impl& server = *static_cast<Impl*>(self);
  auto* exchange = new (std::nothrow) Exchange(server, wire);
  if (exchange == nullptr) return nullptr;
  exchange->request.target = target == nullptr ? "" : target;
  exchange->connection =
      static_cast<Connection*>(MHD_get_connection_info(wire, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
  ++server.exchanges_;
  return exchange;
}

void HttpServer::Impl::on_completed(void*, MHD_Connection* wire, void** context, MHD_RequestTerminationCode why) {
  auto* exchange = static_cast<Exchange*>(*context);
  if (exchange == nullptr) return;
  Impl& server = exchange->server;
  if (exchange->response.stream) {
    exchange->response.stream->disconnect();
    const LockGuard lock(server.mutex_);
    server.streaming_.erase(exchange);
  }
  server.connections_.enter(exchange->connection, Phase::head);
  if (why == MHD_REQUEST_TERMINATED_COMPLETED_OK) set_timeout(wire, idle_timeout(server.options_));
  const bool was_large = exchange->is_large;
  delete exchange;
  if (was_large) server.memory_return_.soon();
  --server.exchanges_;
  *context = nullptr;
}

MHD_Result HttpServer::Impl::on_request(void* self, MHD_Connection*, const char*, const char* method, const char*,
                                        const char* data, std::size_t* size, void** context) {
  Impl& server = *static_cast<Impl*>(self);
  if (*context == nullptr) return MHD_NO;  // there was no memory for it
  Exchange& exchange = *static_cast<Exchange*>(*context);
  try {
    switch (exchange.stage) {
      case Exchange::Stage::head: return server.take_head(exchange, method);
      case Exchange::Stage::body: return server.take_body(exchange, data, size);
      case Exchange::Stage::work: return server.send(exchange);
      case Exchange::Stage::answer: return MHD_YES;
    }
  } catch (const std::bad_alloc&) {
  }
  return MHD_NO;  // ends the connection
}

MHD_Result HttpServer::Impl::take_head(Exchange& exchange, const char* method) {
  Request& request = exchange.request;
  request.method = method;
  request.peer = exchange.connection->peer;
  request.local_address = exchange.connection->local_address;
  const auto add =
      +[](void* to, MHD_ValueKind, const char* name, std::size_t name_size, const char* value, std::size_t value_size) {
        std::string text(value == nullptr ? "" : value, value_size);
        text.erase(text.find_last_not_of(" \t") + 1);
        static_cast<Request*>(to)->headers.add(std::string(name, name_size), std::move(text));
        return MHD_YES;
      };
  MHD_get_connection_values_n(exchange.wire, MHD_HEADER_KIND, add, &request);
  if (std::optional<Response> refusal = handler_.refuse(request)) {
    exchange.response = std::move(*refusal);
    return refuse(exchange);
  }
  if (!handler_.is_urgent(request) && !may_begin(*exchange.connection)) {
    exchange.response.status = 503;
    exchange.response.set_header("Retry-After", "1");
    exchange.response.set_content("Too many requests of yours are being answered: try again.\n", "text/plain");
    return refuse(exchange);
  }
  if (request.has_body()) {
    exchange.body_memory = memory_.take(request.body_size(options_.body_bytes));
    if (!exchange.body_memory) {
      exchange.response = handler_.no_memory();
      return refuse(exchange);
    }
  }
  exchange.stage = Exchange::Stage::body;
  connections_.enter(exchange.connection, Phase::body);
  return MHD_YES;
}

/// Without its body, which ends the connection.
MHD_Result HttpServer::Impl::refuse(Exchange& exchange) {
  const Request& request = exchange.request;
  exchange.response.set_header("Connection", "close");
  exchange.connection->unread = request.has_body();
  return send(exchange);
}

/// What is being answered does not give way to others. So that there is room for one more, also of the same owner, it
/// is at most half of what an owner may have.
bool HttpServer::Impl::may_begin(const Connection& connection) {
  const LockGuard lock(mutex_);
  const auto found = working_.find(connection.owner);
  return found == working_.end() || found->second < connections_.most_answered();
}

MHD_Result HttpServer::Impl::take_body(Exchange& exchange, const char* data, std::size_t* size) {
  Request& request = exchange.request;
  if (*size > 0) {
    exchange.received += *size;
    if (exchange.received > kMostDiscarded) return MHD_NO;  // no answer can be given before the body's end
    if (exchange.received <= options_.body_bytes) request.body.append(data, *size);
    *size = 0;
    return MHD_YES;
  }
  if (exchange.received > options_.body_bytes) {
    exchange.response = handler_.too_large(request);
    exchange.response.set_header("Connection", "close");
    return send(exchange);
  }
  exchange.stage = Exchange::Stage::work;
  connections_.enter(exchange.connection, Phase::work);
  request.is_gone = [this, fd = exchange.connection->fd] { return stopping_ || OpenConnections::has_hung_up(fd); };
  set_timeout(exchange.wire, answer_timeout(options_));
  // Rests until work() is done; before that nothing touches the exchange.
  MHD_suspend_connection(exchange.wire);
  {
    const LockGuard lock(mutex_);
    ++working_[exchange.connection->owner];
  }
  workers_.submit([this, &exchange] { work(exchange); }, handler_.is_urgent(request));
  return MHD_YES;
}

void HttpServer::Impl::work(Exchange& exchange) {
  exchange.response = stopping_ ? handler_.stopping() : handler_.answer(exchange.request);
  exchange.is_large = exchange.request.body.size() + exchange.response.body.size() > kLarge;
  exchange.request.body = {};
  exchange.body_memory.reset();
  if (const std::size_t size = exchange.response.body.size(); size > kSmall) {
    exchange.answer_memory = memory_.take(size);
    if (!exchange.answer_memory) exchange.response = handler_.no_memory();
  }
  {
    const LockGuard lock(mutex_);
    const auto found = working_.find(exchange.connection->owner);
    if (--found->second == 0) working_.erase(found);
  }
  MHD_Connection* const wire = exchange.wire;
  if (exchange.response.delay == 0ms) return MHD_resume_connection(wire);
  timers_.at(Clock::now() + exchange.response.delay, [this, &exchange, wire] {
    if (stopping_) exchange.response = handler_.stopping();
    MHD_resume_connection(wire);
  });
}

// -------------------------------------------------------------------------------------------------------- answers

MHD_Response* HttpServer::Impl::make_response(Exchange& exchange) {
  Response& response = exchange.response;
  if (response.stream) {
    const auto read = +[](void* context, std::uint64_t, char* out, std::size_t size) -> ssize_t {
      auto& from = *static_cast<Exchange*>(context);
      const ssize_t n = from.response.stream->read(out, size, [&] { MHD_suspend_connection(from.wire); });
      return n < 0 ? static_cast<ssize_t>(MHD_CONTENT_READER_END_OF_STREAM) : n;
    };
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kSourceBlock, read, &exchange, nullptr);
  }
  if (response.source && response.source->size > 0) {
    const auto read = +[](void* context, std::uint64_t at, char* out, std::size_t size) -> ssize_t {
      static_cast<Exchange*>(context)->response.source->fill(at, out, size);
      return static_cast<ssize_t>(size);
    };
    return MHD_create_response_from_callback(response.source->size, kSourceBlock, read, &exchange, nullptr);
  }
  return MHD_create_response_from_buffer(response.body.size(), response.body.data(), MHD_RESPMEM_PERSISTENT);
}

MHD_Result HttpServer::Impl::send(Exchange& exchange) {
  Response& response = exchange.response;
  exchange.stage = Exchange::Stage::answer;
  MHD_Response* const made = make_response(exchange);
  if (made == nullptr) return MHD_NO;
  for (const auto& [name, value] : response.headers) MHD_add_response_header(made, name.c_str(), value.c_str());
  connections_.enter(exchange.connection, response.stream ? Phase::stream : Phase::answer);
  if (response.stream) {
    response.stream->connect([wire = exchange.wire] { MHD_resume_connection(wire); },
                             [fd = exchange.connection->fd] { return OpenConnections::has_hung_up(fd); });
    const LockGuard lock(mutex_);
    streaming_.insert(&exchange);
    if (stopping_) response.stream->end();
  }
  const MHD_Result queued = MHD_queue_response(exchange.wire, static_cast<unsigned>(response.status), made);
  MHD_destroy_response(made);
  return queued;
}

// --------------------------------------------------------------------------------------------------- the outside

HttpServer::HttpServer(HttpHandler& handler, HttpServerOptions options)
    : impl_(std::make_unique<Impl>(handler, std::move(options))) {}

HttpServer::~HttpServer() = default;

Listener& HttpServer::listener() { return impl_->listener(); }
void HttpServer::start() { impl_->start(); }
void HttpServer::serve(int fd, Listener::Door door) { impl_->serve(fd, door); }
void HttpServer::stop() { impl_->stop(); }

}  // namespace wobble::api
