// What each route does: reads the call, asks the backend, writes the answer. Throws Problem; what the backend throws
// is turned into one by problem_of().
//
// Thread: any worker; PATCH's read, merge and apply are one step under changes_.
#pragma once

#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "api/access.h"
#include "api/backend.h"
#include "api/event_stream.h"
#include "api/problem.h"
#include "api/routes.h"

namespace wobble::api {

class Handlers {
 public:
  /// `web_root`: a directory whose files stand in for the embedded ones of the same name; empty: none. All others must
  /// outlive the handlers.
  Handlers(Backend& backend, EventStreams& streams, const Access& access, std::string web_root)
      : backend_(backend), streams_(streams), access_(access), web_root_(std::move(web_root)) {}

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
  void capture(const Call& call, Response& response);

  void apply_profile(const Call& call, Response& response);
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
  void change_link(const Call& call, Response& response, bool merge);

  Backend& backend_;
  EventStreams& streams_;
  const Access& access_;
  std::string web_root_;
  std::mutex changes_;
};

/// The link, with its revision as ETag.
void send_link(Response& response, const LinkInfo& link);
/// Problem 412 if the call has an If-Match that does not name the present revision.
void check_precondition(const Call& call, const LinkInfo& present);
/// "for" of a change: how long it lasts. None if it is not there, or wrong.
std::optional<Duration> read_lasts(const nlohmann::json& body, std::vector<FieldError>& errors);

void send_json(Response& response, int status, const nlohmann::json& body);
void send_problem(Response& response, const Problem& problem);

/// Problem as it is; NotFound 404, Conflict 409, RevisionMismatch 412, Unfit 422, Unavailable and Incapable 503;
/// anything else 500, without its innards.
Problem problem_of(const std::exception_ptr& thrown);

/// The body as a JSON object; {} if there is none and `may_be_absent`. Throws Problem 400.
nlohmann::json body_object(const Call& call, bool may_be_absent);

/// A number in a path or query. Throws Problem: `status` if it is none.
std::uint64_t number_from(const std::string& text, int status, const std::string& what);

}  // namespace wobble::api
