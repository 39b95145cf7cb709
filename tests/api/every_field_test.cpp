// Bad input, of every field there is: the fields are those of the API's own description, so that none is forgotten.
#include <gmock/gmock.h>

#include <algorithm>

#include "api/conditions/conditions_json.h"
#include "api/handlers/openapi_schemas.h"

namespace wobble::api {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const Json& schemas() {
  static const Json all = openapi_schemas();
  return all;
}

const Json& resolved(const Json& schema) {
  if (!schema.contains("$ref")) return schema;
  const auto reference = schema.at("$ref").get<std::string>();
  return schemas().at(reference.substr(reference.rfind('/') + 1));
}

bool is_of(const Json& schema, const char* type) {
  const Json types = schema.value("type", Json());
  if (types == type) return true;
  return types.is_array() && std::find(types.begin(), types.end(), Json(type)) != types.end();
}

struct Field {
  std::vector<std::string> path;  ///< below the direction
  Json schema;
  std::string pointer() const {
    std::string out;
    for (const std::string& name : path) out += "/" + name;
    return out;
  }
};

void collect(const Json& schema, const std::vector<std::string>& path, std::vector<Field>& out) {
  const Json& real = resolved(schema);
  if (!path.empty()) out.push_back({path, real});
  if (!real.contains("properties")) return;
  for (const auto& [name, inner] : real.at("properties").items()) {
    std::vector<std::string> below = path;
    below.push_back(name);
    collect(inner, below, out);
  }
}

/// Every field of a direction, objects and what is in them; netem's words stand in place of all of them.
std::vector<Field> fields() {
  std::vector<Field> all;
  collect(schemas().at("Direction"), {}, all);
  std::erase_if(all, [](const Field& f) { return f.path[0] == "netem"; });
  return all;
}

Json nested(const std::vector<std::string>& path, Json value) {
  for (auto name = path.rbegin(); name != path.rend(); ++name) value = Json{{*name, std::move(value)}};
  return value;
}

std::vector<FieldError> errors_of(const Json& direction) {
  std::vector<FieldError> errors;
  read_conditions(Json{{"up", direction}}, errors);
  return errors;
}

bool is_reported(const std::vector<FieldError>& errors, const std::string& pointer) {
  return std::any_of(errors.begin(), errors.end(), [&](const FieldError& e) {
    return e.pointer == "/up" + pointer || e.pointer.starts_with("/up" + pointer + "/");
  });
}

/// What no field takes, by its type.
std::vector<Json> wrong_values(const Field& field) {
  const Json& schema = field.schema;
  if (schema.contains("oneOf")) return {true, 5, "no such thing", Json::array()};
  if (schema.contains("enum")) return {true, 5, "no such thing", Json::array(), Json::object()};
  if (schema.contains("pattern")) return {true, 5, "y", Json::array(), Json::object()};
  if (is_of(schema, "object")) {
    std::vector<Json> values{Json::array(), 5, Json{{"no such field", "5ms"}}};
    if (!is_of(schema, "boolean")) values.push_back(true);
    values.push_back(is_of(schema, "string") ? Json("5 somethings") : Json("5ms"));
    return values;
  }
  if (is_of(schema, "boolean")) return {"yes", 1, Json::array(), Json::object()};
  if (is_of(schema, "integer")) return {"5", -1, 1.5, 1e15, true, Json::array(), Json::object()};
  if (is_of(schema, "array")) return {"5", 5, true, Json::object(), Json{-1}, Json{"1"}};
  // A quantity: without a unit, with one of another kind, misspelt, and out of every range.
  return {"5", 5, "", "x", "5 parsecs", "-99999GB", "99999999999999999999999ms", true, Json::array(), Json::object()};
}

TEST(EveryField, IsDescribed) { EXPECT_GT(fields().size(), 70u); }

TEST(EveryField, RefusesWhatItCannotBe) {
  for (const Field& field : fields()) {
    for (const Json& wrong : wrong_values(field)) {
      EXPECT_TRUE(is_reported(errors_of(nested(field.path, wrong)), field.pointer()))
          << field.pointer() << " " << wrong;
    }
  }
}

TEST(EveryField, MisspeltIsToldTheRightName) {
  for (const Field& field : fields()) {
    Field misspelt = field;
    misspelt.path.back() += "x";
    const std::vector<FieldError> errors = errors_of(nested(misspelt.path, "5ms"));
    EXPECT_TRUE(is_reported(errors, misspelt.pointer())) << misspelt.pointer();
    for (const FieldError& error : errors) {
      if (error.pointer != "/up" + misspelt.pointer()) continue;
      // One letter is a long way from "p"; there the names are told.
      const std::string& name = field.path.back();
      EXPECT_THAT(error.detail, HasSubstr(name.size() == 1 ? " " + name + "," : '"' + name + '"'))
          << misspelt.pointer();
    }
  }
}

TEST(EveryField, AllThatIsWrongIsReportedAtOnce) {
  Json direction = Json::object();
  std::vector<std::string> leaves;
  for (const Field& field : fields()) {
    if (field.schema.contains("properties")) continue;
    direction.merge_patch(nested(field.path, wrong_values(field)[2]));
    leaves.push_back(field.pointer());
  }
  const std::vector<FieldError> errors = errors_of(direction);
  for (const std::string& leaf : leaves) EXPECT_TRUE(is_reported(errors, leaf)) << leaf;
}

TEST(EveryField, ABareNumberIsToldTheUnitThatFits) {
  const std::pair<const char*, const char*> cases[] = {{R"({"mtu": 1400})", "1400B"},
                                                       {R"({"delay": 80})", "80ms"},
                                                       {R"({"loss": 2})", "2%"},
                                                       {R"({"rate": 5})", "5mbit"},
                                                       {R"({"slot": 5})", "5ms"},
                                                       {R"({"idle_timeout": 5})", "5ms"},
                                                       {R"({"queue": 100})", "100packets"},
                                                       {R"({"reorder": {"by": 3}})", "3packets"},
                                                       {R"({"rate": {"overhead": 14}})", "14B"}};
  for (const auto& [direction, right] : cases) {
    const std::vector<FieldError> errors = errors_of(Json::parse(direction));
    ASSERT_EQ(errors.empty(), false) << direction;
    EXPECT_THAT(errors[0].detail, HasSubstr("\"" + std::string(right) + "\"")) << direction;
  }
}

TEST(EveryField, OfAStepIsJudgedAsInALink) {
  for (const Field& field : fields()) {
    const Json direction = nested(field.path, wrong_values(field)[0]);
    const Json step = {{"for", "1s"}, {"both", direction}};
    std::vector<FieldError> errors;
    read_conditions(Json{{"scenario", {step}}}, errors);
    std::vector<std::string> pointers, expected;
    for (const FieldError& e : errors) pointers.push_back(e.pointer);
    for (const FieldError& e : errors_of(direction)) expected.push_back("/scenario/0/both" + e.pointer.substr(3));
    EXPECT_EQ(pointers, expected) << field.pointer();
  }
}

Json scenario(const char* steps) { return Json{{"scenario", Json::parse(steps)}}; }

TEST(ScenarioJson, WhatGoesInComesBack) {
  const Json given = scenario(R"([{"for":"14s"},{"for":"1s","up":{"loss":{"random":"1%"}},"down":{}}])");
  std::vector<FieldError> errors;
  const LinkConditions c = read_conditions(given, errors);
  ASSERT_THAT(errors, IsEmpty());
  EXPECT_EQ(to_json(c).at("scenario"), given.at("scenario"));
  EXPECT_EQ(up_in_step(c, 2).loss.model, LossModel{RandomLoss{Probability::percent(1)}});
  EXPECT_EQ(up_in_step(c, 1), c.up);

  const LinkConditions kept = merge_conditions(c, Json::parse(R"({"up":{"delay":"5ms"}})"), errors);
  EXPECT_EQ(kept.scenario, c.scenario) << "a patch of something else";
  EXPECT_EQ(merge_conditions(c, Json::parse(R"({"scenario":null})"), errors).scenario.size(), 0u);
  EXPECT_EQ(merge_conditions(c, scenario(R"([{"for":"2s"}])"), errors).scenario.size(), 1u);
  EXPECT_THAT(errors, IsEmpty());
}

TEST(ScenarioJson, WhatIsWrongIsNamedAtItsStep) {
  const std::pair<const char*, const char*> cases[] = {
      {R"([{}])", "/scenario/0/for: is missing"},
      {R"([{"for":"1s"},{"for":14}])", "/scenario/1/for: \"14\" has no unit"},
      {R"([{"for":"0ms"}])", "/scenario/0/for: must be 1ms to 168h"},
      {R"([{"for":"200h"}])", "/scenario/0/for: must be 1ms to 168h"},
      {R"([{"for":"1s","both":{},"up":{}}])", "/scenario/0/both: stands in place"},
      {R"([{"for":"1s","upp":{}}])", "did you mean \"up\""},
      {R"([{"for":"1s","down":{"loss":"2"}}])", "/scenario/0/down/loss: \"2\" has no unit"},
      {R"([{"for":"1s","both":{"delay":"20m"}}])", "/scenario/0/both/delay/time: must be 0 to 10m"},
      {R"([5])", "/scenario/0: "},
      {R"({"for":"1s"})", "/scenario: a list of steps"},
  };
  for (const auto& [steps, expected] : cases) {
    std::vector<FieldError> errors;
    read_conditions(scenario(steps), errors);
    ASSERT_EQ(errors.size(), 1u) << steps;
    EXPECT_THAT(errors[0].pointer + ": " + errors[0].detail, HasSubstr(expected));
  }
}

}  // namespace
}  // namespace wobble::api
