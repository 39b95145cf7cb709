// What each route does: reads the call, asks the backend, writes the answer. Throws Problem; what the backend throws
// is turned into one by problem_of().
//
// Thread: any worker. A body is read before any lock is taken; what a change builds on is read, merged and applied as
// one step under the link's own lock.
#pragma once

#include <httplib.h>

#include <atomic>
#include <exception>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "api/backend.h"
#include "api/event_stream.h"
#include "api/file_store.h"
#include "api/link_locks.h"
#include "api/problem.h"
#include "api/reading.h"
#include "api/routes.h"

namespace wobble::api {

class Handlers {
 public:
  /// `web_root`: a directory whose files stand in for the embedded ones of the same name; empty: none.
  Handlers(Backend& backend, EventStreams& streams, std::string web_root)
      : backend_(backend), streams_(streams), web_root_(std::move(web_root)), files_(backend.memory()) {}

  /// From now on what is still being read is given up: the daemon ends. Any thread.
  void end() noexcept { is_ending_ = true; }

  void page(const Call& call, httplib::Response& response);
  void page_file(const Call& call, httplib::Response& response);
  void health(const Call& call, httplib::Response& response);
  void metrics(const Call& call, httplib::Response& response);
  void root(const Call& call, httplib::Response& response);
  void openapi(const Call& call, httplib::Response& response);

  void links(const Call& call, httplib::Response& response);
  void link(const Call& call, httplib::Response& response);
  void put_link(const Call& call, httplib::Response& response);
  void patch_link(const Call& call, httplib::Response& response);
  void create_link(const Call& call, httplib::Response& response);
  void remove_link(const Call& call, httplib::Response& response);
  void stats(const Call& call, httplib::Response& response);
  void reset_link(const Call& call, httplib::Response& response);
  void reset_all(const Call& call, httplib::Response& response);
  void end_temporary(const Call& call, httplib::Response& response);
  void revert_link(const Call& call, httplib::Response& response);
  void capture(const Call& call, httplib::Response& response);

  void apply_profile(const Call& call, httplib::Response& response);
  void profiles(const Call& call, httplib::Response& response);
  void profile(const Call& call, httplib::Response& response);

  void connections(const Call& call, httplib::Response& response);
  void flows(const Call& call, httplib::Response& response);
  void connection(const Call& call, httplib::Response& response);
  void transitions(const Call& call, httplib::Response& response);
  void segments(const Call& call, httplib::Response& response);
  void follow(const Call& call, httplib::Response& response);

  void events(const Call& call, httplib::Response& response);
  void annotate(const Call& call, httplib::Response& response);

 private:
  /// Whether nobody waits for the call's answer any more.
  Reading::Question is_given_up(const Call& call);
  void serve_file(const Call& call, httplib::Response& response, const std::string& name);
  /// Makes a change of the link as it is present, and applies it; again, if it was changed meanwhile.
  using MakeChange = std::function<Change(const LinkInfo& present)>;
  void change_link(const Call& call, httplib::Response& response, const MakeChange& make);
  LinkConditions conditions_at(const std::string& link, std::uint64_t revision, Reading& reading);

  Backend& backend_;
  EventStreams& streams_;
  std::string web_root_;
  FileStore files_;
  LinkLocks changes_;
  std::atomic<bool> is_ending_ = false;
};

/// The link, with its revision as ETag.
void send_link(httplib::Response& response, const LinkInfo& link);
/// Problem 412 if the call has an If-Match that does not name the present revision. The revision, if it has one.
std::optional<std::uint64_t> check_precondition(const Call& call, const LinkInfo& present);
/// "for" of a change: how long it lasts. None if it is not there, or wrong.
std::optional<Duration> read_lasts(const nlohmann::json& body, Reading& errors);

void send_json(httplib::Response& response, int status, const nlohmann::json& body);
void send_problem(httplib::Response& response, const Problem& problem);

/// Problem as it is; NotFound 404, Conflict 409, Gone 410, RevisionMismatch 412, Unfit 422, Unavailable, Incapable
/// and GivenUp 503;
/// anything else 500, without its innards.
Problem problem_of(const std::exception_ptr& thrown);

/// The body as a JSON object; {} if there is none and `may_be_absent`. Throws Problem 400.
nlohmann::json body_object(const Call& call, bool may_be_absent);

/// A number in a path or query. Throws Problem: `status` if it is none.
std::uint64_t number_from(const std::string& text, int status, const std::string& what);

}  // namespace wobble::api
