#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/cli/fake_daemon.h"
#include "tests/cli/run_wobble.h"

namespace {

using namespace wobble::test;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

TEST(Show, tells_the_figures_and_draws_the_ladder) {
  FakeDaemon daemon;
  const Ran ran = run_wobble({"show", "17", "--url", daemon.url()});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("connection 17 on lab, tcp, orderly, closed by client, lived 1.24 s from "));
  EXPECT_THAT(ran.out, HasSubstr("  server    10.77.1.1:80 (far)      CLOSED        6    300 B          5"));
  EXPECT_THAT(ran.out, HasSubstr("handshake 1.08 s (client's side 200 us, server's 80.3 ms)"));
  EXPECT_THAT(ran.out, HasSubstr(R"(
        ms           client                         wobble                         server
     0.000       CLOSED │                              │                              │ LISTEN
     0.000     SYN_SENT │─ SYN seq=0 ─────────────────►│                              │
    80.000              │                              │─ SYN seq=0 +80 ms ──────────►│
    80.100              │                         loss ✕──────── SYN,ACK seq=0 ack=1 ─│ SYN_RECEIVED
)"));
}

TEST(Show, tells_why_each_state_changed) {
  FakeDaemon daemon;
  const Ran ran = run_wobble({"show", "17", "--url", daemon.url()});
  EXPECT_THAT(ran.out, ContainsRegex("0 ms +client +CLOSED +SYN_SENT +SYN: it opens +syn\n"));
  EXPECT_THAT(ran.out, ContainsRegex("80.1 ms +server +LISTEN +SYN_RECEIVED +SYN-ACK: it answers the SYN +syn_ack\n"));
}

TEST(Show, tells_what_was_in_force) {
  FakeDaemon daemon;
  json connection = json::parse(kConnection);
  connection["conditions"] = json::parse(R"([
    {"at":"2026-11-22T09:00:00Z","revision":2,"up":{"delay":{"time":"80ms"}},"down":{"loss":{"random":"2%"}}},
    {"at":"2026-11-22T09:05:58Z","revision":3,"up":{},"down":{},
     "scenario":[{"for":"58s"},{"for":"2s","up":{"outage":{"on":true}},"down":{"outage":{"on":true}}}]}])");
  daemon.answer("GET /api/v1/connections/17", {200, connection.dump()});
  EXPECT_THAT(run_wobble({"show", "17", "--url", daemon.url()}).out, HasSubstr(R"(
  asked     up delay 80ms | down loss 2%
            after 1 s: no impairment
            step 1 of 2, 58s: as above
            step 2 of 2, 2s: both outage on
)"));
}

TEST(Show, has_no_state_for_what_is_not_tcp) {
  FakeDaemon daemon;
  json connection = json::parse(kConnection);
  connection["protocol"] = "udp";
  daemon.answer("GET /api/v1/connections/17", {200, connection.dump()});
  daemon.answer("GET /api/v1/connections/17/transitions", {200, R"({"items":[],"next":null})"});
  daemon.answer("GET /api/v1/connections/17/segments", {200, R"({"items":[],"next":null})"});
  const Ran ran = run_wobble({"show", "17", "--url", daemon.url()});
  EXPECT_THAT(ran.out, AllOf(HasSubstr("only segments of TCP are logged"), Not(HasSubstr("CLOSED"))));
}

TEST(Show, takes_width_ascii_and_absolute) {
  FakeDaemon daemon;
  const Ran ran = run_wobble({"show", "17", "--ascii", "--absolute", "--width", "80", "--url", daemon.url()});
  EXPECT_THAT(ran.out, HasSubstr("loss X- S. 5000 ack 1001 -|"));
  EXPECT_TRUE(std::all_of(ran.out.begin(), ran.out.end(), [](char c) { return c > 0; })) << ran.out;
}

TEST(Show, is_ascii_where_the_locale_is) {
  FakeDaemon daemon;
  const Ran ran = run_wobble({"show", "17", "--url", daemon.url()}, {{"LC_ALL", "C"}});
  EXPECT_THAT(ran.out, HasSubstr("|- SYN seq=0 -"));
}

TEST(Show, joins_the_pages_of_a_long_connection) {
  FakeDaemon daemon;
  json first = json::parse(kSegments);
  first["next"] = "9";
  daemon.answer("GET /api/v1/connections/17/segments", {200, first.dump()});
  const Ran ran = run_wobble({"show", "17", "--json", "--url", daemon.url()});
  const auto asked = daemon.asked("GET /api/v1/connections/17/segments");
  ASSERT_EQ(asked.size(), 2U) << "a cursor that does not move is not followed for ever";
  EXPECT_EQ(asked[1].target, "/api/v1/connections/17/segments?cursor=9");
  const json document = json::parse(ran.out);
  EXPECT_EQ(document["segments"].size(), 4U);
  EXPECT_EQ(document["transitions"], json::parse(kTransitions)["items"]);
  EXPECT_EQ(document["end"], "orderly");
}

TEST(Show, says_that_there_is_none) {
  FakeDaemon daemon;
  const Ran ran = run_wobble({"show", "99", "--url", daemon.url()});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "wobble: there is no such thing\n");
}

}  // namespace
