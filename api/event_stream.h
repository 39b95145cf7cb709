// The live streams. Events: server-sent events (HTML standard, 9.2). Each stream holds a worker for its life, so there
// are at most so many; the next gets 503 and Retry-After. `id:` is the event's row, so a client that was cut off comes
// back with Last-Event-ID and misses nothing: what is sent is read from the backend's log, not from memory.
//
// Thread: open() and the streams on workers; stop() by anyone.
#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "api/backend.h"

namespace wobble::api {

class EventStreams {
 public:
  EventStreams(Backend& backend, unsigned most) : backend_(backend), most_(most) {}

  /// Makes `response` a stream of the events that match `query`, from query.since. Throws Problem 503.
  void open(const EventQuery& query, httplib::Response& response);
  /// Makes `response` a stream of pcapng, for as long as what `begin` starts has something to say.
  void open(const std::function<std::unique_ptr<Capture>()>& begin, const std::string& link,
            httplib::Response& response);

  /// Every stream ends within half a second, and no new one begins.
  void stop() { stopping_ = true; }
  void restart() { stopping_ = false; }
  unsigned active() const { return active_; }

 private:
  struct Stream {
    EventQuery query;
    std::chrono::steady_clock::time_point last_written;
    bool greeted = false;
  };

  /// Takes one of the places, or throws.
  void enter();
  /// One turn: waits a little, writes what is new. False: the client is gone.
  bool turn(Stream& stream, httplib::DataSink& sink);

  Backend& backend_;
  unsigned most_;
  std::atomic<unsigned> active_{0};
  std::atomic<bool> stopping_{false};
};

/// One event as a stream carries it.
std::string print_sse(const EventRow& event);

}  // namespace wobble::api
