// wobble status: the daemon, and for each link what was asked, what was delivered, and the counters.
#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/conditions_text.h"
#include "daemon/cli/words/table.h"
#include "daemon/cli/words/text.h"
#include "daemon/cli/words/time_text.h"

namespace wobble::daemon {
namespace {

std::string measured(const Json& delivered, const char* key, const char* figure) {
  const auto value = number(field(delivered, key), figure);
  return value ? human_ms(*value) : "-";
}

std::string packets_in_a_row(double mean) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%.3g", mean);
  return text.data();
}

std::string delivered_line(const Json& delivered) {
  if (!delivered.is_object()) return "nothing measured yet";
  std::string out =
      "delay " + measured(delivered, "delay_ms", "median") + " (p99 " + measured(delivered, "delay_ms", "p99") + ")";
  if (number(field(delivered, "lateness_ms"), "median")) {
    out += ", released " + measured(delivered, "lateness_ms", "median") + " late (p99 " +
           measured(delivered, "lateness_ms", "p99") + ")";
  }
  for (const char* name : {"loss", "duplicate", "corrupt", "reorder"}) {
    const auto percent = number(delivered, std::string(name) + "_percent");
    if (percent && (*percent > 0 || std::string_view(name) == "loss")) {
      out += std::string(", ") + name + " " + human_percent(*percent);
    }
    if (const auto burst = number(delivered, "loss_burst_length"); burst && std::string_view(name) == "loss") {
      out += " in bursts of " + packets_in_a_row(*burst);
    }
  }
  const Json& reordering = field(delivered, "reordering");
  if (const auto late = number(reordering, "percent"); late && *late > 0) {
    out += ", out of order " + human_percent(*late) + " by up to " + text(reordering, "extent_max") + " packets";
  }
  if (const auto marked = number(delivered, "marked_percent"); marked && *marked > 0) {
    out += ", marked " + human_percent(*marked);
  }
  const auto in = number(delivered, "rate_in_bps");
  const auto passed = number(delivered, "rate_out_bps");
  if (in && passed) out += ", " + human_rate(*in) + " in, " + human_rate(*passed) + " out";
  return out;
}

std::string drops(const Json& dropped) {
  std::string reasons;
  for (const char* reason : kDropReasons) {
    if (const auto n = count(dropped, reason); n > 0) {
      reasons += (reasons.empty() ? "" : ", ") + std::to_string(n) + " " + reason;
    }
  }
  return std::to_string(count(dropped, "total")) + (reasons.empty() ? "" : " (" + reasons + ")");
}

void counter_row(Table& table, const char* name, const Json& direction) {
  const Json& total = field(direction, "total");
  const Json& flight = field(direction, "in_flight");
  const Json& dropped = field(total, "dropped");
  table.add({{name},
             {std::to_string(count(total, "packets_in"))},
             {human_bytes(count(total, "bytes_in"))},
             {std::to_string(count(total, "packets_out"))},
             {human_bytes(count(total, "bytes_out"))},
             {drops(dropped), count(dropped, "total") > 0 ? Colour::red : Colour::plain},
             {std::to_string(count(total, "duplicated"))},
             {std::to_string(count(total, "corrupted"))},
             {std::to_string(count(total, "reordered"))},
             {std::to_string(count(flight, "packets"))}});
}

/// Nothing if there was none.
std::string damage_line(const Json& stats) {
  const auto up = count(field(field(stats, "up"), "total"), "bad_checksum");
  const auto down = count(field(field(stats, "down"), "total"), "bad_checksum");
  if (up + down == 0) return {};
  return "  came with a wrong checksum: " + std::to_string(up) + " up, " + std::to_string(down) + " down\n";
}

std::string states(const Json& stats) {
  std::string out = std::to_string(count(stats, "connections"));
  const Json& by_state = field(stats, "connections_by_state");
  std::string parts;
  if (by_state.is_object()) {
    for (const auto& [name, n] : by_state.items()) {
      parts += (parts.empty() ? "" : ", ") + text(n) + " " + text(Json(name));
    }
  }
  return out + (parts.empty() ? "" : ": " + parts);
}

std::string side(const Json& link, const char* name) {
  std::string out = std::string(name);
  for (const Json& address : items(field(link, name), "addresses")) out += " " + text(address);
  return out;
}

std::string way_in_line(const Json& way_in, const Paint& paint) {
  const std::string kind = text(way_in, "kind");
  if (kind.empty() || kind == "lab") return {};
  const std::string state = text(way_in, "state");
  std::string out = "  " + kind + " " + paint(state == "up" ? Colour::green : Colour::red, state);
  if (const std::string detail = text(way_in, "detail"); !detail.empty()) out += ": " + detail;
  const Json& packets = field(way_in, "packets");
  if (!packets.is_object()) return out + "\n";
  for (const auto& [name, what] :
       {std::pair("diverted", "diverted"), std::pair("stayed", "of them stayed in the kernel"),
        std::pair("passed", "not meant"), std::pair("silenced", "met no daemon"),
        std::pair("overruns", "not read in time")}) {
    const auto n = count(packets, name);
    const bool is_usual = name == std::string("diverted") || name == std::string("passed");
    if (is_usual || n > 0)
      out += (out.find(';') == std::string::npos ? "; packets " : ", ") + std::to_string(n) + " " + what;
  }
  return out + "\n";
}

std::string link_status(const Json& link, const Json& stats, const Paint& paint) {
  std::string out = "\n" + paint(Colour::bold, "link " + text(link, "name")) + "  " + side(link, "near") + "  " +
                    side(link, "far") + "  seed " + text(link, "seed") + "\n";
  if (const auto at = parse_time(text(link, "reverts_at"))) {
    out += "  what was before comes back in " + human_age(*at - wall_clock()) + "\n";
  }
  out += way_in_line(field(link, "way_in"), paint);
  Table conditions({{""}, {""}, {""}});
  for (const char* direction : {"up", "down"}) {
    std::string asked;
    for (const std::string& word : describe_conditions(field(link, direction))) {
      asked += (asked.empty() ? "" : "; ") + word;
    }
    conditions.add({{std::string("  ") + direction},
                    {"asked"},
                    {asked.empty() ? "no impairment" : asked, asked.empty() ? Colour::plain : Colour::yellow}});
    conditions.add({{""}, {"delivered"}, {delivered_line(field(field(stats, direction), "delivered"))}});
  }
  out += conditions.print(paint);
  const std::size_t in_force = count(field(stats, "scenario"), "step");
  std::size_t number = 0;
  for (const std::string& step : describe_scenario(link)) {
    out += "  step " + step + (++number == in_force ? "  <- in force" : "") + "\n";
  }
  constexpr auto kRight = Table::Align::right;
  Table counters({{"  packets"},
                  {"in", kRight},
                  {"bytes", kRight},
                  {"out", kRight},
                  {"bytes", kRight},
                  {"dropped", kRight},
                  {"duplicated", kRight},
                  {"corrupted", kRight},
                  {"reordered", kRight},
                  {"in flight", kRight}});
  counter_row(counters, "  up", field(stats, "up"));
  counter_row(counters, "  down", field(stats, "down"));
  out += counters.print(paint) + "  connections " + states(stats) + "\n";
  out += damage_line(stats);
  if (const auto lost = count(stats, "events_lost"); lost > 0) {
    out += "  " + paint(Colour::red, std::to_string(lost) + " events could not be logged") + "\n";
  }
  return out;
}

std::string daemon_line(const Client& client, const Json& about, const Json& health, int status, const Paint& paint) {
  std::string out = "wobbled " + text(about, "version") + " at " + client.address().url();
  if (const auto seconds = number(about, "uptime_seconds")) {
    out += ", up " + human_age(static_cast<std::int64_t>(*seconds * 1e9));
  }
  const std::string why = text(health, "detail");
  if (status == 200 && !why.empty()) return out + ", " + paint(Colour::yellow, "healthy, but " + why) + "\n";
  if (status == 200) return out + ", " + paint(Colour::green, "healthy") + "\n";
  return out + ", " + paint(Colour::red, "not healthy" + (why.empty() ? "" : ": " + why)) + "\n";
}

int status(const Context& context) {
  Client client(context.url);
  const Json about = client.get("/api/v1");
  int health_status = 0;
  const Json health = client.get_whatever_status("/healthz", health_status);
  const Json links = client.get("/api/v1/links");
  std::string out = daemon_line(client, about, health, health_status, context.paint);
  Json document = {{"daemon", about}, {"health", health}, {"links", Json::array()}};
  for (const Json& link : items(links)) {
    const Json& name = field(link, "name");
    const std::string path = url_encode(name.is_string() ? name.get<std::string>() : "");
    Json stats = client.get("/api/v1/links/" + path + "/stats");
    out += link_status(link, stats, context.paint);
    Json with_stats = link;
    with_stats["stats"] = std::move(stats);
    document["links"].push_back(std::move(with_stats));
  }
  if (context.json) {
    say_json(document);
  } else {
    say(out);
  }
  return health_status == 200 ? kExitOk : kExitRefused;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("status", "The daemon, its links, what was asked and what was delivered");
  command->callback([&context] { context.run = [&context] { return status(context); }; });
}

}  // namespace wobble::daemon
