// What goes on until it is ended: events and transitions, live.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/cli/fake_daemon.h"
#include "tests/cli/run_wobble.h"

namespace {

using namespace wobble::test;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

std::string sse(const json& event) {
  return "id: " + event["id"].dump() + "\nevent: " + event["kind"].get<std::string>() + "\ndata: " + event.dump() +
         "\n\n";
}

json remark(int id, const std::string& text) {
  return {{"id", id},
          {"at", "2026-11-22T09:05:57.000000000Z"},
          {"kind", "annotation"},
          {"link", nullptr},
          {"connection", nullptr},
          {"text", text},
          {"detail", nullptr},
          {"transition", nullptr}};
}

json change(int id, int connection, const std::string& side, const std::string& from, const std::string& to) {
  return {{"id", id},
          {"at", "2026-11-22T09:05:57.123456789Z"},
          {"kind", "transition"},
          {"link", "lab"},
          {"connection", connection},
          {"text", ""},
          {"detail", nullptr},
          {"transition",
           {{"id", id},
            {"at", "2026-11-22T09:05:57.123456789Z"},
            {"connection", connection},
            {"link", "lab"},
            {"side", side},
            {"from", from},
            {"to", to},
            {"evidence", "sent"},
            {"row", 14},
            {"segment",
             {{"flags", "FIN,ACK"},
              {"seq", 77},
              {"ack", 78},
              {"length", 0},
              {"window", 1},
              {"fate", "dropped"},
              {"reason", "loss"}}}}}};
}

class Stream : public ::testing::Test {
 protected:
  Ran run(std::vector<std::string> arguments) { return run_wobble(arguments, {{"WOBBLE_URL", daemon.url()}}); }
  FakeDaemon daemon;
};

TEST_F(Stream, events_are_printed_while_the_stream_is_open) {
  daemon.stream({{": hello\n\n" + sse(remark(7, "build 412")) + sse(remark(8, "done"))}});
  const Ran ran = run({"events", "--follow", "--count", "2"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, MatchesRegex(".*       7  annotation         build 412\n.*       8  annotation         done\n"));
}

TEST_F(Stream, events_as_json_lines) {
  daemon.stream({{sse(remark(7, "one")) + sse(remark(8, "two\033"))}});
  const Ran ran = run({"events", "--follow", "--count", "2", "--json"});
  std::istringstream lines(ran.out);
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(json::parse(line), remark(7, "one"));
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(json::parse(line), remark(8, "two\033"));
  EXPECT_THAT(ran.out, Not(HasSubstr("\033")));
}

TEST_F(Stream, a_stream_that_breaks_is_taken_up_behind_the_last_event) {
  daemon.stream({{sse(remark(7, "before")), false}, {sse(remark(8, "after"))}});
  const Ran ran = run({"events", "--follow", "--count", "2", "--since", "5", "--link", "lab"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("after"));
  EXPECT_THAT(ran.err, HasSubstr("trying to take it up again"));
  const auto asked = daemon.asked("GET /api/v1/events");
  ASSERT_THAT(asked, SizeIs(2));
  EXPECT_EQ(asked[0].target, "/api/v1/events?link=lab&since=5");
  EXPECT_EQ(asked[1].target, "/api/v1/events?link=lab&since=7");
  EXPECT_EQ(asked[1].last_event_id, "7");
}

TEST_F(Stream, too_many_streams_is_a_refusal) {
  const Ran ran = run({"events", "--follow"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "wobble: too many live streams: try later\n");
}

TEST_F(Stream, events_of_the_past_are_a_list) {
  daemon.answer("GET /api/v1/events", {200, json{{"items", {remark(7, "one")}}, {"next", nullptr}}.dump()});
  EXPECT_THAT(run({"events", "--since", "6", "--kind", "annotation"}).out, HasSubstr("annotation         one\n"));
  EXPECT_EQ(daemon.asked()[0].target, "/api/v1/events?kind=annotation&limit=50&since=6");
}

TEST_F(Stream, events_without_since_are_the_last_ones) {
  daemon.serve_events(5000);
  const json document = json::parse(run({"events", "--limit", "3", "--json"}).out);
  ASSERT_THAT(document["items"], SizeIs(3));
  EXPECT_EQ(document["items"][0]["id"], 4998);
  EXPECT_EQ(document["items"][2]["id"], 5000);
  EXPECT_LT(daemon.asked().size(), 30U);
}

TEST_F(Stream, events_that_a_filter_makes_rare_are_found_further_back) {
  daemon.serve_events(5000);  // every hundredth is an annotation
  const json document = json::parse(run({"events", "--limit", "3", "--kind", "annotation", "--json"}).out);
  ASSERT_THAT(document["items"], SizeIs(3));
  EXPECT_EQ(document["items"][0]["id"], 4800);
}

TEST_F(Stream, events_of_an_empty_log_are_none) {
  daemon.serve_events(0);
  EXPECT_EQ(run({"events"}).out, "no events\n");
}

TEST_F(Stream, connections_follow_is_one_line_per_transition_with_both_states) {
  daemon.stream({{sse(change(503, 17, "client", "SYN_SENT", "ESTABLISHED")) +
                  sse(change(504, 17, "server", "SYN_RECEIVED", "ESTABLISHED")) +
                  sse(change(505, 17, "client", "ESTABLISHED", "FIN_WAIT_1"))}});
  const Ran ran = run({"connections", "--follow", "--count", "3"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  std::istringstream lines(ran.out);
  std::vector<std::string> got;
  for (std::string line; std::getline(lines, line);) got.push_back(line.substr(line.find('#')));
  // The server's state before the first line is what the log had it in just before that.
  EXPECT_THAT(got,
              ElementsAre("#17  10.77.0.1:40112  SYN_SENT->ESTABLISHED     | 10.77.1.1:80   SYN_RECEIVED             "
                          "  sent FIN,ACK seq=77 ack=78, dropped: loss",
                          "#17  10.77.0.1:40112  ESTABLISHED               | 10.77.1.1:80   "
                          "SYN_RECEIVED->ESTABLISHED  sent FIN,ACK seq=77 ack=78, dropped: loss",
                          "#17  10.77.0.1:40112  ESTABLISHED->FIN_WAIT_1   | 10.77.1.1:80   ESTABLISHED              "
                          "  sent FIN,ACK seq=77 ack=78, dropped: loss"));
  EXPECT_THAT(daemon.asked("GET /api/v1/connections/17"), SizeIs(1)) << "asked for once";
}

TEST_F(Stream, connections_follow_filters) {
  daemon.stream({{sse(change(503, 17, "client", "SYN_SENT", "ESTABLISHED")) +
                  sse(change(504, 17, "client", "ESTABLISHED", "FIN_WAIT_1"))}});
  const Ran ran = run({"connections", "--follow", "--count", "1", "--state", "fin-wait-1", "--port", "80", "--json"});
  EXPECT_EQ(json::parse(ran.out), change(504, 17, "client", "ESTABLISHED", "FIN_WAIT_1")["transition"]);
}

TEST_F(Stream, connections_follow_goes_on_when_a_connection_is_forgotten) {
  daemon.stream({{sse(change(503, 99, "client", "CLOSED", "SYN_SENT"))}});
  const Ran ran = run({"connections", "--follow", "--count", "1"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("CLOSED->SYN_SENT"));
}

TEST_F(Stream, hostile_events_reach_no_terminal) {
  json hostile = change(503, 17, "client", "\033[2J", "\x7f");
  hostile["text"] = "\033]0;x\007";
  daemon.stream({{sse(hostile) + "data: not json\n\ndata: [1]\n\n" + sse(hostile)}});
  const Ran ran = run({"events", "--follow", "--count", "2"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  for (const char* control : {"\033", "\007", "\x7f"}) EXPECT_THAT(ran.out, Not(HasSubstr(control)));
}

}  // namespace
