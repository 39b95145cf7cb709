// wobble connections: who speaks with whom, both endpoints' states, and what we did to them.
#include "daemon/cli/commands/connections.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "api/rows/connection_json.h"
#include "daemon/cli/commands/log.h"
#include "daemon/cli/words/event_text.h"
#include "daemon/cli/words/table.h"
#include "daemon/cli/words/text.h"
#include "daemon/cli/words/time_text.h"

namespace wobble::daemon {
namespace {

std::string with_ours(std::uint64_t all, std::uint64_t ours) {
  return std::to_string(all) + (ours > 0 ? " (" + std::to_string(ours) + " by us)" : "");
}

std::string age(const ConnectionLine& line, std::int64_t now) {
  return line.opened_at ? human_age(line.closed_at.value_or(now) - *line.opened_at) : "-";
}

std::string ending(const ConnectionLine& line) {
  return line.end + (line.closed_by.empty() ? "" : " by " + line.closed_by);
}

Colour ending_colour(const std::string& end) {
  return end == "open" || end == "orderly" || end == "orderly_reset" ? Colour::plain : Colour::red;
}

std::vector<Table::Cell> cells_of(const ConnectionLine& line, std::int64_t now) {
  return {{line.id},
          {line.client.endpoint},
          {line.client.state, state_colour(line.client.state)},
          {"|", Colour::dim},
          {line.server.endpoint},
          {line.server.state, state_colour(line.server.state)},
          {age(line, now)},
          {line.initial_rtt_ms ? human_ms(*line.initial_rtt_ms) : "-"},
          {with_ours(line.retransmissions, line.retransmissions_by_us)},
          {std::to_string(line.dropped), line.dropped > 0 ? Colour::red : Colour::plain},
          {ending(line), ending_colour(line.end)}};
}

int connections(const Context& context, ConnectionFilter& filter) {
  filter.state = state_word(filter.state);
  if (filter.follow) return follow_connections(context, filter);
  const std::int64_t now = wall_clock();
  const std::string path = connections_path(filter, now);
  Client client(context.url);
  const Json answer = client.get(path);
  if (context.json) {
    say_json(answer);
    return kExitOk;
  }
  say(items(answer).empty() ? "no connections\n" : connections_table(answer, now, context.paint));
  if (!text(answer, "next").empty()) say("there are more: give --limit, or a filter\n");
  return kExitOk;
}

}  // namespace

std::string connections_path(const ConnectionFilter& filter, std::int64_t now) {
  return list_path("/api/v1/connections", filter, now);
}

std::string list_path(const std::string& list, const ConnectionFilter& filter, std::int64_t now) {
  std::string since;
  if (!filter.since.empty()) {
    const auto span = parse_span(filter.since);
    const auto moment = parse_time(filter.since);
    if (!span && !moment) {
      throw Failure(kExitUsage, "--since " + clean(filter.since) + ": write a span (10m) or a time (" +
                                    print_time(now).substr(0, 19) + "Z)");
    }
    since = span ? std::to_string(*span / 1'000'000) + "ms" : print_time(*moment);
  }
  std::string path = list + "?limit=" + std::to_string(filter.limit);
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) path += std::string("&") + name + "=" + url_encode(value);
  };
  add("link", filter.link);
  add("state", filter.state);
  add("port", filter.port ? std::to_string(*filter.port) : "");
  add("end", filter.end);
  add("closed_by", filter.closed_by);
  add("since", since);
  return path;
}

ConnectionLine connection_line(const Json& connection) {
  const Json& client = field(connection, "client");
  const Json& server = field(connection, "server");
  const std::string protocol = text(connection, "protocol");
  const auto end = [&](const Json& endpoint) {
    return ConnectionLine::End{endpoint_text(endpoint), protocol == "tcp" ? text(endpoint, "state") : protocol};
  };
  const auto both = [&](const char* key) { return count(client, key) + count(server, key); };
  return {text(connection, "id"),
          end(client),
          end(server),
          parse_time(text(connection, "opened_at")),
          parse_time(text(connection, "closed_at")),
          number(field(connection, "handshake"), "initial_rtt_ms"),
          both("retransmissions"),
          both("retransmissions_by_us"),
          both("dropped"),
          text(connection, "end"),
          text(connection, "closed_by")};
}

ConnectionLine connection_line(const api::ConnectionRow& connection) {
  const EndpointFigures &client = connection.client.figures, &server = connection.server.figures;
  const auto end = [&](const api::EndpointRow& row) {
    const TcpState state = row.state == TcpState::none ? TcpState::closed : row.state;
    return ConnectionLine::End{
        endpoint_text(row.endpoint.address.to_string(), row.endpoint.port),
        connection.protocol == kTcp ? to_string(state) : api::print_protocol(connection.protocol)};
  };
  ConnectionLine line{std::to_string(connection.id),
                      end(connection.client),
                      end(connection.server),
                      connection.opened_at,
                      connection.closed_at,
                      {},
                      std::uint64_t{client.retransmissions} + server.retransmissions,
                      std::uint64_t{client.retransmissions_by_us} + server.retransmissions_by_us,
                      std::uint64_t{client.dropped} + server.dropped,
                      to_string(connection.end),
                      to_string(connection.closed_by)};
  const Duration rtt = connection.initial_rtt;
  if (rtt != Duration{0}) line.initial_rtt_ms = static_cast<double>(rtt.count()) / 1e6;
  return line;
}

std::string connections_table(const Json& list, std::int64_t now, const Paint& paint) {
  std::vector<ConnectionLine> lines;
  for (const Json& connection : items(list)) lines.push_back(connection_line(connection));
  return connections_table(lines, now, paint);
}

std::string connections_table(const std::vector<ConnectionLine>& lines, std::int64_t now, const Paint& paint) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"id", kRight},
               {"client"},
               {"state"},
               {"|"},
               {"server"},
               {"state"},
               {"age", kRight},
               {"rtt", kRight},
               {"retrans", kRight},
               {"dropped", kRight},
               {"end"}});
  for (const ConnectionLine& line : lines) table.add(cells_of(line, now));
  return table.print(paint);
}

void add_connections(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("connections", "Connections, newest first, with both endpoints' states");
  auto filter = std::make_shared<ConnectionFilter>();
  command->add_option("--link", filter->link, "Only of this link");
  command->add_option("--state", filter->state, "Only with an endpoint in this state: ESTABLISHED, fin-wait-1, ...");
  command->add_option("--port", filter->port, "Only with an endpoint at this port");
  command->add_option("--end", filter->end,
                      "Only those that ended so: open, orderly, reset, refused, syn_timeout, ...");
  command->add_option("--closed-by", filter->closed_by, "Only those closed by: client, server, both");
  command->add_option("--since", filter->since, "Only those opened since: 10m (ago) or a time in RFC 3339");
  command->add_option("--limit", filter->limit, "At most so many")->check(CLI::Range(1, 1000))->capture_default_str();
  command->add_flag("-f,--follow", filter->follow, "One line for each transition as it happens");
  command->add_option("--count", filter->count, "With --follow: end after so many lines");
  command->callback([&context, filter] { context.run = [&context, filter] { return connections(context, *filter); }; });
}

}  // namespace wobble::daemon
