// The page: only files of the embedded table, from it or, while developing, from a directory; and the session with
// which it says the token once.
//
// Thread: any worker. What cannot be done is thrown: Problem.
#pragma once

#include <string>

#include "api/handlers/call.h"
#include "api/http/access.h"

namespace wobble::api {

class PageHandlers {
 public:
  /// `access` must outlive this. `web_root`: a directory whose files stand in for the embedded ones of the same name;
  /// empty: none.
  PageHandlers(const Access& access, std::string web_root) : access_(access), web_root_(std::move(web_root)) {}

  void index(const Call& call, Response& response);
  void file(const Call& call, Response& response);
  void session(const Call& call, Response& response);

 private:
  void serve_file(const Call& call, Response& response, const std::string& name);

  const Access& access_;
  std::string web_root_;
};

}  // namespace wobble::api
