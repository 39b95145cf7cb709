#include "api/handlers/queries.h"

#include <algorithm>
#include <charconv>

#include "api/conditions/units.h"
#include "api/handlers/call.h"
#include "api/nearest_name.h"
#include "api/rows/connection_json.h"

namespace wobble::api {
namespace {

/// Of a direction; and none at all.
constexpr std::string_view kConditions[] = {"idle_timeout", "outage", "mtu",  "loss",  "corrupt", "duplicate", "rate",
                                            "trace",        "queue",  "slot", "delay", "reorder", "none"};

/// The enumerator from 0 to `last` whose to_string() is `text`. Throws Problem 400 with the nearest.
template <typename Enum>
Enum enum_from(const std::string& text, Enum first, Enum last, const char* what) {
  std::vector<std::string_view> names;
  for (int i = static_cast<int>(first); i <= static_cast<int>(last); ++i) {
    const auto value = static_cast<Enum>(i);
    if (text == to_string(value)) return value;
    names.emplace_back(to_string(value));
  }
  throw unknown_in_query(what, text, names);
}

std::uint8_t protocol_from(const std::string& text) {
  for (const std::uint8_t known : {kTcp, kUdp, kIcmp, kIcmpV6}) {
    if (text == print_protocol(known)) return known;
  }
  const std::uint64_t number = number_from(text, 400, "protocol (other than tcp, udp, icmp, icmpv6, all)");
  if (number > 255) throw Problem(400, "protocol is from 0 to 255.");
  return static_cast<std::uint8_t>(number);
}

/// "10m", and what a log goes back: "3d".
std::optional<Duration> span_from(const std::string& text) {
  constexpr std::int64_t kMostDays = 36'500;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && std::string_view(end) == "d" && number >= 0 && number <= kMostDays) {
    return std::chrono::hours(24 * number);
  }
  const Parsed<Duration> span = parse_duration(text);
  return span.ok() ? std::optional(span.value) : std::nullopt;
}

/// A moment, the beginning of a day in UTC, or how long ago: one of `time` and `ago` is set.
void read_time(const std::string& text, const char* what, std::optional<WallTime>& time, std::optional<Duration>& ago) {
  constexpr std::size_t kDate = 10;
  time = parse_time(text.size() == kDate ? text + "T00:00:00Z" : text);
  if (!time) ago = span_from(text);
  if (!time && !ago) {
    throw Problem(400, std::string(what) + " is a time such as 2026-11-22T09:05:57Z, a day such as 2026-11-22, " +
                           "or how long ago, such as 10m or 3d.");
  }
}

}  // namespace

Problem unknown_in_query(std::string_view what, std::string_view wrong, std::span<const std::string_view> known) {
  const std::string detail = "The query has an " + unknown_name(what, wrong, known);
  return {400, detail.ends_with('?') ? detail : detail + "."};
}

const std::string* find(const std::map<std::string, std::string>& query, const char* name) {
  const auto found = query.find(name);
  return found == query.end() ? nullptr : &found->second;
}

std::uint32_t limit_from(const std::map<std::string, std::string>& query, std::uint32_t otherwise) {
  constexpr std::uint64_t kMost = 1000;
  const std::string* text = find(query, "limit");
  if (text == nullptr) return otherwise;
  const std::uint64_t limit = number_from(*text, 400, "limit");
  if (limit < 1 || limit > kMost) throw Problem(400, "limit is from 1 to " + std::to_string(kMost) + ".");
  return static_cast<std::uint32_t>(limit);
}

ConnectionQuery connection_query(const std::map<std::string, std::string>& query) {
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
  if (const auto* text = find(query, "end")) out.end = enum_from(*text, End::open, End::unknown, "end");
  if (const auto* text = find(query, "closed_by")) {
    out.closed_by = enum_from(*text, ClosedBy::client, ClosedBy::both, "closed_by");
  }
  if (const auto* text = find(query, "protocol")) {
    out.all_protocols = *text == "all";
    if (!out.all_protocols) out.protocol = protocol_from(*text);
  }
  if (const auto* text = find(query, "since")) read_time(*text, "since", out.since, out.since_ago);
  if (const auto* text = find(query, "until")) read_time(*text, "until", out.until, out.until_ago);
  if (const auto* text = find(query, "address")) {
    out.address = IpAddress::parse(*text);
    if (!out.address) throw Problem(400, "address is an IPv4 or IPv6 address, such as 10.77.0.1.");
  }
  if (const auto* text = find(query, "condition")) {
    if (std::find(std::begin(kConditions), std::end(kConditions), *text) == std::end(kConditions)) {
      throw unknown_in_query("condition", *text, kConditions);
    }
    out.condition = *text;
  }
  if (const auto* text = find(query, "cursor")) out.cursor = number_from(*text, 400, "cursor");
  out.limit = limit_from(query, out.limit);
  return out;
}

}  // namespace wobble::api
