#include "daemon/cli/commands/command.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

constexpr char kFooter[] = R"(Examples:
  wobble set lab up delay 80ms 10ms loss 2%     impair what the client sends
  wobble set lab both rate 5mbit --for 10m      for ten minutes, both ways
  wobble connections --follow                   each change of state as it happens
  wobble show 17                                the ladder of one connection
  wobble log --end reset --since 1h --csv       what was reset, as a table for a spreadsheet
  wobble exec lab near -- curl http://10.77.1.1/
  wobble capture lab -o lab.pcapng --for 10s    packets, each with what was done to it
  wobble analyze lab.pcapng                     the log of any capture
  wobble replay in.pcap --both 'loss 2%' -o out.pcap
  wobble run --both 'delay 80ms loss 2%' -- npm test

Environment:
  WOBBLE_URL     where the daemon is, if --url does not say
  WOBBLE_TOKEN   the token that the daemon asks for, if it does
  NO_COLOR       no colour, also on a terminal

Exit codes:
  0    done
  1    the daemon refused, there is no such thing, doctor found something, or status no health
  2    the command line is wrong
  3    the daemon cannot be reached
  4    a capture is damaged; what stood before the damage was used
  exec, run: the command's own; 127 if it is not found, 126 if it cannot be executed)";

constexpr char kShortFooter[] = "Exit codes and environment: wobble --help";

void tell(const Failure& failure) {
  std::cerr << "wobble: " << clean(failure.what()) << "\n";
  for (const std::string& line : failure.details) std::cerr << "  " << clean(line) << "\n";
}

void describe(CLI::App& app, Context& context) {
  app.name("wobble");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string("wobble ") + WOBBLE_VERSION);
  app.add_option("--url", context.url,
                 "The daemon's address: http://HOST:PORT or unix:/PATH (default: its Unix socket "
                 "/run/wobble/wobble.sock if that lets us in, else http://127.0.0.1:7979)")
      ->envname("WOBBLE_URL");
  app.add_flag("--json", context.json, "Print what the API says, as JSON (with --follow: one line each)");
  add_status(app, context);
  add_set(app, context);
  add_settings(app, context);
  add_profiles(app, context);
  add_reset(app, context);
  add_revert(app, context);
  add_connections(app, context);
  add_flows(app, context);
  add_show(app, context);
  add_watch(app, context);
  add_events(app, context);
  add_log(app, context);
  add_annotate(app, context);
  add_exec(app, context);
  add_doctor(app, context);
  add_cleanup(app, context);
  add_version(app, context);
  add_analyze(app, context);
  add_capture(app, context);
  add_replay(app, context);
  add_run(app, context);
  add_attach(app, context);
  add_gateway(app, context);
  add_detach(app, context);
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
    const std::string own = command->get_footer();
    command->footer(own + (own.empty() ? "" : "\n\n") + kShortFooter);
  }
  app.footer(kFooter);  // last: a subcommand would take it over
}

int parse(CLI::App& app, Context& context, int argc, char** argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] != "--") continue;
    context.tail.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
    arguments.resize(i);
    break;
  }
  if (arguments.empty()) {
    std::cerr << app.help();
    return kExitUsage;
  }
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 wants them
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    const auto chosen = app.get_subcommands();
    if (chosen.empty() && !arguments.empty() && !arguments[0].starts_with("-")) {
      tell({kExitUsage, "there is no command '" + clean(arguments[0]) + "' (see 'wobble --help')"});
      return kExitUsage;
    }
    const std::string help = chosen.empty() ? "wobble --help" : "wobble " + chosen[0]->get_name() + " --help";
    tell({kExitUsage, std::string(error.what()) + " (see '" + help + "')"});
    return kExitUsage;
  }
  context.url_is_named = !context.url.empty();
  if (!context.url_is_named) context.url = default_url();
  return -1;
}

int run(const Context& context) {
  try {
    return context.run();
  } catch (const Failure& failure) {
    tell(failure);
    return failure.exit_code;
  } catch (const OutputGone&) {
    return kExitOk;
  } catch (const std::exception& error) {
    tell({kExitRefused, error.what()});
    return kExitRefused;
  }
}

}  // namespace

void say(std::string_view text) {
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
  if (errno == EPIPE) throw OutputGone();
  throw Failure(kExitRefused, std::string("cannot write the output: ") + std::strerror(errno));
}

void say_json(const Json& value) { say(print_json(value, 2) + "\n"); }
void say_json_line(const Json& value) { say(print_json(value, -1) + "\n"); }

std::vector<std::string> link_names(Client& client) {
  std::vector<std::string> names;
  const Json links = client.get("/api/v1/links");
  for (const Json& link : items(links)) {
    const Json& name = field(link, "name");
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

int run_command_line(int argc, char** argv) {
  // A pipe that nobody reads any more is seen where it is written to.
  std::signal(SIGPIPE, SIG_IGN);
  Context context;
  context.paint = paint_for_stdout();
  CLI::App app("Steers wobbled, which makes a good network bad, on purpose, exactly, and tells you what it did.");
  describe(app, context);
  const int code = parse(app, context, argc, argv);
  return code >= 0 ? code : run(context);
}

}  // namespace wobble::daemon
