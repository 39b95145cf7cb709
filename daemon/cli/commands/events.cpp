// wobble events: everything worth telling, as it was, or as it happens.
#include <CLI/CLI.hpp>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/event_text.h"
#include "daemon/cli/words/time_text.h"

namespace wobble::daemon {
namespace {

struct EventsOptions {
  bool follow = false;
  std::optional<std::uint64_t> since;
  std::string link;
  std::string kind;
  std::uint32_t limit = 50;
  std::uint64_t count = 0;  ///< 0: no end
};

std::string path(const EventsOptions& options, std::optional<std::uint64_t> since, std::uint32_t limit) {
  std::string out = "/api/v1/events";
  char joint = '?';
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    out += joint + std::string(name) + "=" + url_encode(value);
    joint = '&';
  };
  add("link", options.link);
  add("kind", options.kind);
  if (limit > 0) add("limit", std::to_string(limit));
  if (since) add("since", std::to_string(*since));
  return out;
}

/// All from `since` on that pass the filters.
std::vector<Json> all_since(Client& client, const EventsOptions& options, std::uint64_t since) {
  std::vector<Json> found;
  while (true) {
    constexpr std::uint32_t kPage = 1000;
    const Json page = client.get(path(options, since, kPage));
    for (const Json& event : items(page)) found.push_back(event);
    const std::uint64_t last = found.empty() ? 0 : count(found.back(), "id");
    if (items(page).size() < kPage || last <= since) return found;
    since = last;
  }
}

// The last `limit` events: those behind an id that lies as far back as is needed for that many to pass the filters.
Json last_events(Client& client, const EventsOptions& options) {
  const Json root = client.get("/api/v1");
  const std::uint64_t newest = count(root, "newest_event");
  std::vector<Json> found;
  for (std::uint64_t back = options.limit; newest > 0; back *= 8) {
    const std::uint64_t since = newest > back ? newest - back : 0;
    found = all_since(client, options, since);
    if (found.size() >= options.limit || since == 0) break;
  }
  const std::size_t surplus = found.size() > options.limit ? found.size() - options.limit : 0;
  found.erase(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(surplus));
  return Json{{"items", std::move(found)}, {"next", nullptr}};
}

int list(const Context& context, const EventsOptions& options) {
  Client client(context.url);
  const Json answer =
      options.since ? client.get(path(options, options.since, options.limit)) : last_events(client, options);
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

int follow(const Context& context, const EventsOptions& options) {
  Client client(context.url);
  std::uint64_t seen = 0;
  client.follow(path(options, std::nullopt, 0), options.since, [&](const Json& event) {
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
  auto options = std::make_shared<EventsOptions>();
  command->add_flag("-f,--follow", options->follow, "Go on with each event as it happens");
  command->add_option("--since", options->since, "The events behind this id, oldest first; without it the last ones");
  command->add_option("--link", options->link, "Only of this link");
  command->add_option("--kind", options->kind, "Only of this kind: conditions, transition, annotation, ...");
  command->add_option("--limit", options->limit, "At most so many (without --follow)")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--count", options->count, "With --follow: end after so many");
  command->callback([&context, options] {
    context.run = [&context, options] { return options->follow ? follow(context, *options) : list(context, *options); };
  });
}

}  // namespace wobble::daemon
