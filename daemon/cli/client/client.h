// The daemon's API, for a command: JSON in, JSON out, a Failure for everything that goes wrong.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/cli/words/failure.h"
#include "daemon/cli/words/json.h"

namespace wobble::daemon {

/// Where the daemon listens. Only plain HTTP: it is on this machine, or behind a tunnel.
struct Address {
  std::string host;  ///< without brackets
  int port = 0;
  std::string socket;  ///< the path of a Unix socket, in place of host and port; empty: none

  /// From "http://127.0.0.1:7979", "http://[::1]:7979/", "localhost:7979", "unix:/run/wobble/wobble.sock". Failure
  /// (usage) says what is wrong.
  static Address parse(std::string_view url);
  std::string url() const;
  /// Only a process in the daemon's own network namespace reaches it there.
  bool is_loopback() const;
};

/// Where the daemon is if nobody says: at its Unix socket, if somebody listens there and lets us in; else at the usual
/// port of loopback.
std::string default_url();

/// `segment` as one step of a path.
std::string url_encode(std::string_view segment);

/// Not thread-safe. Keeps one connection open between requests.
class Client {
 public:
  explicit Client(const std::string& url);
  ~Client();

  /// Failures: kExitUnreachable, or kExitRefused with the problem's every line.
  Json get(const std::string& path);
  Json patch(const std::string& path, const Json& body);
  Json post(const std::string& path, const Json& body);
  /// Without a body.
  Json post(const std::string& path);
  void remove(const std::string& path);
  /// As get(), but an answer with an error status that is JSON is an answer too (GET /healthz with 503).
  Json get_whatever_status(const std::string& path, int& status);

  /// Every page of a list, joined: {"items": [...], "next": null}.
  Json get_all(const std::string& path);

  /// GET as server-sent events, until `on_event` says false. A lost stream is taken up again behind the last event;
  /// Failure (unreachable) if that does not work for `patience`.
  void follow(const std::string& path, std::optional<std::uint64_t> since,
              const std::function<bool(const Json&)>& on_event,
              std::chrono::milliseconds patience = std::chrono::seconds(10));

  /// GET, piece by piece as it comes, for as long as `take` says true. Failures as get(), and those of `take`.
  void download(const std::string& path, const std::function<bool(std::string_view)>& take);

  const Address& address() const { return address_; }

 private:
  struct Connection;
  struct Stream;

  Json request(const char* method, const std::string& path, const Json* body);
  bool read_stream(Stream& stream);

  Address address_;
  std::unique_ptr<Connection> connection_;
};

/// "no daemon at URL: ..."
Failure no_daemon(const std::string& url);

/// What an error answer says: problem+json (RFC 9457) with each wrong field on a line, or its status.
Failure refused(int status, const std::string& body);

}  // namespace wobble::daemon
