// The table of settings for people: what `wobble settings` prints, and the man page wobble-settings(7).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/json.h"

namespace wobble::api {

struct SettingLine {
  std::string path;   ///< "delay.jitter": as its JSON is nested
  std::string value;  ///< what it is made of: "TIME", "drop|reset"
  std::string text;   ///< what it means, its range and its default
};

/// One line for each setting, its impairment before it. `description`: as settings_description() makes it.
std::vector<SettingLine> setting_lines(const Json& description);

/// The man page, in man(7)'s words.
std::string settings_man_page(const Json& description, std::string_view version);

}  // namespace wobble::api
