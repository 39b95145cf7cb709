// wobble events: everything worth telling, as it was, or as it happens.
#include "daemon/cli/command.h"
#include "daemon/cli/event_text.h"
#include "daemon/cli/text.h"

namespace wobble::daemon {
namespace {

struct Options {
  bool follow = false;
  std::optional<std::uint64_t> since;
  std::string link;
  std::string kind;
  std::uint32_t limit = 1000;
  std::uint64_t count = 0;  ///< 0: no end
};

std::string path(const Options& options) {
  std::string out = "/api/v1/events";
  char joint = '?';
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    out += joint + std::string(name) + "=" + url_encode(value);
    joint = '&';
  };
  add("link", options.link);
  add("kind", options.kind);
  if (!options.follow) {
    add("limit", std::to_string(options.limit));
    if (options.since) add("since", std::to_string(*options.since));
  }
  return out;
}

int list(const Context& context, const Options& options) {
  Client client(context.url);
  const Json answer = client.get(path(options));
  if (context.json) {
    say_json(answer);
    return kExitOk;
  }
  std::string out;
  const std::int64_t now = wall_clock();
  for (const Json& event : items(answer)) out += event_line(event, now, context.paint) + "\n";
  say(out.empty() ? "no events\n" : out);
  return kExitOk;
}

int follow(const Context& context, const Options& options) {
  Client client(context.url);
  std::uint64_t seen = 0;
  client.follow(path(options), options.since, [&](const Json& event) {
    if (context.json) {
      say_json_line(event);
    } else {
      say(event_line(event, wall_clock(), context.paint) + "\n");
    }
    return ++seen != options.count;
  });
  return kExitOk;
}

}  // namespace

void add_events(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("events", "The log of events: changes, connections, transitions, remarks");
  auto options = std::make_shared<Options>();
  command->add_flag("-f,--follow", options->follow, "Go on with each event as it happens");
  command->add_option("--since", options->since, "Only events behind this id");
  command->add_option("--link", options->link, "Only of this link");
  command->add_option("--kind", options->kind, "Only of this kind: conditions, transition, annotation, ...");
  command->add_option("--limit", options->limit, "At most so many (without --follow)")->check(CLI::Range(1, 1000));
  command->add_option("--count", options->count, "With --follow: end after so many");
  command->callback([&context, options] {
    context.run = [&context, options] { return options->follow ? follow(context, *options) : list(context, *options); };
  });
}

}  // namespace wobble::daemon
