// What each route does: reads the call, asks the backend, writes the answer. Throws Problem; what the backend throws
// is turned into one by problem_of().
//
// Thread: any worker. A body is read before any lock is taken; what a change builds on is read, merged and applied as
// one step under the link's own lock.
#pragma once

#include <exception>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "api/backend.h"
#include "api/conditions/file_store.h"
#include "api/conditions/problem.h"
#include "api/conditions/reading.h"
#include "api/handlers/link_locks.h"
#include "api/handlers/routes.h"
#include "api/http/access.h"
#include "api/http/event_stream.h"

namespace wobble::api {

class Handlers {
 public:
  /// `web_root`: a directory whose files stand in for the embedded ones of the same name; empty: none. All others must
  /// outlive the handlers.
  Handlers(Backend& backend, EventStreams& streams, const Access& access, std::string web_root)
      : backend_(backend),
        streams_(streams),
        access_(access),
        web_root_(std::move(web_root)),
        files_(backend.memory()) {}

  void page(const Call& call, Response& response);
  void page_file(const Call& call, Response& response);
  void health(const Call& call, Response& response);
  void metrics(const Call& call, Response& response);
  void root(const Call& call, Response& response);
  void openapi(const Call& call, Response& response);
  void session(const Call& call, Response& response);

  void links(const Call& call, Response& response);
  void link(const Call& call, Response& response);
  void put_link(const Call& call, Response& response);
  void patch_link(const Call& call, Response& response);
  void create_link(const Call& call, Response& response);
  void remove_link(const Call& call, Response& response);
  void stats(const Call& call, Response& response);
  void reset_link(const Call& call, Response& response);
  void reset_all(const Call& call, Response& response);
  void end_temporary(const Call& call, Response& response);
  void revert_link(const Call& call, Response& response);
  void capture(const Call& call, Response& response);

  void apply_profile(const Call& call, Response& response);
  void settings(const Call& call, Response& response);
  void profiles(const Call& call, Response& response);
  void profile(const Call& call, Response& response);

  void connections(const Call& call, Response& response);
  void flows(const Call& call, Response& response);
  void connection(const Call& call, Response& response);
  void transitions(const Call& call, Response& response);
  void segments(const Call& call, Response& response);
  void follow(const Call& call, Response& response);

  void events(const Call& call, Response& response);
  void annotate(const Call& call, Response& response);

 private:
  void serve_file(const Call& call, Response& response, const std::string& name);
  /// Makes a change of the link as it is present, and applies it; again, if it was changed meanwhile.
  using MakeChange = std::function<Change(const LinkInfo& present)>;
  void change_link(const Call& call, Response& response, const MakeChange& make);
  LinkConditions conditions_at(const std::string& link, std::uint64_t revision, Reading& reading);

  Backend& backend_;
  EventStreams& streams_;
  const Access& access_;
  std::string web_root_;
  FileStore files_;
  LinkLocks changes_;
};

/// The link, with its revision as ETag.
void send_link(Response& response, const LinkInfo& link);
/// Problem 412 if the call has an If-Match that does not name the present revision, 400 if it names none. The revision,
/// if it has one.
std::optional<std::uint64_t> check_precondition(const Call& call, const LinkInfo& present);
/// Whether nobody waits for the call's answer any more; empty: that cannot be known.
Reading::Question is_given_up(const Call& call);
/// "for" of a change: how long it lasts. None if it is not there, or wrong.
std::optional<Duration> read_lasts(const nlohmann::json& body, Reading& errors);

void send_json(Response& response, int status, const nlohmann::json& body);
void send_problem(Response& response, const Problem& problem);

/// Problem as it is; NotFound 404, Conflict 409, Gone 410, RevisionMismatch 412, Unfit 422, Unavailable, Incapable
/// and GivenUp 503;
/// anything else 500, without its innards.
Problem problem_of(const std::exception_ptr& thrown);

/// The body as a JSON object; {} if there is none and `may_be_absent`. Throws Problem 400.
nlohmann::json body_object(const Call& call, bool may_be_absent);

/// A number in a path or query. Throws Problem: `status` if it is none.
std::uint64_t number_from(const std::string& text, int status, const std::string& what);

}  // namespace wobble::api
