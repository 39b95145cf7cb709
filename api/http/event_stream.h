// The live streams: server-sent events (HTML standard, 9.2), and captures. One thread of theirs asks for what is new
// and hands it to the server, for all of them, so a stream takes no worker. There are at most so many; the next gets
// 503 and Retry-After. `id:` is the event's row, so a client that was cut off comes back with Last-Event-ID and misses
// nothing: what is sent is read from the backend's log, not from memory. A client that reads slowly is given no more
// than it takes.
//
// Thread: open() on workers; stop() by anyone, once.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "api/backend.h"
#include "api/http/body_stream.h"
#include "api/http/http.h"
#include "emulator/mutex.h"

namespace wobble::api {

class EventStreams {
 public:
  EventStreams(Backend& backend, unsigned most);
  ~EventStreams() { stop(); }
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  /// Makes `response` a stream of the events that match `query`, from query.since. Throws Problem 503.
  void open(const EventQuery& query, Response& response);
  /// Makes `response` a stream of pcapng, for as long as what `begin` starts has something to say.
  void open(const std::function<std::unique_ptr<Capture>()>& begin, const std::string& link, Response& response);

  /// Every stream ends at once, and no new one begins.
  void stop();
  unsigned active() const { return active_; }
  /// Of this start of the daemon: another than that of any before. Each stream of events begins with it.
  const std::string& instance() const { return instance_; }

 private:
  struct Stream {
    std::shared_ptr<BodyStream> body;
    std::shared_ptr<Capture> capture;  ///< null: events
    EventQuery query;                  ///< from its `since` on
    std::chrono::steady_clock::time_point last_written;
  };

  /// Takes one of the places, or throws.
  void enter();
  void add(Stream stream);
  void run();
  /// One turn: hands on what is new. False: it is over.
  bool turn(Stream& stream, std::optional<std::uint64_t> newest);
  bool turn_of_capture(Stream& stream);
  /// The newest event's id, as soon as there is one above `newest`, or after a short while. None: the log does not
  /// answer.
  std::optional<std::uint64_t> wait_for_news(const std::list<Stream>& streams, std::uint64_t newest);

  Backend& backend_;
  const unsigned most_;
  const std::string instance_;
  std::atomic<unsigned> active_{0};
  std::atomic<bool> stopping_{false};
  std::once_flag started_;
  std::thread thread_;

  Mutex mutex_;
  std::condition_variable wake_;
  std::list<Stream> opened_ WOBBLE_GUARDED_BY(mutex_);  ///< not yet seen by the thread
};

/// One event as a stream carries it.
std::string print_sse(const EventRow& event);

}  // namespace wobble::api
