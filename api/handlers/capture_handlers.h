// A link's packets as they pass: a stream of pcapng that a file, or Wireshark, takes as it comes.
//
// Thread: any worker. What cannot be done is thrown: Problem, and what Backend throws.
#pragma once

#include "api/backend.h"
#include "api/handlers/call.h"
#include "api/http/event_stream.h"

namespace wobble::api {

class CaptureHandlers {
 public:
  /// Both must outlive this.
  CaptureHandlers(Backend& backend, EventStreams& streams) : backend_(backend), streams_(streams) {}

  void capture(const Call& call, Response& response);

 private:
  Backend& backend_;
  EventStreams& streams_;
};

}  // namespace wobble::api
