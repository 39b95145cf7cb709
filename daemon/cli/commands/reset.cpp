// wobble reset: no impairment.
#include <CLI/CLI.hpp>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

int reset(const Context& context, const std::string& link) {
  Client client(context.url);
  const std::string path = link.empty() ? "/api/v1/reset" : "/api/v1/links/" + url_encode(link) + "/reset";
  const Json answer = client.post(path);
  if (context.json) {
    say_json(answer);
  } else {
    say(link.empty() ? "every link is clean\n" : clean(link) + " is clean\n");
  }
  return kExitOk;
}

}  // namespace

void add_reset(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("reset", "Take every impairment away, from one link or from all");
  auto link = std::make_shared<std::string>();
  command->add_option("LINK", *link, "The link; all without it");
  command->callback([&context, link] { context.run = [&context, link] { return reset(context, *link); }; });
}

}  // namespace wobble::daemon
