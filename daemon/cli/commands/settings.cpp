// wobble settings: what can be asked of a direction, with ranges and defaults. Of this program's own table; no daemon
// is asked.
#include <CLI/CLI.hpp>

#include "api/conditions/settings_schema.h"
#include "api/conditions/settings_text.h"
#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/table.h"

namespace wobble::daemon {
namespace {

bool is_below(const std::string& path, const std::string& name) {
  return path.starts_with(name) && (path.size() == name.size() || path[name.size()] == '.');
}

int print_settings(const Context& context, const std::string& name) {
  const nlohmann::json description = api::settings_description();
  if (context.json) {
    say_json(Json(description));
    return kExitOk;
  }
  Table table({{"SETTING"}, {"VALUE"}, {"MEANING"}});
  for (const api::SettingLine& line : api::setting_lines(description)) {
    if (!name.empty() && !is_below(line.path, name)) continue;
    const bool is_impairment = line.path.find('.') == std::string::npos;
    table.add({{line.path, is_impairment ? Colour::bold : Colour::plain}, {line.value}, {line.text}});
  }
  if (table.empty()) {
    throw Failure(kExitUsage, "there is no setting '" + name + "'; 'wobble settings' lists them");
  }
  say(table.print(context.paint));
  return kExitOk;
}

}  // namespace

void add_settings(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("settings", "What can be asked of a direction: ranges, defaults, meaning");
  auto name = std::make_shared<std::string>();
  auto is_man_page = std::make_shared<bool>(false);
  command->add_option("NAME", *name, "Only this one and what is in it: delay, loss.burst");
  command->add_flag("--man", *is_man_page, "As the source of a man page");
  command->callback([&context, name, is_man_page] {
    context.run = [&context, name, is_man_page] {
      if (!*is_man_page) return print_settings(context, *name);
      say(api::settings_man_page(api::settings_description(), WOBBLE_VERSION));
      return kExitOk;
    };
  });
}

}  // namespace wobble::daemon
