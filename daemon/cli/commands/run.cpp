// wobble run: a command in a namespace of its own whose only way out is a link. The link is made by the daemon that
// runs, or by one of our own, and taken away when the command has ended.
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/process/enter_namespace.h"
#include "daemon/cli/process/foreground.h"
#include "daemon/cli/process/private_daemon.h"
#include "daemon/cli/words/link_words.h"
#include "daemon/cli/words/run_summary.h"
#include "daemon/cli/words/text.h"
#include "daemon/cli/words/time_text.h"
#include "daemon/ways_in/target.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kLogging = 150ms;  ///< what was released so long ago is in the log, which is written 20 times a second
constexpr auto kSettling = 2s;    ///< for the last segments, which may be on their way when the command has ended

struct RunOptions {
  std::string profile;
  std::string both;
  std::string up;
  std::string down;
  std::optional<std::uint64_t> seed;
  std::string log;
  std::vector<std::string> with;
  std::vector<std::string> beside;
  bool quiet = false;
  std::vector<std::string> command;
};

/// The ports of "localhost:5432".
Json ports_of(const char* option, const std::vector<std::string>& services) {
  Json ports = Json::array();
  for (const std::string& service : services) {
    const std::size_t colon = service.rfind(':');
    const std::string host = service.substr(0, colon == std::string::npos ? 0 : colon);
    const std::string digits = service.substr(colon == std::string::npos ? 0 : colon + 1);
    unsigned port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    const bool is_port = error == std::errc() && end == digits.data() + digits.size() && port >= 1 && port <= 65'535;
    if (!is_port || (!host.empty() && host != "localhost" && host != "127.0.0.1" && host != "[::1]")) {
      throw Failure(kExitUsage, std::string("run: ") + option + ": '" + clean(service) +
                                    "' is no service of this machine's loopback: write localhost:5432");
    }
    ports.push_back(port);
  }
  return ports;
}

bool daemon_runs(const std::string& url) {
  try {
    Client(url).get("/api/v1");
    return true;
  } catch (const Failure& failure) {
    if (failure.exit_code == kExitUnreachable) return false;
    throw Failure(
        failure.exit_code,
        std::string(failure.what()) + "; --log FILE starts a daemon of its own for this command, --url names another");
  }
}

/// The daemon that runs; or one of our own, where none does and none was named, or where a log is asked for.
std::unique_ptr<PrivateDaemon> own_daemon(const Context& context, const RunOptions& options) {
  const bool is_named = context.url_is_named;
  if (!options.log.empty() && is_named) {
    throw Failure(kExitUsage, "run: --log starts a daemon of its own, and --url names another: give one of the two");
  }
  if (options.log.empty() && (is_named || daemon_runs(context.url))) return nullptr;
  return std::make_unique<PrivateDaemon>(options.log);
}

Json profile_of(Client& client, const std::string& name) {
  try {
    return client.get("/api/v1/profiles/" + url_encode(name));
  } catch (const Failure& failure) {
    if (failure.exit_code != kExitRefused) throw;
    throw Failure(kExitRefused, "run: the daemon has no profile '" + clean(name) + "': " + failure.what());
  }
}

Json link_body(Client& client, const RunOptions& options) {
  Json run = {{"owner", getpid()}};  // should we be killed, the daemon takes the link away
  if (!options.with.empty()) run["with"] = ports_of("--with", options.with);
  if (!options.beside.empty()) run["beside"] = ports_of("--beside", options.beside);
  Json body = {{"run", std::move(run)}};
  if (!options.profile.empty()) {
    const Json profile = profile_of(client, options.profile);
    for (const char* direction : {"up", "down"}) {
      if (field(profile, direction).is_object()) body[direction] = field(profile, direction);
    }
  }
  add_conditions(body, options.both, options.up, options.down);
  if (options.seed) body["seed"] = *options.seed;
  return body;
}

/// The link, for as long as this lives.
class RunLink {
 public:
  RunLink(Client& client, const Json& body) : client_(client), link_(client.post("/api/v1/links", body)) {}
  ~RunLink() {
    try {
      client_.remove(path());
    } catch (const std::exception& error) {
      std::cerr << "wobble: the link was not taken away: " << clean(error.what()) << "\n";
    }
  }
  RunLink(const RunLink&) = delete;
  RunLink& operator=(const RunLink&) = delete;

  std::string path() const { return "/api/v1/links/" + url_encode(name()); }
  std::string name() const { return text(link_, "name"); }
  std::string netns() const {
    const Json& netns = field(field(link_, "near"), "netns");
    return netns.is_string() ? netns.get<std::string>() : "";
  }
  ino_t netns_inode() const {
    struct stat about {};
    return stat(netns().c_str(), &about) == 0 ? about.st_ino : 0;
  }
  std::vector<std::string> name_servers() const {
    std::vector<std::string> servers;
    for (const Json& server : items(field(link_, "way_in"), "dns")) servers.push_back(text(server));
    return servers;
  }
  Json connections() const {
    return client_.get_all("/api/v1/connections?protocol=tcp&limit=1000&link=" + url_encode(name()) + since_);
  }
  Json stats() const { return client_.get(path() + "/stats"); }
  /// What happened to it, one line each: somebody has changed the machine under it, and it was mended or not.
  std::vector<std::string> incidents() const {
    const Json events = client_.get("/api/v1/events?kind=way_in&limit=1000&link=" + url_encode(name()));
    std::vector<std::string> lines;
    for (const Json& event : items(events, "items")) {
      if (text(event, "at") >= made_at_) lines.push_back(text(event, "text"));
    }
    return lines;
  }
  bool has_packets_in_flight() const {
    const Json now = stats();
    const auto in = [&](const char* direction) {
      return number(field(field(now, direction), "in_flight"), "packets").value_or(0);
    };
    return in("up") + in("down") > 0;
  }

 private:
  Client& client_;
  Json link_;
  /// Another link of this name may have been here before.
  std::string made_at_ = print_time(wall_clock());
  std::string since_ = "&since=" + url_encode(made_at_);
};

/// Until the closing segments have arrived too, and are in the log: so is what became of them.
Json settled_connections(const RunLink& link) {
  const auto deadline = std::chrono::steady_clock::now() + kSettling;
  auto busy_at = std::chrono::steady_clock::now();
  for (;;) {
    const bool is_in_flight = link.has_packets_in_flight();
    Json connections = link.connections();
    const auto now = std::chrono::steady_clock::now();
    if (is_in_flight || is_settling(connections)) busy_at = now;
    if (now - busy_at >= kLogging || now >= deadline) return connections;
    std::this_thread::sleep_for(20ms);
  }
}

void tell(const RunLink& link, const RunOptions& options) {
  const Json connections = settled_connections(link);
  for (const std::string& line : link.incidents()) std::cerr << "wobble: " << clean(line) << "\n";
  if (options.quiet) return;
  for (const std::string& line : run_summary(connections, link.stats())) std::cerr << "wobble: " << line << "\n";
  if (!options.log.empty()) std::cerr << "wobble: the log is " << clean(options.log) << "\n";
}

int run(const Context& context, const RunOptions& options) {
  std::vector<std::string> command = options.command;
  command.insert(command.end(), context.tail.begin(), context.tail.end());
  if (command.empty()) throw Failure(kExitUsage, "run: the command is missing: wobble run [OPTIONS] -- COMMAND...");
  check_conditions(options.both, options.up, options.down);
  ports_of("--with", options.with);
  ports_of("--beside", options.beside);
  const auto own = own_daemon(context, options);
  Client client(own ? own->url() : context.url);
  const RunLink link(client, link_body(client, options));
  const int code = run_in_foreground(command, [&] {
    enter_network_namespace(link.netns());
    use_own_files(link.name_servers());
  });
  if (has_processes(link.netns_inode())) {
    std::cerr << "wobble: what the command has left running goes on, without a network\n";
  }
  try {
    tell(link, options);
  } catch (const Failure& failure) {  // the command has run: its exit code is what counts
    std::cerr << "wobble: no summary: " << clean(failure.what()) << "\n";
  }
  return code;
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("run", "Run a command whose network is a link: run [OPTIONS] -- COMMAND");
  auto options = std::make_shared<RunOptions>();
  CLI::Option* profile = command->add_option("--profile", options->profile, "Conditions by the name of a profile: 3g");
  CLI::Option* both =
      command->add_option("--both", options->both, "Conditions both ways, in netem's words: 'delay 80ms loss 2%'")
          ->excludes(profile);
  for (const auto& [name, words, help] : {std::tuple{"--up", &options->up, "Conditions of what the command sends"},
                                          std::tuple{"--down", &options->down, "Conditions of what it receives"}}) {
    command->add_option(name, *words, help)->excludes(both)->excludes(profile);
  }
  command
      ->add_option("--with", options->with,
                   "A service of this machine, localhost:5432, through the link; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--beside", options->beside, "The same beside the link: not impaired, not logged; may be repeated")
      ->allow_extra_args(false);
  command->add_option("--seed", options->seed, "What all chance hangs on (default: drawn)");
  command->add_option("--log", options->log, "Keep the log in this file; starts a daemon of its own");
  command->add_flag("-q,--quiet", options->quiet, "No summary at the end");
  command->add_option("COMMAND", options->command, "The command; behind -- if it has options of its own");
  command->footer(R"(Where no daemon runs, one is started for as long as the command runs.
The exit code is the command's own; 128 + n if signal n killed it; 127 if it is not found, 126 if it cannot be executed.

Examples:
  wobble run --both 'delay 80ms loss 2%' -- npm test
  wobble run --up 'rate 1mbit' --log slow.db -- curl http://example.org/
  wobble run --both 'delay 20ms' --with localhost:5432 --beside localhost:6379 -- npm test)");
  command->callback([&context, options] { context.run = [&context, options] { return run(context, *options); }; });
}

}  // namespace wobble::daemon
