// Connections and events: what the journal remembers.
#include <algorithm>
#include <array>

#include "api/conditions_json.h"
#include "api/handlers.h"
#include "api/nearest_name.h"
#include "api/rows_json.h"
#include "api/units.h"

namespace wobble::api {
namespace {

constexpr std::string_view kKinds[] = {"daemon_started",    "daemon_stopped", "conditions",  "connection_opened",
                                       "connection_closed", "annotation",     "events_lost", "transition",
                                       "link_added",        "link_removed",   "way_in",      "memory_exhausted"};

using Query = std::map<std::string, std::string>;

const std::string* find(const Query& query, const char* name) {
  const auto found = query.find(name);
  return found == query.end() ? nullptr : &found->second;
}

/// The enumerator from 0 to `last` whose to_string() is `text`. Throws Problem 400 with the nearest.
template <typename Enum>
Enum enum_from(const std::string& text, Enum first, Enum last, const char* what) {
  std::vector<std::string_view> names;
  for (int i = static_cast<int>(first); i <= static_cast<int>(last); ++i) {
    const auto value = static_cast<Enum>(i);
    if (text == to_string(value)) return value;
    names.emplace_back(to_string(value));
  }
  throw Problem(400, "The query has an " + unknown_name(what, text, names) + ".");
}

std::uint32_t limit_from(const Query& query, std::uint32_t otherwise) {
  constexpr std::uint64_t kMost = 1000;
  const std::string* text = find(query, "limit");
  if (text == nullptr) return otherwise;
  const std::uint64_t limit = number_from(*text, 400, "limit");
  if (limit < 1 || limit > kMost) throw Problem(400, "limit is from 1 to " + std::to_string(kMost) + ".");
  return static_cast<std::uint32_t>(limit);
}

std::uint8_t protocol_from(const std::string& text) {
  for (const std::uint8_t known : {kTcp, kUdp, kIcmp, kIcmpV6}) {
    if (text == print_protocol(known)) return known;
  }
  const std::uint64_t number = number_from(text, 400, "protocol (other than tcp, udp, icmp, icmpv6)");
  if (number > 255) throw Problem(400, "protocol is from 0 to 255.");
  return static_cast<std::uint8_t>(number);
}

/// A moment, or how long ago: "10m".
WallTime since_from(const std::string& text) {
  if (const auto time = parse_time(text)) return *time;
  const Parsed<Duration> ago = parse_duration(text);
  if (!ago.ok()) throw Problem(400, "since is a time such as 2026-11-22T09:05:57Z, or how long ago, such as 10m.");
  return (std::chrono::system_clock::now().time_since_epoch() - ago.value).count();
}

ConnectionQuery connection_query(const Query& query) {
  ConnectionQuery out;
  if (const auto* text = find(query, "link")) out.link = *text;
  if (const auto* text = find(query, "state")) {
    out.state = enum_from(*text, TcpState::closed, TcpState::time_wait, "state");
  }
  if (const auto* text = find(query, "port")) {
    const std::uint64_t port = number_from(*text, 400, "port");
    if (port > 65'535) throw Problem(400, "port is from 0 to 65535.");
    out.port = static_cast<std::uint16_t>(port);
  }
  if (const auto* text = find(query, "end")) out.end = enum_from(*text, End::open, End::evicted, "end");
  if (const auto* text = find(query, "closed_by")) {
    out.closed_by = enum_from(*text, ClosedBy::client, ClosedBy::both, "closed_by");
  }
  if (const auto* text = find(query, "protocol")) out.protocol = protocol_from(*text);
  if (const auto* text = find(query, "since")) out.since = since_from(*text);
  if (const auto* text = find(query, "cursor")) out.cursor = number_from(*text, 400, "cursor");
  out.limit = limit_from(query, out.limit);
  return out;
}

ConnectionId id_from(const Call& call) { return number_from(call.arguments[0], 404, "A connection's id"); }

template <typename Row>
Json list(const std::vector<Row>& rows, Json next) {
  Json items = Json::array();
  for (const Row& row : rows) items.push_back(to_json(row));
  return {{"items", std::move(items)}, {"next", std::move(next)}};
}

bool wants_stream(const httplib::Request& request) {
  return request.get_header_value("Accept").find("text/event-stream") != std::string::npos;
}

/// Text for the log: one line of something, without control characters.
void check_annotation(const Json& body, std::vector<FieldError>& errors) {
  constexpr std::size_t kLongest = 1000;
  constexpr std::string_view kKnown[] = {"text", "link"};
  for (const auto& [name, value] : body.items()) {
    const bool known = std::find(std::begin(kKnown), std::end(kKnown), name) != std::end(kKnown);
    if (!known) errors.push_back({"/" + pointer_token(name), unknown_name("field", name, kKnown)});
  }
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

void Handlers::connections(const Call& call, httplib::Response& response) {
  const Page<ConnectionRow> page = backend_.connections(connection_query(call.query));
  send_json(response, 200, list(page.items, page.next ? Json(std::to_string(*page.next)) : Json()));
}

void Handlers::connection(const Call& call, httplib::Response& response) {
  send_json(response, 200, to_json(backend_.connection(id_from(call))));
}

void Handlers::transitions(const Call& call, httplib::Response& response) {
  send_json(response, 200, list(backend_.transitions(id_from(call)), nullptr));
}

void Handlers::segments(const Call& call, httplib::Response& response) {
  send_json(response, 200, list(backend_.segments(id_from(call)), nullptr));
}

void Handlers::follow(const Call& call, httplib::Response& response) {
  const Json body = body_object(call, true);
  if (!body.empty()) throw Problem::invalid({{"", "nothing is expected in the body"}});
  backend_.follow(id_from(call));
  response.status = 204;
}

void Handlers::events(const Call& call, httplib::Response& response) {
  EventQuery query;
  if (const auto* text = find(call.query, "link")) query.link = *text;
  if (const auto* text = find(call.query, "kind")) {
    if (std::find(std::begin(kKinds), std::end(kKinds), *text) == std::end(kKinds)) {
      throw Problem(400, "The query has an " + unknown_name("kind", *text, kKinds) + ".");
    }
    query.kind = *text;
  }
  query.limit = limit_from(call.query, query.limit);
  const auto* since = find(call.query, "since");
  if (since != nullptr) query.since = number_from(*since, 400, "since");
  if (!wants_stream(call.request)) {
    const std::vector<EventRow> rows = backend_.events(query);
    const bool is_full = rows.size() >= query.limit;
    send_json(response, 200, list(rows, is_full ? Json(std::to_string(rows.back().id)) : Json()));
    return;
  }
  // A browser that comes back repeats the address, so what it saw last counts more than what it asked for first.
  const std::string last = call.request.get_header_value("Last-Event-ID");
  if (!last.empty()) {
    query.since = number_from(last, 400, "Last-Event-ID");
  } else if (since == nullptr) {
    query.since = backend_.newest_event();
  }
  if (call.request.method == "HEAD") {
    response.status = 200;
    response.set_header("Content-Type", "text/event-stream");
    return;
  }
  streams_.open(query, response);
}

void Handlers::annotate(const Call& call, httplib::Response& response) {
  const Json body = body_object(call, false);
  std::vector<FieldError> errors;
  check_annotation(body, errors);
  if (!errors.empty()) throw Problem::invalid(std::move(errors));
  std::optional<std::string> link;
  if (body.contains("link") && !body.at("link").is_null()) link = body.at("link").get<std::string>();
  if (link && link->empty()) link.reset();
  if (link) backend_.link(*link);  // NotFound
  const EventRow event = backend_.annotate(body.at("text").get<std::string>(), link);
  response.set_header("Location", "/api/v1/events?since=" + std::to_string(event.id - 1) + "&limit=1");
  send_json(response, 201, to_json(event));
}

}  // namespace wobble::api
