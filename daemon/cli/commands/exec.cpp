// wobble exec: a command on one side of a link, that is, in that side's network namespace.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/process/enter_namespace.h"
#include "daemon/cli/process/process.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

struct ExecOptions {
  std::string link;
  std::string side;
  std::vector<std::string> command;
};

void check_here(const Client& client) {
  // On loopback we and the daemon share a network namespace: the one that is meant.
  if (client.address().is_loopback()) return;
  throw Failure(kExitRefused,
                "this side of the link is in the daemon's own network namespace, which cannot be entered "
                "from here: run 'wobble exec' where the daemon runs");
}

int exec(const Context& context, const ExecOptions& options) {
  std::vector<std::string> command = options.command;
  command.insert(command.end(), context.tail.begin(), context.tail.end());
  if (command.empty()) {
    throw Failure(kExitUsage,
                  "exec: the command is missing: wobble exec " + options.link + " " + options.side + " -- COMMAND...");
  }
  std::string path;
  {
    Client client(context.url);
    const Json link = client.get("/api/v1/links/" + url_encode(options.link));
    const Json& netns = field(field(link, options.side), "netns");
    if (netns.is_string()) path = netns.get<std::string>();
    if (path.empty()) check_here(client);
  }
  if (!path.empty()) enter_network_namespace(path);
  const int code = replace_process(command);
  throw Failure(code, "exec: " + command[0] + ": " + std::strerror(errno));
}

}  // namespace

void add_exec(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("exec", "Run a command on one side of a link: exec LINK near|far -- COMMAND");
  auto options = std::make_shared<ExecOptions>();
  command->add_option("LINK", options->link, "The link")->required();
  command->add_option("SIDE", options->side, "near or far")->required()->check(CLI::IsMember({"near", "far"}));
  command->add_option("COMMAND", options->command, "The command; behind -- if it has options of its own");
  command->callback([&context, options] { context.run = [&context, options] { return exec(context, *options); }; });
}

}  // namespace wobble::daemon
