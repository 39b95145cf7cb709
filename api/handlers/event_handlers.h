// Events: listed, as a live stream, and written.
//
// Thread: any worker. What cannot be done is thrown: Problem, and what Backend throws.
#pragma once

#include "api/backend.h"
#include "api/handlers/call.h"
#include "api/http/event_stream.h"

namespace wobble::api {

class EventHandlers {
 public:
  /// Both must outlive this.
  EventHandlers(Backend& backend, EventStreams& streams) : backend_(backend), streams_(streams) {}

  void events(const Call& call, Response& response);
  void annotate(const Call& call, Response& response);

 private:
  void stream(const Call& call, Response& response, EventQuery query, bool says_since);

  Backend& backend_;
  EventStreams& streams_;
};

}  // namespace wobble::api
