// wobble show: one connection, its figures and its ladder.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/conditions_text.h"
#include "daemon/cli/words/event_text.h"
#include "daemon/cli/words/ladder.h"
#include "daemon/cli/words/table.h"
#include "daemon/cli/words/text.h"
#include "daemon/cli/words/time_text.h"

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
  for (const char* side : {"client", "server"}) {
    const Json& figures = field(connection, side);
    const std::uint64_t landed = count(figures, "packets_delivered") + count(figures, "dropped");
    ladder.all_segments += landed - std::min(landed, count(figures, "duplicated"));
  }
  for (const Json& json : items(transitions)) {
    LadderTransition out;
    out.of_client = text(json, "side") != "server";
    out.at = parse_time(text(json, "at")).value_or(0);
    out.from = text(json, "from");
    out.to = text(json, "to");
    out.evidence = text(json, "evidence");
    out.rule = text(json, "rule");
    out.sentence = text(json, "sentence");
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

std::string direction_words(const Json& conditions) {
  std::string out;
  for (const std::string& word : describe_conditions(conditions)) out += (out.empty() ? "" : "; ") + word;
  return out.empty() ? "no impairment" : out;
}

/// "up delay 80ms, down no impairment", and a line for each step of a scenario.
std::string conditions_words(const Json& asked) {
  const std::string up = direction_words(field(asked, "up")), down = direction_words(field(asked, "down"));
  std::string out = up != down ? "up " + up + " | down " + down : up == "no impairment" ? up : "both " + up;
  for (const std::string& step : describe_scenario(asked)) out += "\n            step " + step;
  return out;
}

/// What was in force while it lived; of later changes the moment, counted from its beginning.
std::string conditions_in_force(const Json& connection) {
  constexpr std::size_t kMost = 10;
  const Json& all = field(connection, "conditions");
  const auto opened = parse_time(text(connection, "opened_at"));
  if (!all.is_array() || !opened) return "";
  std::string out;
  for (std::size_t i = 0; i < std::min(all.size(), kMost); ++i) {
    const std::int64_t after = parse_time(text(all[i], "at")).value_or(*opened) - *opened;
    const std::string since = i > 0 && after > 0 ? "after " + human_age(after) + ": " : "";
    out += (i == 0 ? "  asked     " : "            ") + since + conditions_words(all[i]) + "\n";
  }
  if (all.size() > kMost)
    out += "            and " + std::to_string(all.size() - kMost) + " changes more: see --json\n";
  return out;
}

std::string figures(const Json& connection, const Paint& paint) {
  const bool is_tcp = text(connection, "protocol") == "tcp";
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
               {is_tcp ? text(endpoint, "state") : "-", state_colour(text(endpoint, "state"))},
               {std::to_string(count(endpoint, "packets_sent"))},
               {human_bytes(count(endpoint, "payload_bytes"))},
               {std::to_string(count(endpoint, "packets_delivered"))},
               {is_tcp ? std::to_string(count(endpoint, "retransmissions")) : "-"},
               {is_tcp ? std::to_string(count(endpoint, "retransmissions_by_us")) : "-"},
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
  return out + conditions_in_force(connection);
}

/// What the transition table says of each change: a line for each.
std::string why_states_changed(const Ladder& ladder, const Paint& paint) {
  if (ladder.transitions.empty()) return "";
  Table table({{"  after", Table::Align::right}, {"side"}, {"from"}, {"to"}, {"because"}, {"rule"}});
  for (const LadderTransition& t : ladder.transitions) {
    table.add({{human_ms(static_cast<double>(t.at - ladder.opened_at) / 1e6)},
               {t.of_client ? "client" : "server"},
               {t.from},
               {t.to, state_colour(t.to)},
               {t.sentence},
               {t.rule, Colour::dim}});
  }
  return "\n" + table.print(paint);
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
  say(out + (empty ? (text(connection, "protocol") == "tcp" ? "nothing is logged of its segments\n"
                                                            : "only segments of TCP are logged\n")
                   : draw_ladder(ladder, style) + why_states_changed(ladder, context.paint)));
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
