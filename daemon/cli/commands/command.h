// What every command of `wobble` has in common. One file for each command: it declares its options and what to run.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/client/client.h"
#include "daemon/cli/words/failure.h"
#include "daemon/cli/words/json.h"
#include "daemon/cli/words/terminal.h"

namespace CLI {
class App;
}

namespace wobble::daemon {

/// Filled in by the parser, used by the command that was named.
struct Context {
  std::string url;            ///< where the daemon is
  bool url_is_named = false;  ///< by the command line or the environment, and not default_url()
  bool json = false;
  Paint paint;
  std::vector<std::string> tail;  ///< what stood behind "--"
  std::function<int()> run;       ///< the command; returns the exit code or throws Failure
};

/// Thrown when standard output has gone away ("wobble events | head -1"): nothing more to do.
struct OutputGone {};

/// Writes to standard output at once. OutputGone, or Failure if it cannot be written for another reason (disk full).
void say(std::string_view text);
/// One document, indented.
void say_json(const Json& value);
/// One line of JSON Lines.
void say_json_line(const Json& value);

/// Link names of the daemon, in its order.
std::vector<std::string> link_names(Client& client);

void add_status(CLI::App& app, Context& context);
void add_set(CLI::App& app, Context& context);
void add_settings(CLI::App& app, Context& context);
void add_profiles(CLI::App& app, Context& context);
void add_reset(CLI::App& app, Context& context);
void add_revert(CLI::App& app, Context& context);
void add_connections(CLI::App& app, Context& context);
void add_flows(CLI::App& app, Context& context);
void add_show(CLI::App& app, Context& context);
void add_watch(CLI::App& app, Context& context);
void add_events(CLI::App& app, Context& context);
void add_log(CLI::App& app, Context& context);
void add_annotate(CLI::App& app, Context& context);
void add_exec(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_cleanup(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);
void add_analyze(CLI::App& app, Context& context);
void add_capture(CLI::App& app, Context& context);
void add_replay(CLI::App& app, Context& context);
void add_run(CLI::App& app, Context& context);
void add_attach(CLI::App& app, Context& context);
void add_gateway(CLI::App& app, Context& context);
void add_detach(CLI::App& app, Context& context);

/// The whole command line: parses, runs, tells failures on standard error, returns the exit code.
int run_command_line(int argc, char** argv);

}  // namespace wobble::daemon
