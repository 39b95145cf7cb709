// wobble annotate: a remark in the log, to find one's place by later.
#include <CLI/CLI.hpp>

#include "daemon/cli/commands/command.h"

namespace wobble::daemon {
namespace {

struct AnnotateOptions {
  std::vector<std::string> words;
  std::string link;
};

int annotate(const Context& context, const AnnotateOptions& options) {
  std::string line;
  for (const std::string& word : options.words) line += (line.empty() ? "" : " ") + word;
  for (const std::string& word : context.tail) line += (line.empty() ? "" : " ") + word;
  if (line.empty()) throw Failure(kExitUsage, "annotate: the text is missing (see 'wobble annotate --help')");
  Json body = {{"text", line}};
  if (!options.link.empty()) body["link"] = options.link;
  Client client(context.url);
  const Json event = client.post("/api/v1/annotations", body);
  if (context.json) {
    say_json(event);
  } else {
    say("event " + text(event, "id") + ": " + text(event, "text") + "\n");
  }
  return kExitOk;
}

}  // namespace

void add_annotate(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("annotate", "Write a remark into the log of events");
  auto options = std::make_shared<AnnotateOptions>();
  command->add_option("TEXT", options->words, "The remark: \"build 412 starts\"");
  command->add_option("--link", options->link, "The link that it is about");
  command->callback([&context, options] { context.run = [&context, options] { return annotate(context, *options); }; });
}

}  // namespace wobble::daemon
