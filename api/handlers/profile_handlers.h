// What can be asked: the settings, and the profiles. They are constants: any thread.
#pragma once

#include "api/handlers/call.h"

namespace wobble::api {

class ProfileHandlers {
 public:
  void settings(const Call& call, Response& response);
  void list(const Call& call, Response& response);
  void one(const Call& call, Response& response);
};

}  // namespace wobble::api
