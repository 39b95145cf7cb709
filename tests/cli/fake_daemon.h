// An HTTP server on loopback that answers as the API's contract says, word for word, and notes what it was asked.
#pragma once

#include <httplib.h>

#include <condition_variable>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "emulator/mutex.h"

namespace wobble::test {

struct Answer {
  int status = 200;
  std::string body;
  std::string type = "application/json";
};

struct Asked {
  std::string method;
  std::string target;  ///< path and query, as on the wire
  std::string body;
  std::string last_event_id;
  std::string authorization;
};

/// One live stream: what is sent at once, and whether it then stays open until the end or breaks off.
struct Script {
  std::string text;
  bool stays_open = true;
};

class FakeDaemon {
 public:
  /// With the answers of one link `lab` without traffic.
  FakeDaemon();
  ~FakeDaemon();
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  /// To `what`, a method and a path without query: "GET /api/v1/links".
  void answer(const std::string& what, Answer answer);
  /// GET /api/v1/events lists events 1 to `newest`, each hundredth an annotation, the others transitions.
  void serve_events(std::uint64_t newest);
  /// The streams that GET /api/v1/events gives, one after the other; then 503.
  void stream(std::vector<Script> scripts);

  std::vector<Asked> asked() const;
  /// Those asked for `what` as in answer().
  std::vector<Asked> asked(const std::string& what) const;

 private:
  void serve(const httplib::Request& request, httplib::Response& response);
  bool serve_stream(const httplib::Request& request, httplib::Response& response);

  mutable Mutex mutex_;
  std::condition_variable ending_;
  bool ended_ WOBBLE_GUARDED_BY(mutex_) = false;
  std::map<std::string, Answer> answers_ WOBBLE_GUARDED_BY(mutex_);
  std::optional<std::uint64_t> newest_event_ WOBBLE_GUARDED_BY(mutex_);
  std::vector<Script> scripts_ WOBBLE_GUARDED_BY(mutex_);
  std::size_t next_script_ WOBBLE_GUARDED_BY(mutex_) = 0;
  std::vector<Asked> asked_ WOBBLE_GUARDED_BY(mutex_);
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

// Pieces of the contract, for tests to build on.
extern const char* const kLink;
extern const char* const kStats;
/// A connection with a lost SYN-ACK, closed by the client; with its transitions and segments.
extern const char* const kConnection;
extern const char* const kTransitions;
extern const char* const kSegments;

}  // namespace wobble::test
