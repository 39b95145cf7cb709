// What each route does: reads the call, asks the backend, writes the answer. Throws Problem; what the backend throws
// is turned into one by problem_of().
//
// Thread: any worker; PATCH's read, merge and apply are one step under changes_.
#pragma once

#include <httplib.h>

#include <exception>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "api/backend.h"
#include "api/event_stream.h"
#include "api/problem.h"
#include "api/routes.h"

namespace wobble::api {

class Handlers {
 public:
  /// `web_root`: a directory whose files stand in for the embedded ones of the same name; empty: none.
  Handlers(Backend& backend, EventStreams& streams, std::string web_root)
      : backend_(backend), streams_(streams), web_root_(std::move(web_root)) {}

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

  void apply_profile(const Call& call, httplib::Response& response);
  void profiles(const Call& call, httplib::Response& response);
  void profile(const Call& call, httplib::Response& response);

  void connections(const Call& call, httplib::Response& response);
  void connection(const Call& call, httplib::Response& response);
  void transitions(const Call& call, httplib::Response& response);
  void segments(const Call& call, httplib::Response& response);
  void follow(const Call& call, httplib::Response& response);

  void events(const Call& call, httplib::Response& response);
  void annotate(const Call& call, httplib::Response& response);

 private:
  void serve_file(const Call& call, httplib::Response& response, const std::string& name);
  void change_link(const Call& call, httplib::Response& response, bool merge);

  Backend& backend_;
  EventStreams& streams_;
  std::string web_root_;
  std::mutex changes_;
};

/// The link, with its revision as ETag.
void send_link(httplib::Response& response, const LinkInfo& link);
/// Problem 412 if the call has an If-Match that does not name the present revision.
void check_precondition(const Call& call, const LinkInfo& present);
/// "for" of a change: how long it lasts. None if it is not there, or wrong.
std::optional<Duration> read_lasts(const nlohmann::json& body, std::vector<FieldError>& errors);

void send_json(httplib::Response& response, int status, const nlohmann::json& body);
void send_problem(httplib::Response& response, const Problem& problem);

/// Problem as it is; NotFound 404, Conflict 409, RevisionMismatch 412, Unfit 422, Unavailable and Incapable 503;
/// anything else 500, without its innards.
Problem problem_of(const std::exception_ptr& thrown);

/// The body as a JSON object; {} if there is none and `may_be_absent`. Throws Problem 400.
nlohmann::json body_object(const Call& call, bool may_be_absent);

/// A number in a path or query. Throws Problem: `status` if it is none.
std::uint64_t number_from(const std::string& text, int status, const std::string& what);

}  // namespace wobble::api
