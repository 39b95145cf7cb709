// wobble connections: who speaks with whom, both endpoints' states, and what we did to them.
#include "daemon/cli/connections.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "daemon/cli/event_text.h"
#include "daemon/cli/log.h"
#include "daemon/cli/table.h"
#include "daemon/cli/text.h"

namespace wobble::daemon {
namespace {

std::string with_ours(std::uint64_t all, std::uint64_t ours) {
  return std::to_string(all) + (ours > 0 ? " (" + std::to_string(ours) + " by us)" : "");
}

std::string age(const Json& connection, std::int64_t now) {
  const auto opened = parse_time(text(connection, "opened_at"));
  if (!opened) return "-";
  const auto closed = parse_time(text(connection, "closed_at"));
  return human_age(closed.value_or(now) - *opened);
}

std::string ending(const Json& connection) {
  const std::string end = text(connection, "end");
  const std::string by = text(connection, "closed_by");
  return end + (by.empty() ? "" : " by " + by);
}

Colour ending_colour(const std::string& end) {
  return end == "open" || end == "orderly" || end == "orderly_reset" ? Colour::plain : Colour::red;
}

std::vector<Table::Cell> connection_row(const Json& connection, std::int64_t now) {
  const Json& client = field(connection, "client");
  const Json& server = field(connection, "server");
  const std::string protocol = text(connection, "protocol");
  const auto state = [&](const Json& endpoint) { return protocol == "tcp" ? text(endpoint, "state") : protocol; };
  const auto both = [&](const char* key) { return count(client, key) + count(server, key); };
  const auto rtt = number(field(connection, "handshake"), "initial_rtt_ms");
  const auto dropped = both("dropped");
  return {{text(connection, "id")},
          {endpoint_text(client)},
          {state(client), state_colour(state(client))},
          {"|", Colour::dim},
          {endpoint_text(server)},
          {state(server), state_colour(state(server))},
          {age(connection, now)},
          {rtt ? human_ms(*rtt) : "-"},
          {with_ours(both("retransmissions"), both("retransmissions_by_us"))},
          {std::to_string(dropped), dropped > 0 ? Colour::red : Colour::plain},
          {ending(connection), ending_colour(text(connection, "end"))}};
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
                                    format_time(now).substr(0, 19) + "Z)");
    }
    since = span ? std::to_string(*span / 1'000'000) + "ms" : format_time(*moment);
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

std::string connections_table(const Json& connections, std::int64_t now, const Paint& paint) {
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
  for (const Json& connection : items(connections)) table.add(connection_row(connection, now));
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
