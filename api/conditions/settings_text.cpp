#include "api/conditions/settings_text.h"

#include <algorithm>
#include <cctype>

namespace wobble::api {
namespace {

std::string string_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string joined(const Json& names, const char* separator) {
  std::string out;
  for (const Json& name : names) out += (out.empty() ? "" : separator) + name.get<std::string>();
  return out;
}

std::string value_of(const Json& setting) {
  if (setting.contains("choices")) return joined(setting.at("choices"), "|");
  std::string kind = string_at(setting, "kind");
  if (kind == "flag") return "true|false";
  if (kind == "object") return string_at(setting, "shorthand").empty() ? "" : "{}|" + string_at(setting, "shorthand");
  std::ranges::transform(kind, kind.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return kind;
}

std::string text_of(const Json& setting) {
  std::string out = string_at(setting, "help");
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  if (setting.contains("min")) {
    const std::string zero = string_at(setting, "zero");
    add((zero.empty() ? "" : "0 (" + zero + ") or ") + string_at(setting, "min") + " to " + string_at(setting, "max"));
  }
  if (const std::string standard = string_at(setting, "default"); !standard.empty()) add("default " + standard);
  if (setting.contains("disciplines")) add("of " + joined(setting.at("disciplines"), ", "));
  return out;
}

void add_lines(std::vector<SettingLine>& lines, const Json& setting, const std::string& above) {
  const std::string path = (above.empty() ? "" : above + ".") + string_at(setting, "name");
  lines.push_back({path, value_of(setting), text_of(setting)});
  if (!setting.contains("settings")) return;
  for (const Json& inner : setting.at("settings")) add_lines(lines, inner, path);
}

/// Text as man(7) has it: a hyphen that is one, no line that begins with a request.
std::string in_roff(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '\\') {
      out += "\\e";
    } else if (letter == '-') {
      out += "\\-";
    } else {
      out += letter;
    }
  }
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

}  // namespace

std::vector<SettingLine> setting_lines(const Json& description) {
  std::vector<SettingLine> lines;
  for (const Json& impairment : description.at("impairments")) add_lines(lines, impairment, "");
  return lines;
}

std::string settings_man_page(const Json& description, std::string_view version) {
  std::string out = ".TH WOBBLE\\-SETTINGS 7 \"\" \"wobble " + in_roff(version) +
                    "\"\n.SH NAME\nwobble\\-settings \\- what can be asked of one direction of a link\n"
                    ".SH DESCRIPTION\n"
                    "Each name is the member of the JSON that\n.BR PATCH ,\n.B PUT\nand\n.B GET\n"
                    "have for a direction; of an object, where its shorthand is named, that value may stand for the "
                    "whole.\n.B wobble set\nhas netem's words for them, which\n.BR wobble (1)\nnames.\n";
  for (const Json& impairment : description.at("impairments")) {
    std::vector<SettingLine> lines;
    add_lines(lines, impairment, "");
    out += ".SH " + in_roff(lines.front().path) + "\n";
    if (!lines.front().text.empty()) out += in_roff(lines.front().text) + ".\n";
    for (auto line = lines.begin() + 1; line != lines.end(); ++line) {
      out += ".TP\n.BI \"" + in_roff(line->path) + " \" \"" + in_roff(line->value) + "\"\n" +
             (line->text.empty() ? "\\&" : in_roff(line->text)) + "\n";
    }
  }
  return out + ".SH SEE ALSO\n.BR wobble (1),\n.BR wobbled (8)\n";
}

}  // namespace wobble::api
