#include "daemon/journal/event_text.h"

#include <fmt/core.h>

#include <ctime>

#include "daemon/journal/names.h"

namespace wobble::daemon {

namespace {

std::string protocol_name(std::uint8_t protocol) {
  switch (protocol) {
    case kTcp: return "tcp";
    case kUdp: return "udp";
    case kIcmp: return "icmp";
    case kIcmpV6: return "icmpv6";
    default: return std::to_string(protocol);
  }
}

std::string endpoint_text(const Endpoint& endpoint) {
  std::string address = endpoint.address.to_string();
  if (endpoint.port == 0) return address;
  return (endpoint.address.is_v4() ? address : "[" + address + "]") + ":" + std::to_string(endpoint.port);
}

std::string endpoints_text(const api::ConnectionRow& connection) {
  return fmt::format("{} {} -> {}", protocol_name(connection.protocol), endpoint_text(connection.client.endpoint),
                     endpoint_text(connection.server.endpoint));
}

std::string endpoints_json(const api::ConnectionRow& connection) {
  const auto side = [](const Endpoint& endpoint) {
    return fmt::format(R"({{"address":"{}","port":{}}})", endpoint.address.to_string(), endpoint.port);
  };
  return fmt::format(R"("protocol":"{}","client":{},"server":{})", protocol_name(connection.protocol),
                     side(connection.client.endpoint), side(connection.server.endpoint));
}

/// "28,800.000 s" would have to be counted out; "8 h 0 min" need not.
std::string span_text(Duration span) {
  const double seconds = std::chrono::duration<double>(span).count();
  const auto whole = std::chrono::round<std::chrono::seconds>(span).count();
  if (whole >= 3600) return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
  if (whole >= 60) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{:.3f} s", seconds);
}

std::string network_text(const HalfOpenFlood& flood) {
  return fmt::format("{}/{}", flood.source.to_string(), flood.prefix);
}

std::string one_sided_flood_text(const HalfOpenFlood& flood) {
  const double seconds = std::chrono::duration<double>(flood.at - flood.since).count();
  switch (flood.phase) {
    case HalfOpenFlood::Phase::began:
      return "flood without connections: from here on what belongs to no connection is told when both sides have sent, "
             "or one side eight packets; the rest is counted";
    case HalfOpenFlood::Phase::ended:
      return fmt::format("flood without connections: over, after {:.1f} s; from here on each flow is told", seconds);
    case HalfOpenFlood::Phase::counted: break;
  }
  const std::string of = flood.prefix == 0 ? "from other sources, to other ports"
                                           : fmt::format("from {} to port {}", network_text(flood), flood.port);
  return fmt::format("flood without connections: {} flows {} began in {:.1f} s and were counted only",
                     flood.connections, of, seconds);
}

/// An endpoint nobody has heard of: no client, but perhaps a server that listens.
std::string_view state_text(TcpState state, Role side, bool is_from) {
  if (state != TcpState::none) return name_of(state);
  return side == Role::server && is_from ? "LISTEN" : "CLOSED";
}

}  // namespace

std::string loss_text(const EventsLost& lost) {
  const std::string text = fmt::format(
      "the log has a gap here: {} transitions and {} segments could not be written "
      "in time",
      lost.transitions, lost.segments);
  return lost.connections == 0 ? text : text + fmt::format("; {} connections are not in it", lost.connections);
}

std::string loss_detail(const EventsLost& lost) {
  return fmt::format(R"({{"transitions":{},"segments":{},"connections":{}}})", lost.transitions, lost.segments,
                     lost.connections);
}

std::string unknown_ends_text(std::int64_t connections) {
  return fmt::format("{} connections have ended in a gap of the log: how is unknown", connections);
}

std::string unknown_ends_detail(std::int64_t connections) {
  return fmt::format(R"({{"ends_unknown":{}}})", connections);
}

std::string interruption_text(api::WallTime since, api::WallTime until, const std::string& why) {
  return fmt::format("the log could not be written from {} to {}: {}", api::print_time(since), api::print_time(until),
                     why);
}

std::string interruption_detail(api::WallTime since, const std::string& why) {
  return fmt::format(R"({{"since":"{}","reason":{}}})", api::print_time(since), json_string(why));
}

std::string exhausted_text(std::uint64_t limit) {
  if (limit == 0) return "there is no memory for the scenario's next step: what is in force goes on until there is";
  return fmt::format("packets in flight have reached the bound of {} MB: what has no room is dropped (memory)",
                     limit / 1'000'000);
}

std::string exhausted_detail(std::uint64_t limit) { return fmt::format(R"({{"limit":{}}})", limit); }

std::string step_text(const ClockStep& step) {
  std::string what;
  if (step.slept > Duration(0)) what = fmt::format("the machine slept for {}", span_text(step.slept));
  const Duration set = step.by - step.slept;
  if (std::chrono::abs(set) >= std::chrono::milliseconds(1)) {
    what += fmt::format("{} {} by {}", what.empty() ? "the clock was set" : ", and the clock was set",
                        set > Duration(0) ? "ahead" : "back", span_text(std::chrono::abs(set)));
  }
  return what + ": what follows bears the new time";
}

std::string step_detail(const ClockStep& step) {
  const auto milliseconds = [](Duration span) { return static_cast<double>(span.count()) / 1e6; };
  return fmt::format(R"({{"by_ms":{:.6f},"slept_ms":{:.6f}}})", milliseconds(step.by), milliseconds(step.slept));
}

std::string flood_text(const HalfOpenFlood& flood) {
  if (flood.is_one_sided) return one_sided_flood_text(flood);
  const double seconds = std::chrono::duration<double>(flood.at - flood.since).count();
  switch (flood.phase) {
    case HalfOpenFlood::Phase::began:
      return "SYN flood: from here on a connection is told when its handshake is complete; what comes to nothing is "
             "counted";
    case HalfOpenFlood::Phase::ended:
      return fmt::format("SYN flood: over, after {:.1f} s; from here on each handshake is told as it happens", seconds);
    case HalfOpenFlood::Phase::counted: break;
  }
  const std::string of = flood.prefix == 0 ? "from other sources, to other ports"
                                           : fmt::format("from {} to port {}", network_text(flood), flood.port);
  return fmt::format("SYN flood: {} handshakes {} came to nothing in {:.1f} s ({} refused, {} answered, {} evicted)",
                     flood.connections, of, seconds, flood.refused, flood.answered, flood.evicted);
}

std::string flood_detail(const HalfOpenFlood& flood, api::WallTime since) {
  const char* phase = to_string(flood.phase);
  if (flood.phase == HalfOpenFlood::Phase::began) return fmt::format(R"({{"phase":"{}"}})", phase);
  const std::string head = fmt::format(R"("phase":"{}","since":"{}")", phase, api::print_time(since));
  if (flood.phase == HalfOpenFlood::Phase::ended) return "{" + head + "}";
  const bool is_one = flood.prefix != 0;
  if (flood.is_one_sided) {
    return fmt::format(R"({{{},"source":{},"port":{},"connections":{}}})", head,
                       is_one ? json_string(network_text(flood)) : "null", is_one ? std::to_string(flood.port) : "null",
                       flood.connections);
  }
  return fmt::format(R"({{{},"source":{},"port":{},"connections":{},"refused":{},"answered":{},"evicted":{}}})", head,
                     is_one ? json_string(network_text(flood)) : "null", is_one ? std::to_string(flood.port) : "null",
                     flood.connections, flood.refused, flood.answered, flood.evicted);
}

std::string opened_text(const api::ConnectionRow& connection) {
  return fmt::format("connection {} opened: {}{}", connection.id, endpoints_text(connection),
                     connection.midstream ? ", picked up midstream" : "");
}

std::string opened_detail(const api::ConnectionRow& connection) {
  return fmt::format(R"({{{},"midstream":{}}})", endpoints_json(connection), connection.midstream);
}

std::string closed_text(const api::ConnectionRow& connection) {
  std::string text =
      fmt::format("connection {} closed: {}, {}", connection.id, endpoints_text(connection), name_of(connection.end));
  if (connection.closed_by == ClosedBy::both) return text + ", both at once";
  if (connection.closed_by != ClosedBy::nobody) text += fmt::format(", {} first", name_of(connection.closed_by));
  return text;
}

std::string closed_detail(const api::ConnectionRow& connection) {
  const std::string by = connection.closed_by == ClosedBy::nobody ? "null" : json_string(name_of(connection.closed_by));
  return fmt::format(R"({{{},"end":"{}","closed_by":{}}})", endpoints_json(connection), name_of(connection.end), by);
}

std::string transition_text(const api::TransitionRow& transition) {
  return fmt::format("connection {}: {} {} -> {}", transition.connection, name_of(transition.side),
                     state_text(transition.from, transition.side, true),
                     state_text(transition.to, transition.side, false));
}

}  // namespace wobble::daemon
