// Connections and flows, as the journal remembers them.
//
// Thread: any worker. What cannot be done is thrown: Problem, and what Backend throws.
#pragma once

#include "api/backend.h"
#include "api/handlers/call.h"

namespace wobble::api {

class ConnectionHandlers {
 public:
  /// `backend` must outlive this.
  explicit ConnectionHandlers(Backend& backend) : backend_(backend) {}

  void list(const Call& call, Response& response);
  void flows(const Call& call, Response& response);
  void one(const Call& call, Response& response);
  void transitions(const Call& call, Response& response);
  void segments(const Call& call, Response& response);
  void follow(const Call& call, Response& response);

 private:
  Backend& backend_;
};

}  // namespace wobble::api
