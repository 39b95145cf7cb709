// The presets, and putting one in effect.
#include "api/conditions/profiles.h"

#include <gmock/gmock.h>

#include <chrono>
#include <set>

#include "api/conditions/conditions_check.h"
#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;

TEST(Profiles, EachIsValidNamedOnceAndHasASource) {
  std::set<std::string> names;
  for (const Profile& profile : profiles()) {
    EXPECT_TRUE(names.insert(profile.name).second) << profile.name;
    EXPECT_FALSE(profile.source.empty()) << profile.name;
    EXPECT_TRUE(validate(profile.conditions).empty()) << profile.name;
    EXPECT_EQ(profile_of(profile.conditions), profile.name);
  }
  for (const char* name :
       {"edge", "3g", "3g-good", "edge-lossy", "2g-urban", "2g-rural", "dsl", "cable", "lte", "4g", "wpt-3g",
        "wpt-3g-fast", "fios", "slow-4g", "very-bad", "satellite-geo", "starlink", "wifi-cafe", "train"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(Profiles, RoundTripTimesOfTheSourcesAreHalved) {
  const Profile* lte = find_profile("lte");  // WebPageTest: 70 ms there and back
  ASSERT_NE(lte, nullptr);
  EXPECT_EQ(lte->conditions.up.delay.time + lte->conditions.down.delay.time, 70ms);
  const Profile* satellite = find_profile("satellite-geo");
  ASSERT_NE(satellite, nullptr);
  EXPECT_GT(satellite->conditions.up.delay.time, 239ms);
}

TEST(Profiles, HandoversAndTunnelsAreScenarios) {
  const LinkConditions& starlink = find_profile("starlink")->conditions;
  ASSERT_EQ(starlink.scenario.size(), 2u);
  EXPECT_EQ(starlink.scenario[0].length + starlink.scenario[1].length, 15s);
  const DirectionConditions& handover = up_in_step(starlink, 2);
  EXPECT_EQ(up_in_step(starlink, 1).delay.time, 25ms);
  EXPECT_EQ(handover.delay.time - handover.delay.jitter, 25ms + 30ms);
  EXPECT_EQ(handover.delay.time + handover.delay.jitter, 25ms + 50ms);
  EXPECT_EQ(handover.loss.model, LossModel{RandomLoss{Probability::percent(1)}});
  const LinkConditions& train = find_profile("train")->conditions;
  EXPECT_TRUE(up_in_step(train, 3).outage.on && down_in_step(train, 3).outage.on);
}

TEST(Profiles, NoImpairmentIsNoProfile) { EXPECT_EQ(profile_of(LinkConditions{}), ""); }

TEST_F(ServerTest, ProfilesAreListedWithTheirSources) {
  const json list = get("/api/v1/profiles");
  EXPECT_EQ(list["items"].size(), profiles().size());
  const json slow = get("/api/v1/profiles/3g");
  EXPECT_EQ(slow["up"], json::parse(R"({"rate":"330kbit","delay":{"time":"100ms"}})"));
  EXPECT_EQ(slow["down"], json::parse(R"({"rate":"780kbit","delay":{"time":"100ms"}})"));
  EXPECT_THAT(slow["source"], HasSubstr("Augmented Traffic Control"));
  EXPECT_THAT(get("/api/v1/profiles/3gg", 404)["error"], HasSubstr("did you mean \"3g\"?"));
}

TEST_F(ServerTest, AProfileReplacesWhatTheLinkHad) {
  send("PATCH", "/api/v1/links/lab", R"({"both": {"loss": "5%"}})", 200);
  const json link = send("POST", "/api/v1/links/lab/apply", R"({"profile": "3g"})", 200);
  EXPECT_EQ(link["profile"], "3g");
  EXPECT_EQ(link["revision"], 3);
  EXPECT_EQ(backend_.conditions(), find_profile("3g")->conditions);
  EXPECT_EQ(send("PATCH", "/api/v1/links/lab", R"({"up": {"loss": "1%"}})", 200)["profile"], nullptr);
}

TEST_F(ServerTest, AProfileForAWhile) {
  const json link = send("POST", "/api/v1/links/lab/apply", R"({"profile": "edge", "for": "10m"})", 200);
  EXPECT_EQ(link["profile"], "edge");
  EXPECT_NE(link["reverts_at"], nullptr);
}

TEST_F(ServerTest, WhatCannotBeAppliedChangesNothingAndSaysEverything) {
  const json problem = send("POST", "/api/v1/links/lab/apply", R"({"profile": "4gg", "for": "soon", "speed": 2})", 422);
  EXPECT_EQ(problem["errors"].size(), 3u);
  EXPECT_THAT(problem.dump(), HasSubstr("did you mean"));
  for (const char* body : {"{}", R"({"profile": 3})", R"({"profile": null})"}) {
    EXPECT_THAT(send("POST", "/api/v1/links/lab/apply", body, 422)["error"], HasSubstr("\"3g\"")) << body;
  }
  send("POST", "/api/v1/links/nowhere/apply", R"({"profile": "3g"})", 404);
  send("POST", "/api/v1/links/lab/apply", R"({"profile": "3g"})", 412, {{"If-Match", "\"7\""}});
  EXPECT_EQ(backend_.conditions(), LinkConditions{});
}

}  // namespace
}  // namespace wobble::api
