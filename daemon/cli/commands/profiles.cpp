// wobble profiles and wobble apply: the presets, and one of them in effect.
#include <CLI/CLI.hpp>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/change_text.h"
#include "daemon/cli/words/conditions_text.h"
#include "daemon/cli/words/table.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

std::string in_words(const Json& direction) {
  std::string out;
  for (const std::string& word : describe_conditions(direction)) out += (out.empty() ? "" : "; ") + word;
  return out;
}

int list_profiles(const Context& context) {
  Client client(context.url);
  const Json answer = client.get("/api/v1/profiles");
  if (context.json) {
    say_json(answer);
    return kExitOk;
  }
  std::string out;
  for (const Json& profile : items(answer)) {
    out += context.paint(Colour::bold, text(profile, "name")) + "  " + text(profile, "summary") + "\n  up    " +
           in_words(field(profile, "up")) + "\n  down  " + in_words(field(profile, "down")) + "\n";
    for (const std::string& step : describe_scenario(profile)) out += "  step  " + step + "\n";
    out += "  from  " + text(profile, "source") + "\n";
  }
  say(out);
  return kExitOk;
}

int apply(const Context& context, const std::string& link, const std::string& profile, const std::string& lasts) {
  Json body = {{"profile", profile}};
  if (!lasts.empty()) body["for"] = lasts;
  Client client(context.url);
  const Json answer = client.post("/api/v1/links/" + url_encode(link) + "/apply", body);
  if (context.json) {
    say_json(answer);
  } else {
    say(describe_change(answer, context.paint));
  }
  return kExitOk;
}

}  // namespace

void add_profiles(CLI::App& app, Context& context) {
  CLI::App* list = app.add_subcommand("profiles", "The presets: what each asks for, and where it is from");
  list->callback([&context] { context.run = [&context] { return list_profiles(context); }; });

  CLI::App* command = app.add_subcommand("apply", "Put a preset in effect, in place of what a link has");
  auto link = std::make_shared<std::string>();
  auto profile = std::make_shared<std::string>();
  auto lasts = std::make_shared<std::string>();
  command->add_option("LINK", *link, "The link")->required();
  command->add_option("PROFILE", *profile, "Its name; 'wobble profiles' lists them")->required();
  command->add_option("--for", *lasts, "Then what was before comes back: 30s, 10m, 1h");
  command->callback([&context, link, profile, lasts] {
    context.run = [&context, link, profile, lasts] { return apply(context, *link, *profile, *lasts); };
  });
}

}  // namespace wobble::daemon
