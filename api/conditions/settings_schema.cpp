#include "api/conditions/settings_schema.h"

#include "api/conditions/settings_table.h"

namespace wobble::api {
namespace {

std::string_view kind_name(Kind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

/// What a setting is in conditions of which nothing is asked, as it would be written; null: there is no such thing.
Json standard_of(const Setting& setting, const void* owner) {
  if (!setting.standard.empty()) return setting.standard;
  switch (setting.kind) {
    case Kind::choice:
    case Kind::distribution: return setting.choices[0];
    default: break;
  }
  if (owner == nullptr || setting.number == nullptr) return {};
  const std::optional<std::int64_t> number = setting.number(owner);
  if (!number) return {};
  if (setting.kind == Kind::flag) return *number != 0;
  return setting.kind == Kind::count ? Json(*number) : Json(setting.print(*number));
}

/// What is inside an object, with every default.
void* inside_of(const Setting& object, void* owner) {
  bool is_new = false;
  return object.open != nullptr ? object.open(owner, is_new) : nullptr;
}

std::string described(const Setting& setting) {
  std::string out(setting.help);
  const auto add = [&](const std::string& text) { out.append(out.empty() ? "" : "; ").append(text); };
  if (!setting.shorthand.empty()) add("shorthand: " + std::string(setting.shorthand));
  if (!setting.standard.empty()) add("default: " + std::string(setting.standard));
  if (setting.range) add(range_text(setting));
  return out;
}

Json types(std::initializer_list<const char*> names) {
  Json out = Json::array();
  for (const char* name : names) out.push_back(name);
  return out;
}

Json object_schema(const Setting& setting, void* owner) {
  const Setting* main = nullptr;
  Json properties = Json::object();
  void* inside = inside_of(setting, owner);
  for (const Setting& member : setting.inside) {
    properties[std::string(member.name)] = schema_of(member, inside);
    if (member.name == setting.shorthand) main = &member;
  }
  Json type = main == nullptr            ? types({"object", "null"})
              : main->kind == Kind::flag ? types({"object", "boolean", "null"})
                                         : types({"object", "string", "null"});
  if (setting.name == "trace") {
    properties["values"] = {{"type", "integer"}, {"description", "of an answer: how many numbers stand in the file"}};
    properties["sha256"] = {{"type", "string"},
                            {"description", "of the file that is in use; sent, the file must have it"}};
  }
  return {{"type", std::move(type)}, {"additionalProperties", false}, {"properties", std::move(properties)}};
}

}  // namespace

Json schema_of(const Setting& setting, void* owner) {
  Json out;
  switch (setting.kind) {
    case Kind::object: out = object_schema(setting, owner); break;
    case Kind::flag: out = {{"type", "boolean"}}; break;
    case Kind::count: out = {{"type", types({"integer", "null"})}}; break;
    case Kind::choice:
      if (setting.name == "per") return {{"$ref", "#/components/schemas/Per"}};
      out = {{"enum", setting.choices}};
      break;
    case Kind::distribution: return {{"$ref", "#/components/schemas/Distribution"}};
    case Kind::numbers:
      out = {{"type", types({"array", "null"})}, {"items", {{"type", "integer"}, {"minimum", 0}}}};
      break;
    case Kind::pattern: out = {{"type", types({"string", "null"})}, {"pattern", "^[.x]*$"}}; break;
    default: out = {{"type", "string"}};
  }
  if (std::string text = described(setting); !text.empty()) out["description"] = std::move(text);
  if (!setting.example.empty() && setting.kind != Kind::count) out["examples"] = {setting.example};
  if (setting.standard.empty()) {
    if (Json standard = standard_of(setting, owner); !standard.is_null()) out["default"] = std::move(standard);
  }
  if (setting.kind == Kind::count && setting.range) {
    out["minimum"] = setting.range->min;
    out["maximum"] = setting.range->max;
  }
  if (setting.longest > 0) out[setting.kind == Kind::pattern ? "maxLength" : "maxItems"] = setting.longest;
  return out;
}

Json description_of(const Setting& setting, void* owner) {
  Json out = {{"name", setting.name}, {"kind", kind_name(setting.kind)}, {"help", setting.help}};
  const auto put = [&](const char* name, std::string_view text) {
    if (!text.empty()) out[name] = text;
  };
  put("example", setting.example);
  put("alternative", setting.alternative);
  put("shorthand", setting.shorthand);
  if (setting.range) {
    out["min"] = setting.print(setting.range->min);
    out["max"] = setting.print(setting.range->max);
    put("zero", setting.range->zero);
  }
  if (!setting.choices.empty()) out["choices"] = setting.choices;
  if (!setting.disciplines.empty()) out["disciplines"] = setting.disciplines;
  if (setting.longest > 0) out["longest"] = setting.longest;
  if (Json standard = standard_of(setting, owner); !standard.is_null()) out["default"] = std::move(standard);
  if (!setting.inside.empty()) {
    Json inside = Json::array();
    void* defaults = inside_of(setting, owner);
    for (const Setting& member : setting.inside) inside.push_back(description_of(member, defaults));
    out["settings"] = std::move(inside);
  }
  return out;
}

Json direction_schema() {
  DirectionConditions nothing;
  Json properties = Json::object();
  for (const Setting& impairment : impairments()) {
    properties[std::string(impairment.name)] = schema_of(impairment, &nothing);
  }
  properties["netem"] = {{"type", "string"},
                         {"description", "netem's words in place of everything else here"},
                         {"examples", {"delay 100ms 10ms loss 1%"}}};
  return {
      {"type", "object"},
      {"additionalProperties", false},
      {"description",
       "What is absent is at its default: no impairment. In a PATCH null is back to default; a shorthand (a string or "
       "boolean in place of an object) and netem's words replace the whole impairment; to name one loss model, or one "
       "kind of outage, takes back the other."},
      {"properties", std::move(properties)}};
}

Json settings_description() {
  DirectionConditions nothing;
  Json all = Json::array();
  for (const Setting& impairment : impairments()) all.push_back(description_of(impairment, &nothing));
  return {{"impairments", std::move(all)}};
}

}  // namespace wobble::api
