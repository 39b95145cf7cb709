#include "api/handlers/event_handlers.h"

#include <algorithm>

#include "api/conditions/object_reader.h"
#include "api/conditions/problem.h"
#include "api/event_kinds.h"
#include "api/handlers/answers.h"
#include "api/handlers/queries.h"

namespace wobble::api {
namespace {

bool wants_stream(const Request& request) {
  return request.get_header_value("Accept").find("text/event-stream") != std::string::npos;
}

/// Text for the log: one line of something, without control characters.
void check_annotation(const Json& body, Reading& errors) {
  constexpr std::size_t kLongest = 1000;
  constexpr std::string_view kKnown[] = {"text", "link"};
  report_unknown(body, kKnown, errors);
  if (!body.contains("text") || !body.at("text").is_string()) {
    errors.push_back({"/text", "a line of text is expected"});
  } else {
    const std::string text = body.at("text").get<std::string>();
    const bool blank = text.find_first_not_of(' ') == std::string::npos;
    const bool control = std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
    if (blank) errors.push_back({"/text", "a line of text is expected"});
    if (control) errors.push_back({"/text", "one line, without control characters"});
    if (text.size() > kLongest) errors.push_back({"/text", "at most " + std::to_string(kLongest) + " bytes"});
  }
  if (body.contains("link") && !body.at("link").is_null() && !body.at("link").is_string()) {
    errors.push_back({"/link", "a link's name is expected"});
  }
}

}  // namespace

void EventHandlers::events(const Call& call, Response& response) {
  EventQuery query;
  if (const auto* text = find(call.query, "link")) query.link = *text;
  if (const auto* text = find(call.query, "kind")) {
    if (std::find(std::begin(kEventKinds), std::end(kEventKinds), *text) == std::end(kEventKinds)) {
      throw unknown_in_query("kind", *text, kEventKinds);
    }
    query.kind = *text;
  }
  query.limit = limit_from(call.query, query.limit);
  const auto* since = find(call.query, "since");
  if (since != nullptr) query.since = number_from(*since, 400, "since");
  if (wants_stream(call.request)) return stream(call, response, std::move(query), since != nullptr);
  query.is_gone = call.request.is_gone;
  const std::vector<EventRow> rows = backend_.events(query);
  send_page(response, rows, is_full(query, rows) ? std::optional(rows.back().id) : std::nullopt);
}

void EventHandlers::stream(const Call& call, Response& response, EventQuery query, bool says_since) {
  // A browser that comes back repeats the address, so what it saw last counts more than what it asked for first.
  const std::string last = call.request.get_header_value("Last-Event-ID");
  if (!last.empty()) {
    query.since = number_from(last, 400, "Last-Event-ID");
  } else if (!says_since) {
    query.since = backend_.newest_event();
  }
  // From another log, one that was put aside since: of the present one the client knows nothing yet. But what was told
  // just now, such as the id of a remark, may not be written yet.
  constexpr Duration kSoonWritten = std::chrono::milliseconds(250);
  const bool is_ahead = query.since > backend_.newest_event();
  if (is_ahead && backend_.wait_for_event(query.since - 1, kSoonWritten) < query.since) query.since = 0;
  if (call.request.method == "HEAD") {
    response.status = 200;
    response.set_header("Content-Type", "text/event-stream");
    return;
  }
  streams_.open(query, response);
}

void EventHandlers::annotate(const Call& call, Response& response) {
  const Json body = body_object(call, false);
  Reading reading;
  check_annotation(body, reading);
  if (reading.has_errors()) throw Problem::invalid(reading);
  std::optional<std::string> link;
  if (body.contains("link") && !body.at("link").is_null()) link = body.at("link").get<std::string>();
  if (link && link->empty()) link.reset();
  if (link) backend_.link(*link);  // NotFound
  const EventRow event = backend_.annotate(body.at("text").get<std::string>(), link);
  response.set_header("Location", "/api/v1/events?since=" + std::to_string(event.id - 1) + "&limit=1");
  send_json(response, 201, to_json(event));
}

}  // namespace wobble::api
