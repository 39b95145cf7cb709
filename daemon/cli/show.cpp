// wobble show: one connection, its figures and its ladder.
#include <CLI/CLI.hpp>

#include "daemon/cli/command.h"
#include "daemon/cli/event_text.h"
#include "daemon/cli/ladder.h"
#include "daemon/cli/table.h"
#include "daemon/cli/text.h"

namespace wobble::daemon {
namespace {

struct ShowOptions {
  std::uint64_t id = 0;
  bool absolute = false;
  bool ascii = false;
  std::size_t width = 0;  ///< 0: the terminal's
};

LadderSegment ladder_segment(const Json& json) {
  LadderSegment out;
  out.from_client = text(json, "from") != "server";
  out.sent_at = parse_time(text(json, "sent_at")).value_or(0);
  out.delivered_at = parse_time(text(json, "delivered_at"));
  out.flags = text(json, "flags");
  out.seq = static_cast<std::uint32_t>(count(json, "seq"));
  out.ack = static_cast<std::uint32_t>(count(json, "ack"));
  out.length = count(json, "length");
  out.fate = text(json, "fate");
  out.reason = text(json, "reason");
  out.copy = count(json, "copy");
  out.retransmission = is_true(json, "retransmission");
  return out;
}

Ladder ladder_of(const Json& connection, const Json& transitions, const Json& segments) {
  Ladder ladder;
  ladder.opened_at = parse_time(text(connection, "opened_at")).value_or(0);
  for (const Json& json : items(segments)) ladder.segments.push_back(ladder_segment(json));
  for (const Json& json : items(transitions)) {
    LadderTransition out;
    out.of_client = text(json, "side") != "server";
    out.at = parse_time(text(json, "at")).value_or(0);
    out.from = text(json, "from");
    out.to = text(json, "to");
    out.evidence = text(json, "evidence");
    if (const Json& segment = field(json, "segment"); segment.is_object()) out.segment = ladder_segment(segment);
    ladder.transitions.push_back(std::move(out));
  }
  return ladder;
}

std::string title(const Json& connection, const Paint& paint) {
  const auto opened = parse_time(text(connection, "opened_at"));
  const auto closed = parse_time(text(connection, "closed_at"));
  std::string out = paint(Colour::bold, "connection " + text(connection, "id")) + " on " + text(connection, "link") +
                    ", " + text(connection, "protocol") + ", " + text(connection, "end");
  if (const std::string by = text(connection, "closed_by"); !by.empty()) out += ", closed by " + by;
  if (is_true(connection, "midstream")) out += ", picked up midstream";
  if (opened) {
    out += ", " + std::string(closed ? "lived " : "for ") + human_age(closed.value_or(wall_clock()) - *opened) +
           " from " + human_time(*opened, wall_clock());
  }
  return out + "\n";
}

std::string figures(const Json& connection, const Paint& paint) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"  endpoint"},
               {"address"},
               {"state"},
               {"sent", kRight},
               {"payload", kRight},
               {"delivered", kRight},
               {"retrans", kRight},
               {"by us", kRight},
               {"dropped", kRight}});
  for (const char* name : {"client", "server"}) {
    const Json& endpoint = field(connection, name);
    const auto dropped = count(endpoint, "dropped");
    table.add({{std::string("  ") + name},
               {endpoint_text(endpoint) + " (" + text(endpoint, "side") + ")"},
               {text(endpoint, "state"), state_colour(text(endpoint, "state"))},
               {std::to_string(count(endpoint, "packets_sent"))},
               {human_bytes(count(endpoint, "payload_bytes"))},
               {std::to_string(count(endpoint, "packets_delivered"))},
               {std::to_string(count(endpoint, "retransmissions"))},
               {std::to_string(count(endpoint, "retransmissions_by_us"))},
               {std::to_string(dropped), dropped > 0 ? Colour::red : Colour::plain}});
  }
  std::string out = table.print(paint);
  const Json& handshake = field(connection, "handshake");
  if (const auto rtt = number(handshake, "initial_rtt_ms")) {
    out += "  handshake " + human_ms(*rtt);
    const auto client = number(handshake, "rtt_client_ms");
    const auto server = number(handshake, "rtt_server_ms");
    if (client && server) out += " (client's side " + human_ms(*client) + ", server's " + human_ms(*server) + ")";
    out += "\n";
  }
  return out;
}

int show(const Context& context, const ShowOptions& options) {
  Client client(context.url);
  const std::string path = "/api/v1/connections/" + std::to_string(options.id);
  Json connection = client.get(path);
  const Json transitions = client.get_all(path + "/transitions");
  const Json segments = client.get_all(path + "/segments");
  if (context.json) {
    connection["transitions"] = items(transitions);
    connection["segments"] = items(segments);
    say_json(connection);
    return kExitOk;
  }
  LadderStyle style;
  style.width = options.width > 0 ? options.width : terminal_width(kLeastLadderWidth, kMostLadderWidth, 100);
  style.ascii = options.ascii || !is_utf8_locale();
  style.absolute = options.absolute;
  style.paint = context.paint;
  const Ladder ladder = ladder_of(connection, transitions, segments);
  std::string out = title(connection, context.paint) + figures(connection, context.paint) + "\n";
  const bool empty = ladder.segments.empty() && ladder.transitions.empty();
  say(out + (empty ? "nothing is logged of its segments\n" : draw_ladder(ladder, style)));
  return kExitOk;
}

}  // namespace

void add_show(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("show", "One connection: its figures and its ladder");
  auto options = std::make_shared<ShowOptions>();
  command->add_option("ID", options->id, "The connection's id, as 'wobble connections' lists it")->required();
  command->add_flag("--absolute", options->absolute, "Sequence numbers as on the wire");
  command->add_flag("--ascii", options->ascii, "Plain ASCII only");
  command->add_option("--width", options->width, "Columns, if not the terminal's")
      ->check(CLI::Range(kLeastLadderWidth, kMostLadderWidth));
  command->callback([&context, options] { context.run = [&context, options] { return show(context, *options); }; });
}

}  // namespace wobble::daemon
