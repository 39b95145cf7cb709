// One declaration is all that a setting takes: here is a made-up one.
#include "api/conditions/setting.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "api/conditions/setting_access.h"
#include "api/conditions/settings_schema.h"
#include "api/conditions/settings_table.h"
#include "api/conditions/settings_text.h"

namespace wobble::api {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

struct Weather {
  Duration rain{0};
  std::uint32_t gusts = 2;
  bool is_foggy = false;
  bool operator==(const Weather&) const = default;
};
struct Sky {
  Weather weather;
};
constexpr Setting kWeather[] = {
    in<InTime, &Weather::rain>({.name = "rain",
                                .example = "5m",
                                .range = Range{0, Duration(std::chrono::hours(1)).count(), "dry"},
                                .help = "how long a shower lasts",
                                .alternative = "rain"}),
    count<&Weather::gusts>({.name = "gusts", .range = Range{1, 9}}),
    flag<&Weather::is_foggy>({.name = "fog", .alternative = "fog"}),
};
constexpr Setting kSky = object<&Sky::weather>({.name = "weather", .inside = kWeather, .shorthand = "rain"});

struct Read {
  Sky sky;
  std::vector<std::string> errors;
};
Read read(const char* text, Sky present = {}) {
  Reading reading;
  read_setting(kSky, Json::parse(text), "/weather", &present, reading);
  Read out{present, {}};
  for (const FieldError& error : reading.errors()) out.errors.push_back(error.pointer + ": " + error.detail);
  return out;
}

TEST(Setting, IsReadAndWritten) {
  using namespace std::chrono_literals;
  EXPECT_EQ(read(R"("5m")").sky.weather.rain, Duration(5min));
  Sky sky = read(R"({"rain":"30s","gusts":3})").sky;
  EXPECT_EQ(write_setting(kSky, &sky), Json::parse(R"({"rain":"30s","gusts":3})"));
  sky = {};
  EXPECT_EQ(write_setting(kSky, &sky), Json());
}

TEST(Setting, APatchIsReadOverWhatIsThere) {
  const Sky present = read(R"({"rain":"30s","gusts":3})").sky;
  Sky sky = read(R"({"gusts":null})", present).sky;
  EXPECT_EQ(write_setting(kSky, &sky), Json::parse(R"({"rain":"30s"})"));
  sky = read(R"({"fog":true})", present).sky;
  EXPECT_EQ(write_setting(kSky, &sky), Json::parse(R"({"fog":true,"gusts":3})")) << "in place of the rain";
  EXPECT_EQ(read("null", present).sky.weather, Weather{});
}

TEST(Setting, WhatIsWrongIsNamed) {
  EXPECT_THAT(read(R"({"rain":5,"gusts":"many","fog":1,"snow":true})").errors,
              ElementsAre(HasSubstr("/weather/rain: \"5\" has no unit"), HasSubstr("/weather/gusts: a whole number"),
                          HasSubstr("/weather/fog: true or false"), HasSubstr("/weather/snow: unknown field")));
  EXPECT_EQ(range_text(kWeather[0]), "0 (dry) to 1h");
  EXPECT_EQ(range_text(kWeather[1]), "1 to 9");
}

TEST(Setting, IsDescribed) {
  Sky sky;
  const Json schema = schema_of(kSky, &sky);
  EXPECT_EQ(schema.at("properties").at("gusts").at("maximum"), 9);
  EXPECT_EQ(schema.at("properties").at("rain").at("examples"), Json::parse(R"(["5m"])"));
  EXPECT_THAT(schema.at("properties").at("rain").at("description"), HasSubstr("how long a shower lasts"));
  const Json settings = description_of(kSky, &sky).at("settings");
  EXPECT_EQ(settings[0], Json::parse(R"({"name":"rain","kind":"time","help":"how long a shower lasts","example":"5m",
      "alternative":"rain","min":"0ms","max":"1h","zero":"dry","default":"0ms"})"));
  EXPECT_EQ(settings[1].at("default"), 2);
}

TEST(Setting, IsToldToPeople) {
  Sky sky;
  const Json description = {{"impairments", {description_of(kSky, &sky)}}};
  const std::vector<SettingLine> lines = setting_lines(description);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_EQ(lines[0].path, "weather");
  EXPECT_EQ(lines[0].value, "{}|rain");
  EXPECT_EQ(lines[1].path, "weather.rain");
  EXPECT_EQ(lines[1].value, "TIME");
  EXPECT_EQ(lines[1].text, "how long a shower lasts; 0 (dry) or 0ms to 1h; default 0ms");
  EXPECT_EQ(lines[3].value, "true|false");
  EXPECT_THAT(settings_man_page(description, "1.2"),
              HasSubstr(".TP\n.BI \"weather.gusts \" \"COUNT\"\n1 to 9; default 2\n"));
}

TEST(Setting, PageOfImpairmentsNamesEachOne) {
  std::ostringstream page;
  page << std::ifstream(WOBBLE_IMPAIRMENTS_PAGE).rdbuf();
  const std::string text = page.str();
  ASSERT_THAT(text, HasSubstr("wobble"));
  for (const Setting& impairment : impairments()) {
    EXPECT_THAT(text, HasSubstr("`" + std::string(impairment.name) + "`"));
    for (const Setting& setting : impairment.inside) {
      EXPECT_THAT(text, HasSubstr("`" + std::string(setting.name) + "`")) << "a setting of " << impairment.name;
    }
  }
}

}  // namespace
}  // namespace wobble::api
