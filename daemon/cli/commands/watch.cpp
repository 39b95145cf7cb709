// wobble watch: what passes, each second.
#include <CLI/CLI.hpp>
#include <chrono>
#include <thread>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/table.h"
#include "daemon/cli/words/text.h"
#include "daemon/cli/words/time_text.h"

namespace wobble::daemon {
namespace {

struct WatchOptions {
  std::string link;
  std::uint64_t count = 0;  ///< 0: until interrupted
  double interval = 1;      ///< seconds
};

struct Sample {
  std::string link;
  Json stats;
};

std::vector<Sample> take(Client& client, const WatchOptions& options) {
  const auto names = options.link.empty() ? link_names(client) : std::vector<std::string>{options.link};
  std::vector<Sample> samples;
  for (const std::string& name : names) {
    samples.push_back({clean(name), client.get("/api/v1/links/" + url_encode(name) + "/stats")});
  }
  return samples;
}

std::string rate(const Json& delivered, const char* key) {
  const auto value = number(delivered, key);
  return value ? human_rate(*value) : "-";
}

std::string measured_delay(const Json& delivered) {
  const auto median = number(field(delivered, "delay_ms"), "median");
  return median ? human_ms(*median) : "-";
}

std::string measured_loss(const Json& delivered) {
  const auto percent = number(delivered, "loss_percent");
  return percent ? human_percent(*percent) : "-";
}

std::string as_screen(const std::vector<Sample>& samples, const Client& client, const Paint& paint) {
  constexpr auto kRight = Table::Align::right;
  Table table({{"link"},
               {""},
               {"in", kRight},
               {"out", kRight},
               {"loss", kRight},
               {"delay", kRight},
               {"p99", kRight},
               {"in flight", kRight},
               {"dropped", kRight},
               {"connections", kRight}});
  for (const Sample& sample : samples) {
    for (const char* name : {"up", "down"}) {
      const Json& direction = field(sample.stats, name);
      const Json& delivered = field(direction, "delivered");
      const auto p99 = number(field(delivered, "delay_ms"), "p99");
      const auto dropped = count(field(field(direction, "total"), "dropped"), "total");
      const bool first = std::string_view(name) == "up";
      table.add({{first ? sample.link : "", Colour::bold},
                 {name},
                 {rate(delivered, "rate_in_bps")},
                 {rate(delivered, "rate_out_bps")},
                 {measured_loss(delivered)},
                 {measured_delay(delivered)},
                 {p99 ? human_ms(*p99) : "-"},
                 {std::to_string(count(field(direction, "in_flight"), "packets"))},
                 {std::to_string(dropped), dropped > 0 ? Colour::red : Colour::plain},
                 {first ? std::to_string(count(sample.stats, "connections")) : ""}});
    }
  }
  const std::int64_t now = wall_clock();
  return "wobble watch " + client.address().url() + "  " + human_time(now, now).substr(0, 8) + "  (Ctrl-C ends)\n\n" +
         table.print(paint);
}

std::string as_line(const Sample& sample) {
  const std::int64_t now = wall_clock();
  std::string out = human_time(now, now) + "  " + sample.link;
  for (const char* name : {"up", "down"}) {
    const Json& direction = field(sample.stats, name);
    const Json& delivered = field(direction, "delivered");
    out += std::string("  ") + name + " " + rate(delivered, "rate_in_bps") + " in " + rate(delivered, "rate_out_bps") +
           " out, loss " + measured_loss(delivered) + ", delay " + measured_delay(delivered) + ", " +
           std::to_string(count(field(direction, "in_flight"), "packets")) + " in flight";
  }
  return out + "  connections " + std::to_string(count(sample.stats, "connections")) + "\n";
}

void show(const Context& context, const Client& client, const std::vector<Sample>& samples) {
  if (context.json) {
    for (const Sample& sample : samples) say_json_line(sample.stats);
    return;
  }
  if (!is_terminal()) {
    for (const Sample& sample : samples) say(as_line(sample));
    return;
  }
  // Home, each line cleared behind its text, then what is below: a redraw without flicker.
  std::string screen = "\033[H";
  for (const char c : as_screen(samples, client, context.paint)) {
    if (c == '\n') screen += "\033[K";
    screen += c;
  }
  say(screen + "\033[J");
}

int watch(const Context& context, const WatchOptions& options) {
  Client client(context.url);
  if (!context.json && is_terminal()) say("\033[2J");
  const auto step =
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(options.interval));
  auto next = std::chrono::steady_clock::now();
  for (std::uint64_t shown = 0; options.count == 0 || shown < options.count; ++shown) {
    if (shown > 0) std::this_thread::sleep_until(next);
    show(context, client, take(client, options));
    next = std::max(next + step, std::chrono::steady_clock::now());
  }
  return kExitOk;
}

}  // namespace

void add_watch(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("watch", "Rates, loss, delay and what is in flight, each second");
  auto options = std::make_shared<WatchOptions>();
  command->add_option("LINK", options->link, "The link; all without it");
  command->add_option("--count", options->count, "End after so many times");
  command->add_option("--interval", options->interval, "Seconds between two")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command->callback([&context, options] { context.run = [&context, options] { return watch(context, *options); }; });
}

}  // namespace wobble::daemon
