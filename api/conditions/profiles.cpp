#include "api/conditions/profiles.h"

#include <stdexcept>

#include "api/conditions/conditions_json.h"
#include "api/nearest_name.h"

namespace wobble::api {
namespace {

struct Row {
  const char* name;
  const char* summary;
  const char* source;
  const char* up;
  const char* down;
  const char* scenario = nullptr;
};

constexpr char kAtc[] = "Augmented Traffic Control (Facebook, 2015), ";
constexpr char kWebPageTest[] = "WebPageTest connectivity profiles";

// clang-format off
constexpr Row kRows[] = {
  {"2g-rural", "2G in the country", "2G-Developing Rural",
   R"({"rate": "18kbit", "delay": "650ms", "loss": "2%"})", R"({"rate": "20kbit", "delay": "650ms", "loss": "2%"})"},
  {"2g-urban", "2G in a city", "2G-Developing Urban",
   R"({"rate": "32kbit", "delay": "650ms"})", R"({"rate": "35kbit", "delay": "650ms"})"},
  {"edge-lossy", "EDGE with loss", "Edge-Lossy",
   R"({"rate": "200kbit", "delay": "440ms", "loss": "1%"})", R"({"rate": "240kbit", "delay": "400ms", "loss": "1%"})"},
  {"edge", "EDGE", "Edge-Average",
   R"({"rate": "200kbit", "delay": "440ms"})", R"({"rate": "240kbit", "delay": "400ms"})"},
  {"3g", "3G", "3G-Average (equal to Apple's Network Link Conditioner)",
   R"({"rate": "330kbit", "delay": "100ms"})", R"({"rate": "780kbit", "delay": "100ms"})"},
  {"3g-good", "3G, good reception", "3G-Good",
   R"({"rate": "420kbit", "delay": "100ms"})", R"({"rate": "850kbit", "delay": "90ms"})"},
  {"dsl", "DSL", "DSL",
   R"({"rate": "256kbit", "delay": "5ms"})", R"({"rate": "2mbit", "delay": "5ms"})"},
  {"cable", "cable", "Cable",
   R"({"rate": "1mbit", "delay": "2ms"})", R"({"rate": "6mbit", "delay": "2ms"})"},
  {"wpt-3g", "3G as WebPageTest has it", kWebPageTest,
   R"({"rate": "768kbit", "delay": "150ms"})", R"({"rate": "1600kbit", "delay": "150ms"})"},
  {"wpt-3g-fast", "fast 3G as WebPageTest has it", kWebPageTest,
   R"({"rate": "768kbit", "delay": "75ms"})", R"({"rate": "1600kbit", "delay": "75ms"})"},
  {"slow-4g", "slow 4G, what Lighthouse measures phones on", "Lighthouse, mobileSlow4G",
   R"({"rate": "750kbit", "delay": "75ms"})", R"({"rate": "1638kbit", "delay": "75ms"})"},
  {"4g", "4G", kWebPageTest,
   R"({"rate": "9mbit", "delay": "85ms"})", R"({"rate": "9mbit", "delay": "85ms"})"},
  {"lte", "LTE", kWebPageTest,
   R"({"rate": "12mbit", "delay": "35ms"})", R"({"rate": "12mbit", "delay": "35ms"})"},
  {"fios", "fibre to the home", kWebPageTest,
   R"({"rate": "5mbit", "delay": "2ms"})", R"({"rate": "20mbit", "delay": "2ms"})"},
  {"very-bad", "a very bad network", "Apple's Network Link Conditioner, \"Very Bad Network\", as others cite it",
   R"({"rate": "1mbit", "delay": "500ms", "loss": "10%"})", R"({"rate": "1mbit", "delay": "500ms", "loss": "10%"})"},
  {"wifi-cafe", "a crowded Wi-Fi", "ours: shared air, so jitter, and loss in bursts of a few packets",
   R"({"rate": "5mbit", "delay": {"time": "10ms", "jitter": "20ms"}, "loss": {"burst": {"percent": "1%", "length": "3packets"}}})",
   R"({"rate": "5mbit", "delay": {"time": "10ms", "jitter": "20ms"}, "loss": {"burst": {"percent": "1%", "length": "3packets"}}})"},
  {"satellite-geo", "a geostationary satellite",
   "ours: 2 x 35,786 km at the speed of light are 239 ms, the rest is equipment; rain loses in bursts",
   R"({"rate": "1mbit", "delay": "280ms", "loss": {"burst": {"percent": "0.5%", "length": "5packets"}}})",
   R"({"rate": "10mbit", "delay": "280ms", "loss": {"burst": {"percent": "0.5%", "length": "5packets"}}})"},
  {"starlink", "low satellites: every 15 s a handover", "APNIC's measurements, 2022 to 2024",
   R"({"rate": "15mbit", "delay": "25ms"})", R"({"rate": "150mbit", "delay": "25ms"})",
   // 30 to 50 ms more, and 1 % lost, for the second of the handover.
   R"([{"for": "14s"}, {"for": "1s", "up": {"rate": "15mbit", "delay": {"time": "65ms", "jitter": "10ms"}, "loss": "1%"},
       "down": {"rate": "150mbit", "delay": {"time": "65ms", "jitter": "10ms"}, "loss": "1%"}}])"},
  {"train", "LTE on a train: each minute a tunnel of 8 s, between poor reception",
   "ours: WebPageTest's LTE; before and after a tunnel the signal is weak, in it there is none",
   R"({"rate": "12mbit", "delay": "35ms"})", R"({"rate": "12mbit", "delay": "35ms"})",
   R"([{"for": "45s"},
       {"for": "4s", "both": {"rate": "2mbit", "delay": {"time": "60ms", "jitter": "20ms"}, "loss": "2%"}},
       {"for": "8s", "both": {"rate": "12mbit", "delay": "35ms", "outage": true}},
       {"for": "3s", "both": {"rate": "2mbit", "delay": {"time": "60ms", "jitter": "20ms"}, "loss": "2%"}}])"},
};
// clang-format on

bool is_from_atc(std::string_view name) {
  constexpr std::string_view kNames[] = {"2g-rural", "2g-urban", "edge-lossy", "edge", "3g", "3g-good", "dsl", "cable"};
  for (const std::string_view known : kNames) {
    if (name == known) return true;
  }
  return false;
}

Profile read(const Row& row) {
  std::vector<FieldError> errors;
  Json document = {{"up", Json::parse(row.up)}, {"down", Json::parse(row.down)}};
  if (row.scenario != nullptr) document["scenario"] = Json::parse(row.scenario);
  Profile profile{row.name, row.summary, (is_from_atc(row.name) ? kAtc : "") + std::string(row.source),
                  read_conditions(document, errors)};
  if (!errors.empty()) {
    throw std::logic_error("preset " + profile.name + ": " + errors.front().pointer + ": " + errors.front().detail);
  }
  return profile;
}

}  // namespace

const std::vector<Profile>& profiles() {
  static const std::vector<Profile> all = [] {
    std::vector<Profile> made;
    made.reserve(std::size(kRows));
    for (const Row& row : kRows) made.push_back(read(row));
    return made;
  }();
  return all;
}

const Profile* find_profile(std::string_view name) {
  for (const Profile& profile : profiles()) {
    if (profile.name == name) return &profile;
  }
  return nullptr;
}

std::string no_such_profile(std::string_view name) {
  std::vector<std::string_view> names;
  names.reserve(profiles().size());
  for (const Profile& profile : profiles()) names.emplace_back(profile.name);
  return unknown_name("profile", name, names);
}

std::string_view profile_of(const LinkConditions& conditions) {
  for (const Profile& profile : profiles()) {
    if (profile.conditions == conditions) return profile.name;
  }
  return {};
}

nlohmann::json to_json(const Profile& profile) {
  Json out = to_json(profile.conditions);
  out["name"] = profile.name;
  out["summary"] = profile.summary;
  out["source"] = profile.source;
  return out;
}

}  // namespace wobble::api
