// wobble version: ours, and the daemon's if one answers.
#include <CLI/CLI.hpp>

#include "daemon/cli/commands/command.h"

namespace wobble::daemon {
namespace {

int version(const Context& context) {
  Json about;
  Client client(context.url);
  try {
    about = client.get("/api/v1");
  } catch (const Failure&) {  // then there is none to tell of
    about = nullptr;
  }
  if (context.json) {
    say_json(Json{{"version", WOBBLE_VERSION}, {"daemon", about}});
    return kExitOk;
  }
  say(std::string("wobble ") + WOBBLE_VERSION + "\n");
  say(about.is_null() ? "no daemon at " + client.address().url() + "\n"
                      : "wobbled " + text(about, "version") + " at " + client.address().url() + "\n");
  return kExitOk;
}

}  // namespace

void add_version(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("version", "The versions of wobble and of the daemon");
  command->callback([&context] { context.run = [&context] { return version(context); }; });
}

}  // namespace wobble::daemon
