// wobble revert: a change undone, or those that were made for a while ended now.
#include <CLI/CLI.hpp>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/change_text.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

struct RevertOptions {
  std::string link;
  std::optional<std::uint64_t> to;
  bool temporary = false;
};

int revert(const Context& context, const RevertOptions& options) {
  Client client(context.url);
  const std::string path = "/api/v1/links/" + url_encode(options.link);
  Json link;
  if (options.temporary) {
    client.remove(path + "/temporary");
    link = client.get(path);
  } else {
    link = client.post(path + "/revert", options.to ? Json{{"to", *options.to}} : Json::object());
  }
  if (context.json) {
    say_json(link);
  } else {
    say(describe_change(link, context.paint));
  }
  return kExitOk;
}

}  // namespace

void add_revert(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("revert", "Undo the last change of a link, or go back to an earlier revision");
  auto options = std::make_shared<RevertOptions>();
  command->add_option("LINK", options->link, "The link")->required();
  auto* to = command->add_option("--to", options->to, "To what was asked at this revision; default: the one before");
  command->add_flag("--temporary", options->temporary, "Only end now what was changed for a while (--for)")
      ->excludes(to);
  command->callback([&context, options] { context.run = [&context, options] { return revert(context, *options); }; });
}

}  // namespace wobble::daemon
