// wobble detach: takes a link away, and puts everything back that its way in changed.
#include <CLI/CLI.hpp>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

int detach(const Context& context, const std::string& link) {
  Client client(context.url);
  client.remove("/api/v1/links/" + url_encode(link));
  if (!context.json) say(clean(link) + " is detached\n");
  return kExitOk;
}

}  // namespace

void add_detach(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("detach", "Take a link away, and put everything back that it changed");
  auto link = std::make_shared<std::string>();
  command->add_option("LINK", *link, "The link")->required();
  command->callback([&context, link] { context.run = [&context, link] { return detach(context, *link); }; });
}

}  // namespace wobble::daemon
