// What the daemon tells of itself.
//
// Thread: any worker.
#pragma once

#include "api/backend.h"
#include "api/handlers/call.h"
#include "api/http/event_stream.h"

namespace wobble::api {

class DaemonHandlers {
 public:
  /// Both must outlive this.
  DaemonHandlers(Backend& backend, EventStreams& streams) : backend_(backend), streams_(streams) {}

  void health(const Call& call, Response& response);
  void metrics(const Call& call, Response& response);
  void root(const Call& call, Response& response);
  void openapi(const Call& call, Response& response);

 private:
  Backend& backend_;
  EventStreams& streams_;
};

}  // namespace wobble::api
