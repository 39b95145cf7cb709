#include "api/conditions/setting.h"

#include <algorithm>
#include <vector>

#include "api/conditions/object_reader.h"
#include "api/nearest_name.h"

namespace wobble::api {
namespace {

bool names(const Json& patch, std::string_view name) {
  const auto found = patch.find(std::string(name));
  return found != patch.end() && !found->is_null() && *found != false;
}

/// To name one of several settings that stand in place of each other takes back the others.
void take_back_alternatives(const Setting& object, const Json& patch, void* inside) {
  std::vector<std::string_view> named;
  for (const Setting& setting : object.inside) {
    if (!setting.alternative.empty() && !setting.is_secondary && names(patch, setting.name)) {
      named.push_back(setting.alternative);
    }
  }
  if (named.empty()) return;
  for (const Setting& setting : object.inside) {
    const bool stays = setting.alternative.empty() || patch.contains(std::string(setting.name)) ||
                       std::find(named.begin(), named.end(), setting.alternative) != named.end();
    if (!stays) reset_setting(setting, inside);
  }
}

/// Notes it where members that stand in place of each other both ask for something: only the later one may be kept.
void read_members(const Setting& setting, const Json& value, ObjectReader& reader, void* inside, Reading& reading) {
  std::string_view asked;
  for (const Setting& member : setting.inside) {
    if (const Json* given = reader.member(member.name)) {
      read_setting(member, *given, reader.pointer_to(member.name), inside, reading);
      if (member.alternative.empty() || member.is_secondary || member.is_default(inside)) continue;
      if (!asked.empty() && asked != member.alternative) reading.note_exclusion(reader.pointer());
      asked = member.alternative;
    } else if (value.is_object() && value.contains(std::string(member.name))) {
      reset_setting(member, inside);
    }
  }
}

}  // namespace

const Setting* find_setting(std::span<const Setting> settings, std::string_view name) {
  const auto found = std::find_if(settings.begin(), settings.end(), [&](const Setting& s) { return s.name == name; });
  return found == settings.end() ? nullptr : &*found;
}

void read_object(const Setting& setting, const Json& value, const std::string& pointer, void* owner, Reading& reading) {
  const bool is_short = !setting.shorthand.empty() && !value.is_object();
  if (is_short) reset_setting(setting, owner);
  bool is_new = false;
  void* inside = setting.open(owner, is_new);
  if (is_short) {
    const Setting& main = *find_setting(setting.inside, setting.shorthand);
    main.read(main, value, pointer, inside, reading);
  } else {
    ObjectReader reader(value, pointer, reading);
    if (value.is_object()) {
      if (setting.before != nullptr) setting.before(value, inside);
      take_back_alternatives(setting, value, inside);
    }
    read_members(setting, value, reader, inside, reading);
    reader.finish();
  }
  if (setting.after != nullptr) setting.after(value, inside, is_new);
}

void read_setting(const Setting& setting, const Json& value, const std::string& pointer, void* owner,
                  Reading& reading) {
  if (value.is_null()) {
    reset_setting(setting, owner);
  } else {
    (setting.read != nullptr ? setting.read : read_object)(setting, value, pointer, owner, reading);
  }
}

Json write_object(const Setting& setting, const void* owner) {
  const void* inside = setting.look(owner);
  if (inside == nullptr || (setting.is_default != nullptr && setting.is_default(owner))) return {};
  Json out = Json::object();
  for (const Setting& member : setting.inside) {
    if (Json value = write_setting(member, inside); !value.is_null()) out[std::string(member.name)] = std::move(value);
  }
  if (setting.is_written_short && out.size() == 1 && out.begin().key() == setting.shorthand) return *out.begin();
  return setting.is_default == nullptr && out.empty() ? Json() : out;
}

Json write_setting(const Setting& setting, const void* owner) {
  return (setting.write != nullptr ? setting.write : write_object)(setting, owner);
}

void reset_setting(const Setting& setting, void* owner) {
  if (setting.reset != nullptr) return setting.reset(owner);
  for (const Setting& member : setting.inside) reset_setting(member, owner);
}

std::optional<std::size_t> read_choice(const Setting& setting, const Json& value, const std::string& pointer,
                                       Reading& reading) {
  if (!value.is_string()) {
    std::string expected;
    for (const std::string_view choice : setting.choices) {
      expected.append(expected.empty() ? "\"" : " or \"").append(choice).append("\"");
    }
    reading.push_back({pointer, expected + " is expected, not " + shown(value)});
    return std::nullopt;
  }
  const auto name = value.get<std::string>();
  const auto found = std::find(setting.choices.begin(), setting.choices.end(), name);
  if (found != setting.choices.end()) return static_cast<std::size_t>(found - setting.choices.begin());
  reading.push_back({pointer, unknown_name(setting.name, name, setting.choices)});
  return std::nullopt;
}

std::string range_text(const Setting& setting) {
  if (!setting.range) return {};
  const auto [min, max, zero, rule] = *setting.range;
  if (!rule.empty()) return std::string(rule);
  const std::string most = setting.print(max);
  if (!zero.empty())
    return "0 (" + std::string(zero) + ") " + (min > 0 ? "or " + setting.print(min) + " " : "") + "to " + most;
  const bool is_from_nothing = min == 0 && setting.kind != Kind::percent;
  if (is_from_nothing && setting.kind == Kind::time) return "0 to " + most;
  return is_from_nothing ? "at most " + most : setting.print(min) + " to " + most;
}

}  // namespace wobble::api
