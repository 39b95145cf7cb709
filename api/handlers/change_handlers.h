// Changes of what is asked of a link: replaced, merged, reset, reverted, a profile's. A change says on which revision
// it builds, and starts again if that is gone: a setting may revert by itself between reading and applying.
//
// Thread: any worker. A body is read before any lock is taken; what a change builds on is read, merged and applied as
// one step under the link's own lock. What cannot be done is thrown: Problem, and what Backend throws.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "api/backend.h"
#include "api/conditions/file_store.h"
#include "api/handlers/call.h"
#include "api/handlers/link_locks.h"

namespace wobble::api {

class ChangeHandlers {
 public:
  /// Both must outlive this.
  ChangeHandlers(Backend& backend, FileStore& files) : backend_(backend), files_(files) {}

  void put(const Call& call, Response& response);
  void patch(const Call& call, Response& response);
  void reset(const Call& call, Response& response);
  void reset_all(const Call& call, Response& response);
  void revert(const Call& call, Response& response);
  void end_temporary(const Call& call, Response& response);
  void apply_profile(const Call& call, Response& response);

 private:
  /// Makes a change of the link as it is present, and applies it; again, if it was changed meanwhile.
  using MakeChange = std::function<Change(const LinkInfo& present)>;
  void apply_change(const Call& call, Response& response, const MakeChange& make);
  LinkConditions conditions_at(const std::string& link, std::uint64_t revision, Reading& reading);

  Backend& backend_;
  FileStore& files_;
  LinkLocks locks_;
};

}  // namespace wobble::api
