#include "daemon/journal/event_text.h"

#include <fmt/core.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "api/rows/connection_json.h"
#include "daemon/journal/log_file.h"
#include "daemon/journal/names.h"

namespace wobble::daemon {

namespace {

using Detail = nlohmann::ordered_json;

std::string as_text(const Detail& detail) { return detail.dump(-1, ' ', false, Detail::error_handler_t::replace); }

std::string endpoint_text(const Endpoint& endpoint) {
  std::string address = endpoint.address.to_string();
  if (endpoint.port == 0) return address;
  return (endpoint.address.is_v4() ? address : "[" + address + "]") + ":" + std::to_string(endpoint.port);
}

std::string endpoints_text(const api::ConnectionRow& connection) {
  return fmt::format("{} {} -> {}", api::print_protocol(connection.protocol), endpoint_text(connection.client.endpoint),
                     endpoint_text(connection.server.endpoint));
}

// By hand, as the details of a connection's events: they are made for each row that is read.
std::string endpoints_json(const api::ConnectionRow& connection) {
  const auto side = [](const Endpoint& endpoint) {
    return fmt::format(R"({{"address":"{}","port":{}}})", endpoint.address.to_string(), endpoint.port);
  };
  return fmt::format(R"("protocol":"{}","client":{},"server":{})", api::print_protocol(connection.protocol),
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

std::string counted_text(const HalfOpenFlood& flood) {
  if (flood.prefix == 0) return "from other sources, to other ports";
  return fmt::format("from {} to port {}", network_text(flood), flood.port);
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
  return fmt::format("flood without connections: {} flows {} began in {:.1f} s and were counted only",
                     flood.connections, counted_text(flood), seconds);
}

/// An endpoint nobody has heard of: no client, but perhaps a server that listens.
std::string_view state_text(TcpState state, Role side, bool is_from) {
  if (state != TcpState::none) return name_of(state);
  return side == Role::server && is_from ? "LISTEN" : "CLOSED";
}

}  // namespace

std::string started_text(const std::string& version, const std::optional<KilledSession>& killed) {
  std::string text = fmt::format("wobbled {} started", version);
  if (!killed) return text;
  text += fmt::format("; the one before (pid {}) ended without stopping: its log is complete until {}, ", killed->pid,
                      api::print_time(killed->complete_until));
  if (killed->waiting > 0) text += fmt::format("{} events were waiting to be written, ", killed->waiting);
  return text + fmt::format("up to a quarter of a second after that may be missing; {} connections were open",
                            killed->open_connections);
}

std::string started_detail(const std::string& version, const std::optional<KilledSession>& killed) {
  Detail before;
  if (killed) {
    before = {{"pid", killed->pid},
              {"started_at", api::print_time(killed->started_at)},
              {"last_written_at", api::print_time(killed->last_written_at)},
              {"complete_until", api::print_time(killed->complete_until)},
              {"waiting", killed->waiting},
              {"open_connections", killed->open_connections}};
  }
  return as_text({{"pid", getpid()}, {"version", version}, {"killed_before", before}});
}

std::string change_detail(std::uint64_t revision, const std::string& source, const std::string& conditions) {
  // The conditions are put in as they are: they may have megabytes.
  return fmt::format(R"({{"revision":{},"source":{},"conditions":{}}})", revision, as_text(source),
                     conditions.empty() ? "null" : conditions);
}

std::string renewal_text(const std::string& what, const LogRenewal& renewal) {
  std::string text = "the log's file " + what;
  if (renewal.is_new) text += "; a new one was begun at the same path";
  if (!renewal.is_new) text += "; it was opened again, and what had been written was copied into it";
  if (!renewal.aside.empty()) text += "; the old one is " + renewal.aside;
  if (renewal.lost_connections + renewal.lost_events + renewal.lost_transitions > 0) {
    text += fmt::format("; {} connections, {} events and {} transitions that had been written are not in it",
                        renewal.lost_connections, renewal.lost_events, renewal.lost_transitions);
  }
  return text;
}

std::string renewal_detail(const std::string& what, const LogRenewal& renewal) {
  return as_text({{"reason", what},
                  {"is_new", renewal.is_new},
                  {"connections", renewal.lost_connections},
                  {"events", renewal.lost_events},
                  {"transitions", renewal.lost_transitions},
                  {"aside", renewal.aside.empty() ? Detail() : Detail(renewal.aside)}});
}

std::string held_up_detail(std::int64_t wal_bytes, bool is_over) {
  return as_text({{"wal_bytes", wal_bytes}, {"is_over", is_over}});
}

std::string loss_text(const EventsLost& lost) {
  const std::string text = fmt::format(
      "the log has a gap here: {} transitions and {} segments could not be written "
      "in time",
      lost.transitions, lost.segments);
  return lost.connections == 0 ? text : text + fmt::format("; {} connections are not in it", lost.connections);
}

std::string loss_detail(const EventsLost& lost) {
  return as_text({{"transitions", lost.transitions}, {"segments", lost.segments}, {"connections", lost.connections}});
}

std::string unknown_ends_text(std::int64_t connections) {
  return fmt::format("{} connections have ended in a gap of the log: how is unknown", connections);
}

std::string unknown_ends_detail(std::int64_t connections) { return as_text({{"ends_unknown", connections}}); }

std::string interruption_text(api::WallTime since, api::WallTime until, const std::string& why) {
  return fmt::format("the log could not be written from {} to {}: {}", api::print_time(since), api::print_time(until),
                     why);
}

std::string interruption_detail(api::WallTime since, const std::string& why) {
  return as_text({{"since", api::print_time(since)}, {"reason", why}});
}

std::string exhausted_text(std::uint64_t limit) {
  if (limit == 0) return "there is no memory for the scenario's next step: what is in force goes on until there is";
  return fmt::format("packets in flight have reached the bound of {} MB: what has no room is dropped (memory)",
                     limit / 1'000'000);
}

std::string exhausted_detail(std::uint64_t limit) { return as_text({{"limit", limit}}); }

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
  return as_text({{"by_ms", milliseconds(step.by)}, {"slept_ms", milliseconds(step.slept)}});
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
  return fmt::format("SYN flood: {} handshakes {} came to nothing in {:.1f} s ({} refused, {} answered, {} evicted)",
                     flood.connections, counted_text(flood), seconds, flood.refused, flood.answered, flood.evicted);
}

std::string flood_detail(const HalfOpenFlood& flood, api::WallTime since) {
  Detail detail = {{"phase", to_string(flood.phase)}};
  if (flood.phase == HalfOpenFlood::Phase::began) return as_text(detail);
  detail["since"] = api::print_time(since);
  if (flood.phase == HalfOpenFlood::Phase::ended) return as_text(detail);
  const bool is_one = flood.prefix != 0;
  detail["source"] = is_one ? Detail(network_text(flood)) : Detail();
  detail["port"] = is_one ? Detail(flood.port) : Detail();
  detail["connections"] = flood.connections;
  if (!flood.is_one_sided) {
    detail["refused"] = flood.refused;
    detail["answered"] = flood.answered;
    detail["evicted"] = flood.evicted;
  }
  return as_text(detail);
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
  const std::string by =
      connection.closed_by == ClosedBy::nobody ? "null" : fmt::format("\"{}\"", name_of(connection.closed_by));
  return fmt::format(R"({{{},"end":"{}","closed_by":{}}})", endpoints_json(connection), name_of(connection.end), by);
}

std::string transition_text(const api::TransitionRow& transition) {
  return fmt::format("connection {}: {} {} -> {}", transition.connection, name_of(transition.side),
                     state_text(transition.from, transition.side, true),
                     state_text(transition.to, transition.side, false));
}

}  // namespace wobble::daemon
