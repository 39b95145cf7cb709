// wobble flows: what is not TCP, by endpoints, with what we lost of it each way.
#include <CLI/CLI.hpp>

#include "daemon/cli/commands/connections.h"
#include "daemon/cli/words/event_text.h"
#include "daemon/cli/words/table.h"
#include "daemon/cli/words/text.h"
#include "daemon/cli/words/time_text.h"

namespace wobble::daemon {
namespace {

struct FlowsOptions {
  ConnectionFilter filter;
  std::string protocol;
};

std::string age_of(const Json& flow, const char* moment, std::int64_t now) {
  const auto at = parse_time(text(flow, moment));
  return at ? human_age(now - *at) : "-";
}

std::vector<Table::Cell> flow_row(const Json& flow, std::int64_t now) {
  std::vector<Table::Cell> cells = {{text(flow, "id")}, {text(flow, "protocol")}};
  for (const char* side : {"client", "server"}) {
    const Json& endpoint = field(flow, side);
    const auto dropped = count(endpoint, "dropped");
    cells.push_back({endpoint_text(endpoint)});
    cells.push_back({std::to_string(count(endpoint, "packets_sent"))});
    cells.push_back({human_bytes(count(endpoint, "bytes_sent"))});
    cells.push_back({std::to_string(dropped), dropped > 0 ? Colour::red : Colour::plain});
  }
  cells.push_back({age_of(flow, "first_packet_at", now)});
  cells.push_back({age_of(flow, "last_packet_at", now)});
  return cells;
}

std::string flows_table(const Json& flows, std::int64_t now, const Paint& paint) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"id", kRight},
               {"protocol"},
               {"client"},
               {"packets", kRight},
               {"bytes", kRight},
               {"dropped", kRight},
               {"server"},
               {"packets", kRight},
               {"bytes", kRight},
               {"dropped", kRight},
               {"first", kRight},
               {"last", kRight}});
  for (const Json& flow : items(flows)) table.add(flow_row(flow, now));
  return table.print(paint);
}

int flows(const Context& context, const FlowsOptions& options) {
  const std::int64_t now = wall_clock();
  std::string path = list_path("/api/v1/flows", options.filter, now);
  if (!options.protocol.empty()) path += "&protocol=" + url_encode(options.protocol);
  Client client(context.url);
  const Json answer = client.get(path);
  if (context.json) {
    say_json(answer);
    return kExitOk;
  }
  say(items(answer).empty() ? "no flows\n" : flows_table(answer, now, context.paint));
  if (!text(answer, "next").empty()) say("there are more: give --limit, or a filter\n");
  return kExitOk;
}

}  // namespace

void add_flows(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("flows", "UDP, ICMP and what else is not TCP, newest first");
  auto options = std::make_shared<FlowsOptions>();
  command->add_option("--link", options->filter.link, "Only of this link");
  command->add_option("--port", options->filter.port, "Only with an endpoint at this port");
  command->add_option("--protocol", options->protocol, "Only this: udp, icmp, icmpv6 or a number");
  command->add_option("--since", options->filter.since, "Only those that began since: 10m (ago) or a time in RFC 3339");
  command->add_option("--limit", options->filter.limit, "At most so many")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->callback([&context, options] { context.run = [&context, options] { return flows(context, *options); }; });
}

}  // namespace wobble::daemon
