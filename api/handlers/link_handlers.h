// Links: listed, looked at, made with their way in, and taken away.
//
// Thread: any worker. What cannot be done is thrown: Problem, and what Backend throws.
#pragma once

#include "api/backend.h"
#include "api/conditions/file_store.h"
#include "api/handlers/call.h"

namespace wobble::api {

class LinkHandlers {
 public:
  /// Both must outlive this.
  LinkHandlers(Backend& backend, FileStore& files) : backend_(backend), files_(files) {}

  void list(const Call& call, Response& response);
  void one(const Call& call, Response& response);
  void stats(const Call& call, Response& response);
  void create(const Call& call, Response& response);
  void remove(const Call& call, Response& response);

 private:
  Backend& backend_;
  FileStore& files_;
};

}  // namespace wobble::api
