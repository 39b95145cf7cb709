// Changes for a while, undo, and If-Match, as the API has them.
#include <gmock/gmock.h>

#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* kLab = "/api/v1/links/lab";

class TemporaryTest : public ServerTest {
 protected:
  json patch(const char* body, int status = 200, const httplib::Headers& headers = {}) {
    return send("PATCH", kLab, body, status, headers);
  }
};

TEST_F(TemporaryTest, TheAnswerListsWhatComesBackWhen) {
  EXPECT_EQ(get(kLab)["temporary"], json::array());
  patch(R"({"up":{"delay":"5ms"}})");
  const json link = patch(R"({"up":{"delay":"90ms","loss":"2%"},"scenario":[{"for":"1s"}],"for":"10m"})");
  const std::string at = link["reverts_at"];
  const json expected = {{{"pointer", "/up/delay"}, {"at", at}, {"to", {{"time", "5ms"}}}},
                         {{"pointer", "/up/loss"}, {"at", at}, {"to", nullptr}},
                         {{"pointer", "/scenario"}, {"at", at}, {"to", nullptr}}};
  ASSERT_EQ(link["temporary"].size(), 3u);
  for (const json& item : expected) EXPECT_THAT(link["temporary"], testing::Contains(item));
}

TEST_F(TemporaryTest, ALastingPatchIsMadeInWhatComesBackToo) {
  patch(R"({"up":{"delay":"90ms"},"for":"10m"})");
  const json link = patch(R"({"up":{"loss":"5%"}})");
  ASSERT_EQ(link["temporary"].size(), 1u);
  EXPECT_EQ(link["temporary"][0]["pointer"], "/up/delay");
  const Change change = backend_.changes().back();
  ASSERT_EQ(change.upcoming.size(), 1u);
  EXPECT_EQ(change.upcoming[0].up.loss.model, LossModel{RandomLoss{Probability::percent(5)}});
  EXPECT_EQ(change.upcoming[0].up.delay.time, Duration(0));
}

TEST_F(TemporaryTest, ToNameTheFieldAgainMakesItStay) {
  patch(R"({"up":{"delay":"90ms"},"for":"10m"})");
  EXPECT_EQ(patch(R"({"up":{"delay":"90ms"}})")["temporary"], json::array());
}

TEST_F(TemporaryTest, WhatDoesNotFitWhenItEndsIsRefusedNow) {
  patch(R"({"up":{"rate":"5mbit"},"for":"10m"})");
  const json problem = patch(R"({"up":{"queue":{"discipline":"codel"}}})", 422);
  ASSERT_EQ(problem["errors"].size(), 1u);
  EXPECT_EQ(problem["errors"][0]["pointer"], "/up/queue/discipline");
  EXPECT_THAT(problem["errors"][0]["detail"].get<std::string>(),
              testing::AllOf(HasSubstr("needs a rate"), HasSubstr("a change that was made for a while ends")));
  // With an end of its own that comes before it is right.
  patch(R"({"up":{"queue":{"discipline":"codel"}},"for":"1m"})");
}

TEST_F(TemporaryTest, DeleteEndsThemNow) {
  patch(R"({"up":{"delay":"90ms"},"for":"10m"})");
  const json link = send("DELETE", "/api/v1/links/lab/temporary", "", 200);
  EXPECT_EQ(link["up"], json::object());
  EXPECT_EQ(link["temporary"], json::array());
  EXPECT_EQ(send("DELETE", "/api/v1/links/lab/temporary", "", 200)["revision"], link["revision"]) << "nothing to do";
  send("DELETE", "/api/v1/links/none/temporary", "", 404);
}

TEST_F(TemporaryTest, WhatIsReadCanBeSentAgain) {
  const json link = patch(R"({"up":{"delay":"90ms"},"for":"10m"})");
  send("PUT", kLab, link.dump(), 200);
}

TEST_F(TemporaryTest, RevertUndoes) {
  patch(R"({"up":{"delay":"1ms"}})");
  patch(R"({"up":{"delay":"2ms"}})");
  const json undone = send("POST", "/api/v1/links/lab/revert", "", 200);
  EXPECT_EQ(undone["up"]["delay"]["time"], "1ms");
  EXPECT_EQ(undone["revision"], 4);
  EXPECT_EQ(send("POST", "/api/v1/links/lab/revert", R"({"to":1})", 200)["up"], json::object());
  EXPECT_EQ(backend_.changes().back().source, "api revert to revision 1");
}

TEST_F(TemporaryTest, RevertToWhatIsNotThere) {
  send("POST", "/api/v1/links/none/revert", "", 404);
  send("POST", "/api/v1/links/lab/revert", "", 404);  // there was nothing before the first
  send("POST", "/api/v1/links/lab/revert", R"({"to":7})", 404);
  for (const char* wrong : {R"({"to":"1"})", R"({"to":-1})", R"({"too":1})"}) {
    send("POST", "/api/v1/links/lab/revert", wrong, 422);
  }
  patch(R"({"up":{"delay":"1ms"}})");
  backend_.forget_past();
  send("POST", "/api/v1/links/lab/revert", R"({"to":1})", 410);
}

TEST_F(TemporaryTest, IfMatchIsObeyedByWhateverChangesALink) {
  const std::tuple<const char*, const char*, const char*> changes[] = {
      {"PATCH", kLab, R"({"up":{"delay":"1ms"}})"},
      {"PUT", kLab, "{}"},
      {"POST", "/api/v1/links/lab/apply", R"({"profile":"3g"})"},
      {"POST", "/api/v1/links/lab/reset", ""},
      {"POST", "/api/v1/links/lab/revert", R"({"to":1})"},
      {"DELETE", "/api/v1/links/lab/temporary", ""},
  };
  for (const auto& [method, path, body] : changes) {
    send(method, path, body, 412, {{"If-Match", "\"999\""}});
    const std::string present = "\"" + std::to_string(get(kLab)["revision"].get<int>()) + "\"";
    send(method, path, body, 200, {{"If-Match", present}});
  }
  backend_.add_link("web");
  send("DELETE", "/api/v1/links/web", "", 412, {{"If-Match", "\"999\""}});
  send("DELETE", "/api/v1/links/web", "", 204, {{"If-Match", "\"1\""}});
}

}  // namespace
}  // namespace wobble::api
