// Links made and taken away over HTTP: what is read of a way in, and what each refusal says.
#include <gmock/gmock.h>

#include "api/rows/ways_in_json.h"
#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

using WaysInTest = ServerTest;

TEST_F(WaysInTest, ALinkIsMadeAndToldWithItsWayIn) {
  const json link = send("POST", "/api/v1/links",
                         R"({"name": "web", "attach": {"target": "pid:17", "interfaces": ["eth0"], "ports": [443],
                             "addresses": ["10.0.0.0/8", "fd00::/8"], "protocol": "tcp", "fail": "closed",
                             "follow": true}, "both": {"delay": "80ms"}, "seed": 7, "for": "10m"})",
                         201);
  EXPECT_EQ(link["way_in"]["kind"], "attach");
  EXPECT_EQ(link["way_in"]["ports"], json::array({443}));
  EXPECT_EQ(link["way_in"]["state"], "up");
  ASSERT_EQ(backend_.created().size(), 1u);
  const NewLink wanted = backend_.created().front();
  const auto& attach = std::get<AttachSettings>(wanted.way_in);
  EXPECT_EQ(attach.target, "pid:17");
  EXPECT_THAT(attach.interfaces, ElementsAre("eth0"));
  EXPECT_THAT(attach.addresses, ElementsAre("10.0.0.0/8", "fd00::/8"));
  EXPECT_EQ(attach.protocol, "tcp");
  EXPECT_EQ(attach.fail, FailMode::closed);
  EXPECT_TRUE(attach.follow);
  EXPECT_EQ(wanted.seed, 7u);
  EXPECT_EQ(wanted.lasts, std::chrono::minutes(10));
  EXPECT_EQ(wanted.conditions.up.delay.time, std::chrono::milliseconds(80));
  EXPECT_EQ(wanted.conditions.down.delay.time, std::chrono::milliseconds(80));
}

TEST_F(WaysInTest, TheOtherKinds) {
  send("POST", "/api/v1/links", R"({"loopback": {"port": 8000}, "netem": "delay 20ms"})", 201);
  send("POST", "/api/v1/links", R"({"gateway": {"in": "eth0", "out": "eth1", "masquerade": true}})", 201);
  send("POST", "/api/v1/links",
       R"({"run": {"dns": ["1.1.1.1", "2606:4700::1111"], "owner": 17, "with": [5432], "beside": [6379, 80]}})", 201);
  const auto created = backend_.created();
  ASSERT_EQ(created.size(), 3u);
  EXPECT_EQ(std::get<LoopbackSettings>(created[0].way_in).port, 8000);
  EXPECT_EQ(created[0].conditions.down.delay.time, std::chrono::milliseconds(20));
  EXPECT_TRUE(std::get<GatewaySettings>(created[1].way_in).masquerade);
  EXPECT_THAT(std::get<RunSettings>(created[2].way_in).dns, ElementsAre("1.1.1.1", "2606:4700::1111"));
  EXPECT_EQ(std::get<RunSettings>(created[2].way_in).owner, 17);
  EXPECT_THAT(std::get<RunSettings>(created[2].way_in).with, ElementsAre(5432));
  EXPECT_THAT(std::get<RunSettings>(created[2].way_in).beside, ElementsAre(6379, 80));
}

TEST_F(WaysInTest, WhereItIs) {
  const auto answer = client().Post("/api/v1/links", R"({"name": "web", "run": {}})", "application/json");
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->get_header_value("Location"), "/api/v1/links/web");
  EXPECT_EQ(answer->get_header_value("ETag"), "\"1\"");
}

struct Wrong {
  const char* body;
  const char* pointer;
  const char* says;
};

TEST_F(WaysInTest, EveryWrongFieldIsNamedAndNothingIsMade) {
  constexpr Wrong kWrong[] = {
      {R"({})", "", "attach, loopback, gateway, run"},
      {R"({"attach": {"target": "host"}, "run": {}})", "/run", "attach"},
      {R"({"attach": {}})", "/attach/target", "missing"},
      {R"({"attach": {"target": 17}})", "/attach/target", "string"},
      {R"({"attach": {"target": "host", "ports": [0]}})", "/attach/ports", "1 to 65535"},
      {R"({"attach": {"target": "host", "ports": [65536]}})", "/attach/ports", "1 to 65535"},
      {R"({"attach": {"target": "host", "ports": 443}})", "/attach/ports", "list"},
      {R"({"attach": {"target": "host", "addresses": ["10.0.0.0/33"]}})", "/attach/addresses", "10.0.0.0/8"},
      {R"({"attach": {"target": "host", "interfaces": ["a b"]}})", "/attach/interfaces", "eth0"},
      {R"({"attach": {"target": "host", "interfaces": ["wébwébwébwéb"]}})", "/attach/interfaces", "1 to 15 bytes"},
      {R"({"attach": {"target": "host", "protocol": "sctp"}})", "/attach/protocol", "\"udp\""},
      {R"({"attach": {"target": "host", "protocol": "icmp", "ports": [1]}})", "/attach/ports", "icmp"},
      {R"({"attach": {"target": "host", "fail": "shut"}})", "/attach/fail", "\"closed\""},
      {R"({"attach": {"target": "host", "port": [1]}})", "/attach/port", "ports"},
      {R"({"loopback": {}})", "/loopback/port", "missing"},
      {R"({"loopback": {"port": "80"}})", "/loopback/port", "1 to 65535"},
      {R"({"gateway": {"in": "eth0"}})", "/gateway/out", "missing"},
      {R"({"gateway": {"in": "eth0", "out": "eth0"}})", "/gateway/out", "same"},
      {R"({"run": {"dns": ["localhost"]}})", "/run/dns", "1.1.1.1"},
      {R"({"run": {"owner": 0}})", "/run/owner", "process id"},
      {R"({"run": {"owner": "17"}})", "/run/owner", "process id"},
      {R"({"run": {"with": ["localhost:5432"]}})", "/run/with", "1 to 65535"},
      {R"({"run": {"with": [80], "beside": [443, 80]}})", "/run/beside", "port 80 is named twice"},
      {R"({"run": {}, "name": "a b"})", "/name", "letters"},
      {R"({"run": {}, "seed": -1})", "/seed", "whole number"},
      {R"({"run": {}, "loss": "1%"})", "/loss", "unknown"},
      {R"({"run": {}, "both": {"delay": "80"}})", "/both/delay", ""},
      {R"({"run": {}, "netem": "delya 80ms"})", "/netem", "delay"},
      {R"({"run": {}, "netem": "delay 80ms", "up": {}})", "/netem", "one or the others"},
  };
  for (const Wrong& wrong : kWrong) {
    const json problem = send("POST", "/api/v1/links", wrong.body, 422);
    ASSERT_FALSE(problem["errors"].empty()) << wrong.body;
    EXPECT_EQ(problem["errors"][0]["pointer"], wrong.pointer) << problem;
    EXPECT_THAT(problem["errors"][0]["detail"].get<std::string>(), HasSubstr(wrong.says)) << wrong.body;
  }
  EXPECT_TRUE(backend_.created().empty());
}

TEST_F(WaysInTest, WhatTheDaemonCannotDoIsToldWithItsStatus) {
  const json conflict = send("POST", "/api/v1/links", R"({"name": "lab", "run": {}})", 409);
  EXPECT_EQ(conflict["title"], "Conflict");
  const json missing = send("POST", "/api/v1/links", R"({"name": "nowhere", "attach": {"target": "pid:4711"}})", 422);
  EXPECT_EQ(missing["errors"][0]["pointer"], "/attach/target");
  const json powerless = send("POST", "/api/v1/links", R"({"name": "powerless", "run": {}})", 503);
  EXPECT_THAT(powerless["error"].get<std::string>(), HasSubstr("/dev/net/tun"));
}

TEST_F(WaysInTest, ALinkIsTakenAway) {
  backend_.add_link("web");
  EXPECT_EQ(client().Delete("/api/v1/links/web")->status, 204);
  EXPECT_EQ(client().Delete("/api/v1/links/lab")->status, 409);
  EXPECT_EQ(client().Delete("/api/v1/links/other")->status, 404);
}

}  // namespace
}  // namespace wobble::api
