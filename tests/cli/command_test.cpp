// The commands that ask once: what they send, what they print, how they end.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/cli/fake_daemon.h"
#include "tests/cli/run_wobble.h"

namespace {

using namespace wobble::test;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

class Command : public ::testing::Test {
 protected:
  Ran run(std::vector<std::string> arguments, std::map<std::string, std::string> environment = {},
          Output output = Output::pipe) {
    environment.emplace("WOBBLE_URL", daemon.url());
    return run_wobble(arguments, environment, output);
  }
  FakeDaemon daemon;
};

TEST_F(Command, status_tells_asked_delivered_and_counted) {
  const Ran ran = run({"status"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "wobbled 0.1.0 at " + daemon.url() + R"(, up 3 min 12 s, healthy

link lab  near 10.77.0.1 fd77::1  far 10.77.1.1 fd77::1:1  seed 42
  up    asked      delay 80ms 10ms; loss 2%
        delivered  delay 80.1 ms (p99 89.7 ms), released 20 us late (p99 100 us), loss 1.98 % in bursts of 1.5, 1.20 Mbit/s in, 1.18 Mbit/s out
  down  asked      no impairment
        delivered  delay 10 us (p99 50 us), released 10 us late (p99 50 us), loss 0 %, 0 bit/s in, 0 bit/s out
  packets     in    bytes   out    bytes                  dropped  duplicated  corrupted  reordered  in flight
  up       10000  1.50 MB  9799  1.47 MB  198 (197 loss, 1 queue)           0          0          0          3
  down      9000     9 MB  9000     9 MB                        0           0          0          0          0
  connections 12: 3 ESTABLISHED, 9 TIME_WAIT
)");
}

TEST_F(Command, status_says_what_came_with_a_wrong_checksum) {
  json stats = json::parse(kStats);
  stats["down"]["total"]["bad_checksum"] = 4;
  daemon.answer("GET /api/v1/links/lab/stats", {200, stats.dump()});
  EXPECT_THAT(run({"status"}).out, HasSubstr("\n  came with a wrong checksum: 0 up, 4 down\n"));
}

TEST_F(Command, status_json_is_one_document_of_the_apis_own) {
  const Ran ran = run({"status", "--json"});
  EXPECT_EQ(ran.exit_code, 0);
  const json document = json::parse(ran.out);
  EXPECT_EQ(document["links"][0]["stats"], json::parse(kStats));
  EXPECT_EQ(document["daemon"]["version"], "0.1.0");
}

TEST_F(Command, status_says_that_the_daemon_is_ill) {
  daemon.answer("GET /healthz", {503, R"({"ok":false,"detail":"the journal cannot write: disk full"})"});
  const Ran sick = run({"status"});
  EXPECT_THAT(sick.out, HasSubstr("not healthy: the journal cannot write: disk full"));
  EXPECT_EQ(sick.exit_code, 1);
}

TEST_F(Command, set_sends_only_what_was_named) {
  const Ran ran = run({"set", "lab", "up", "delay", "80ms", "10ms", "loss", "2%", "--for", "10m"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const auto sent = daemon.asked("PATCH /api/v1/links/lab");
  ASSERT_THAT(sent, SizeIs(1));
  EXPECT_EQ(json::parse(sent[0].body), json::parse(R"({"up":{"netem":"delay 80ms 10ms loss 2%"},"for":"10m"})"));
  EXPECT_EQ(ran.out, "lab in effect, revision 3\n  up    delay 80ms 10ms; loss 2%\n  down  no impairment\n");
}

TEST_F(Command, set_without_a_direction_is_for_both) {
  run({"set", "lab", "rate", "5mbit"});
  run({"set", "lab", "both", "rate", "5mbit"});
  const auto sent = daemon.asked("PATCH /api/v1/links/lab");
  ASSERT_THAT(sent, SizeIs(2));
  EXPECT_EQ(json::parse(sent[0].body), json::parse(R"({"both":{"netem":"rate 5mbit"}})"));
  EXPECT_EQ(sent[0].body, sent[1].body);
}

TEST_F(Command, set_names_every_wrong_word_before_it_sends_any) {
  const Ran ran = run({"set", "lab", "up", "dealy", "80ms", "loss", "rate", "5kbps"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_THAT(ran.err, AllOf(HasSubstr("did you mean \"delay\"?"), HasSubstr("\n  loss: "), HasSubstr("\n  rate: ")));
  EXPECT_THAT(daemon.asked(), IsEmpty());
}

TEST_F(Command, set_says_when_it_reverts) {
  json link = json::parse(kLink);
  link["reverts_at"] = "2026-11-22T10:00:00.000000000Z";
  daemon.answer("PATCH /api/v1/links/lab", {200, link.dump()});
  EXPECT_THAT(run({"set", "lab", "loss", "1%"}).out, HasSubstr("what was before comes back at"));
  link["temporary"] = json::parse(R"([
      {"pointer":"/up/delay","at":"2026-11-22T10:00:00.000000000Z","to":{"time":"5ms"}},
      {"pointer":"/down/loss","at":"2026-11-22T11:00:00.000000000Z","to":null},
      {"pointer":"/scenario","at":"2026-11-22T11:00:00.000000000Z","to":[{"for":"1s"}]}])");
  daemon.answer("PATCH /api/v1/links/lab", {200, link.dump()});
  EXPECT_THAT(run({"set", "lab", "loss", "1%"}).out,
              AllOf(HasSubstr(":  up    delay 5ms\n"), HasSubstr(":  down  no loss\n"),
                    HasSubstr("the scenario before of 1 steps")));
}

TEST_F(Command, revert_asks_for_the_revision_or_for_the_one_before) {
  daemon.answer("POST /api/v1/links/lab/revert", {200, kLink});
  EXPECT_THAT(run({"revert", "lab"}).out, HasSubstr("lab in effect, revision 3"));
  EXPECT_EQ(run({"revert", "lab", "--to", "2"}).exit_code, 0);
  const auto asked = daemon.asked("POST /api/v1/links/lab/revert");
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(json::parse(asked[0].body), json::object());
  EXPECT_EQ(json::parse(asked[1].body), json::parse(R"({"to":2})"));
}

TEST_F(Command, revert_ends_what_is_for_a_while) {
  daemon.answer("DELETE /api/v1/links/lab/temporary", {200, kLink});
  EXPECT_THAT(run({"revert", "lab", "--temporary"}).out, HasSubstr("lab in effect"));
  EXPECT_EQ(daemon.asked("DELETE /api/v1/links/lab/temporary").size(), 1u);
}

TEST_F(Command, a_refusal_names_each_field_on_its_line) {
  daemon.answer("PATCH /api/v1/links/lab",
                {422,
                 R"({"title":"Unprocessable","status":422,"detail":"2 fields are wrong","errors":[
                     {"pointer":"/up/delay/time","detail":"longer than 10m"},{"pointer":"/for","detail":"no unit"}]})",
                 "application/problem+json"});
  const Ran ran = run({"set", "lab", "up", "delay", "11m"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "wobble: 2 fields are wrong\n  /up/delay/time: longer than 10m\n  /for: no unit\n");
}

TEST_F(Command, reset_is_for_one_link_or_for_all) {
  EXPECT_EQ(run({"reset", "lab"}).out, "lab is clean\n");
  EXPECT_EQ(run({"reset"}).out, "every link is clean\n");
  EXPECT_THAT(daemon.asked("POST /api/v1/links/lab/reset"), SizeIs(1));
  EXPECT_THAT(daemon.asked("POST /api/v1/reset"), SizeIs(1));
}

TEST_F(Command, a_strange_name_stays_one_step_of_the_path) {
  EXPECT_EQ(run({"reset", "../../x y?z"}).exit_code, 1);
  ASSERT_THAT(daemon.asked(), SizeIs(1));
  EXPECT_EQ(daemon.asked()[0].target, "/api/v1/links/..%2F..%2Fx%20y%3Fz/reset");
}

TEST_F(Command, connections_is_a_table) {
  const Ran ran = run({"connections"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "id  client           state      |  server        state      age     rtt      retrans  dropped  end\n"
            "17  10.77.0.1:40112  TIME_WAIT  |  10.77.1.1:80  CLOSED  1.24 s  1.08 s  2 (1 by us)        1  orderly by "
            "client\n");
}

TEST_F(Command, connections_hands_every_filter_on) {
  run({"connections", "--link", "lab", "--state", "fin-wait-1", "--port", "80", "--end", "reset", "--closed-by",
       "server", "--since", "2026-11-22T09:00:00+01:00", "--limit", "7"});
  ASSERT_THAT(daemon.asked(), SizeIs(1));
  EXPECT_EQ(daemon.asked()[0].target,
            "/api/v1/connections?limit=7&link=lab&state=FIN_WAIT_1&port=80&end=reset&closed_by=server"
            "&since=2026-11-22T08%3A00%3A00.000000000Z");
}

TEST_F(Command, connections_json_is_the_apis_document) {
  const Ran ran = run({"--json", "connections"});
  EXPECT_EQ(json::parse(ran.out)["items"][0], json::parse(kConnection));
}

TEST_F(Command, connections_says_that_there_are_none) {
  daemon.answer("GET /api/v1/connections", {200, R"({"items":[],"next":null})"});
  EXPECT_EQ(run({"connections"}).out, "no connections\n");
}

TEST_F(Command, annotate_joins_its_words) {
  daemon.answer("POST /api/v1/annotations", {201, R"({"id":12,"kind":"annotation","text":"build 412 starts"})"});
  const Ran ran = run({"annotate", "build", "412", "starts"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out, "event 12: build 412 starts\n");
  EXPECT_EQ(json::parse(daemon.asked()[0].body), json::parse(R"({"text":"build 412 starts"})"));
}

TEST_F(Command, attach_takes_an_option_again_and_again) {
  daemon.answer("POST /api/v1/links", {201, R"({"name":"blue","way_in":{"state":"up","detail":""}})"});
  const Ran ran = run({"attach", "--port", "80", "netns:blue", "--port=443", "--interface", "eth0", "--interface",
                       "eth1", "--address", "10.0.0.0/8", "--address", "fd00::/8"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  const json attach = json::parse(daemon.asked("POST /api/v1/links").at(0).body)["attach"];
  EXPECT_EQ(attach["target"], "netns:blue");
  EXPECT_EQ(attach["ports"], json::parse("[80,443]"));
  EXPECT_EQ(attach["interfaces"], json::parse(R"(["eth0","eth1"])"));
  EXPECT_EQ(attach["addresses"], json::parse(R"(["10.0.0.0/8","fd00::/8"])"));
}

TEST_F(Command, version_knows_both) {
  EXPECT_THAT(run({"version"}).out, MatchesRegex("wobble [0-9.]+\nwobbled 0.1.0 at http://127.0.0.1:[0-9]+\n"));
  EXPECT_THAT(run_wobble({"--version"}).out, StartsWith("wobble "));
}

TEST_F(Command, watch_prints_a_line_each_time_on_a_pipe) {
  const Ran ran = run({"watch", "--count", "2", "--interval", "0.1"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, MatchesRegex("([0-9:.]+  lab  up 1.20 Mbit/s in 1.18 Mbit/s out, loss 1.98 %, delay 80.1 ms, 3 "
                                    "in flight  down [^\n]*connections 12\n){2}"));
  EXPECT_EQ(json::parse(run({"watch", "lab", "--count", "1", "--json"}).out), json::parse(kStats));
}

TEST_F(Command, watch_redraws_on_a_terminal) {
  const Ran ran = run({"watch", "--count", "2", "--interval", "0.1"}, {{"TERM", "xterm"}}, Output::terminal);
  EXPECT_THAT(ran.out, AllOf(StartsWith("\033[2J\033[H"), HasSubstr("\033[J\033[H"), HasSubstr("lab")));
}

TEST_F(Command, colour_is_for_terminals_and_who_wants_it) {
  const std::map<std::string, std::string> xterm = {{"TERM", "xterm"}};
  EXPECT_THAT(run({"status"}, xterm).out, Not(HasSubstr("\033")));
  EXPECT_THAT(run({"status"}, xterm, Output::terminal).out, HasSubstr("\033[32mhealthy"));
  EXPECT_THAT(run({"status"}, {{"TERM", "xterm"}, {"NO_COLOR", "1"}}, Output::terminal).out, Not(HasSubstr("\033")));
  EXPECT_THAT(run({"status"}, {{"TERM", "xterm"}, {"NO_COLOR", ""}}, Output::terminal).out, HasSubstr("\033[32m"));
  EXPECT_THAT(run({"status"}, {{"TERM", "dumb"}}, Output::terminal).out, Not(HasSubstr("\033")));
}

TEST_F(Command, hostile_text_reaches_no_terminal) {
  json link = json::parse(kLink);
  link["name"] = "lab\033]0;owned\007\u009b2J";
  link["up"] = {{"\033[31mred", "\033[5m"}, {"delay", {{"time", "\033c"}}}};
  daemon.answer("GET /api/v1/links", {200, json{{"items", {link}}, {"next", nullptr}}.dump()});
  json connection = json::parse(kConnection);
  for (const char* field : {"link", "protocol", "end", "closed_by"}) connection[field] = "\033[2J\x7f";
  connection["client"]["address"] = "\033[1m\u202e";
  daemon.answer("GET /api/v1/connections", {200, json{{"items", {connection}}, {"next", "\033"}}.dump()});
  daemon.answer("GET /api/v1/connections/17", {200, connection.dump()});
  daemon.answer("GET /api/v1/links/lab/stats",
                {400, "{\"detail\":\"\\u001b[2J\",\"errors\":[{\"pointer\":\"\\u009b\"}]}"});
  const std::vector<std::vector<std::string>> commands = {
      {"status"},          {"connections"}, {"show", "17"}, {"watch", "--count", "1"}, {"--json", "connections"},
      {"reset", "\033[2J"}};
  for (const auto& command : commands) {
    const Ran ran = run(command);
    for (const char* control : {"\033", "\007", "\x7f", "\xc2\x9b", "\u202e"}) {
      if (command[0] == "--json" && std::string(control) == "\u202e") continue;  // printable as data
      EXPECT_THAT(ran.out + ran.err, Not(HasSubstr(control))) << command[0];
    }
  }
}

TEST_F(Command, wrong_shapes_do_not_crash_it) {
  for (const char* body : {"null", "[]", "7", "{}", R"({"items":7})", R"({"items":[null,7,"x",[],{}]})"}) {
    for (const char* path : {"/api/v1", "/api/v1/links", "/api/v1/connections", "/api/v1/connections/17",
                             "/api/v1/connections/17/segments", "/api/v1/connections/17/transitions", "/api/v1/events",
                             "/healthz", "/api/v1/links//stats"}) {
      daemon.answer(std::string("GET ") + path, {200, body});
    }
    for (const auto& command : std::vector<std::vector<std::string>>{
             {"status"}, {"connections"}, {"show", "17"}, {"events"}, {"watch", "--count", "1"}, {"version"}}) {
      EXPECT_LT(run(command).exit_code, 2) << command[0] << " with " << body;
    }
  }
}

TEST_F(Command, what_is_no_daemon_is_said_so) {
  daemon.answer("GET /api/v1/connections", {200, "<html>hello</html>", "text/html"});
  const Ran ran = run({"connections"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "wobble: what answers at " + daemon.url() + " is not wobbled: its answer is no JSON\n");
}

TEST_F(Command, a_token_is_handed_on) {
  run({"connections"}, {{"WOBBLE_TOKEN", "secret"}});
  run({"connections"});
  EXPECT_EQ(daemon.asked()[0].authorization, "Bearer secret");
  EXPECT_EQ(daemon.asked()[1].authorization, "");
}

TEST_F(Command, url_option_goes_before_the_environment) {
  const Ran ran = run_wobble({"reset", "--url", daemon.url()}, {{"WOBBLE_URL", "http://127.0.0.1:1"}});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
}

TEST_F(Command, a_reader_that_has_gone_is_no_failure_but_a_full_disk_is) {
  const Ran gone = run({"connections"}, {}, Output::closed_pipe);
  EXPECT_EQ(gone.exit_code, 0);
  EXPECT_EQ(gone.err, "");
  const Ran full = run({"connections"}, {}, Output::full_disk);
  EXPECT_EQ(full.exit_code, 1);
  EXPECT_EQ(full.err, "wobble: cannot write the output: No space left on device\n");
}

TEST(WithoutDaemon, every_command_says_what_to_do_and_ends_with_3) {
  // Port 1 of loopback: nobody listens.
  for (const auto& command : std::vector<std::vector<std::string>>{{"status"},
                                                                   {"set", "lab", "loss", "1%"},
                                                                   {"reset"},
                                                                   {"revert", "lab"},
                                                                   {"revert", "lab", "--temporary"},
                                                                   {"connections"},
                                                                   {"connections", "--follow"},
                                                                   {"show", "1"},
                                                                   {"watch"},
                                                                   {"events"},
                                                                   {"events", "--follow"},
                                                                   {"annotate", "x"},
                                                                   {"exec", "lab", "near", "--", "true"}}) {
    const Ran ran = run_wobble(command, {{"WOBBLE_URL", "http://127.0.0.1:1"}});
    EXPECT_EQ(ran.exit_code, 3) << command[0];
    EXPECT_EQ(ran.out, "") << command[0];
    EXPECT_EQ(ran.err, "wobble: no daemon at http://127.0.0.1:1: start it with 'wobbled --lab' or give --url\n");
  }
}

TEST(WrongUse, is_one_line_and_ends_with_2) {
  for (const auto& command : std::vector<std::vector<std::string>>{{"bogus"},
                                                                   {"set"},
                                                                   {"set", "lab"},
                                                                   {"set", "lab", "up"},
                                                                   {"revert"},
                                                                   {"revert", "lab", "--to", "x"},
                                                                   {"revert", "lab", "--to", "1", "--temporary"},
                                                                   {"show", "x"},
                                                                   {"show"},
                                                                   {"connections", "--port", "70000"},
                                                                   {"connections", "--limit", "0"},
                                                                   {"connections", "--since", "yesterday"},
                                                                   {"connections", "--follow", "--end", "reset"},
                                                                   {"exec", "lab", "middle", "--", "true"},
                                                                   {"exec", "lab", "near"},
                                                                   {"annotate"},
                                                                   {"status", "--bogus"},
                                                                   {"--url", "https://x", "status"}}) {
    const Ran ran = run_wobble(command, {{"WOBBLE_URL", "http://127.0.0.1:1"}});
    EXPECT_EQ(ran.exit_code, 2) << command[0];
    EXPECT_EQ(ran.out, "") << command[0];
    EXPECT_THAT(ran.err, MatchesRegex("wobble: [^\n]+\n")) << command[0];
  }
}

TEST(Help, documents_the_exit_codes) {
  const Ran ran = run_wobble({"--help"});
  EXPECT_EQ(ran.exit_code, 0);
  for (const char* part : {"Exit codes:", "127 if it is not found", "WOBBLE_URL", "NO_COLOR", "connections"}) {
    EXPECT_THAT(ran.out, HasSubstr(part));
  }
  EXPECT_EQ(run_wobble({}).exit_code, 2);
}

}  // namespace
