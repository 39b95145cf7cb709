// The parts of `wobble run` that need no network: what it says, and what it tells resolvers. tests/e2e/run.py has the
// rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/cli/process/enter_namespace.h"
#include "daemon/cli/process/foreground.h"
#include "daemon/cli/words/failure.h"
#include "daemon/cli/words/link_words.h"
#include "daemon/cli/words/run_summary.h"

namespace wobble::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json connection(const char* end, const char* closed_by, const char* client = "CLOSED", const char* server = "CLOSED") {
  Json row = {{"end", end}, {"client", {{"state", client}}}, {"server", {{"state", server}}}, {"closed_at", nullptr}};
  row["closed_by"] = closed_by == nullptr ? Json() : Json(closed_by);
  return row;
}

TEST(RunSummary, says_how_each_ended_and_what_was_dropped) {
  const Json connections = {
      {"items",
       {connection("orderly", "client"), connection("orderly", "client"), connection("orderly", "server"),
        connection("refused", "server"), connection("syn_timeout", nullptr)}}};
  const Json stats = Json::parse(R"({"up": {"total": {"packets_in": 1, "dropped": {"total": 0}}},
      "down": {"total": {"packets_in": 30, "dropped": {"total": 3, "loss": 2, "queue": 1}}}})");
  EXPECT_THAT(run_summary(connections, stats),
              ElementsAre("5 connections: 3 closed in order (2 by the client, 1 by the server), 1 refused (1 by the "
                          "server), 1 never answered",
                          "up: 1 packet, none dropped", "down: 30 packets, 3 dropped (2 by loss, 1 by queue)"));
}

TEST(RunSummary, survives_what_is_no_answer) {
  EXPECT_THAT(run_summary(Json(), Json()),
              ElementsAre("0 connections", "up: 0 packets, none dropped", "down: 0 packets, none dropped"));
}

TEST(RunSummary, a_closing_connection_is_waited_for) {
  const auto one = [](Json row) { return Json{{"items", Json::array({std::move(row)})}}; };
  EXPECT_TRUE(is_settling(one(connection("open", "client", "FIN_WAIT_2", "CLOSE_WAIT"))));
  EXPECT_TRUE(is_settling(one(connection("open", nullptr, "SYN_SENT", "LISTEN"))));
  EXPECT_FALSE(is_settling(one(connection("open", nullptr, "ESTABLISHED", "ESTABLISHED"))));
  EXPECT_FALSE(is_settling(one(connection("orderly", "client", "TIME_WAIT", "CLOSED"))));
}

TEST(NameServers, take_the_place_of_those_of_the_host_and_nothing_else) {
  EXPECT_EQ(
      resolv_conf_with("# by hand\nsearch lab.test\nnameserver 127.0.0.53\noptions edns0\n", {"198.19.0.1", "fd00::1"}),
      "nameserver 198.19.0.1\nnameserver fd00::1\nsearch lab.test\noptions edns0\n");
}

TEST(LinkWords, names_the_option_and_the_word) {
  EXPECT_NO_THROW(check_conditions("delay 80ms loss 2%", "", ""));
  try {
    check_conditions("", "", "dealy 80ms");
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code, kExitUsage);
    EXPECT_THAT(failure.what(), ::testing::StartsWith("--down: "));
    EXPECT_THAT(failure.what(), HasSubstr("dealy"));
  }
  Json body = Json::object();
  add_conditions(body, "", "delay 80ms", "");
  EXPECT_EQ(body.dump(), R"({"up":{"netem":"delay 80ms"}})");
}

TEST(Foreground, has_the_commands_exit_code) {
  const auto nothing = [] {};
  EXPECT_EQ(run_in_foreground({"true"}, nothing), 0);
  EXPECT_EQ(run_in_foreground({"sh", "-c", "exit 9"}, nothing), 9);
  EXPECT_EQ(run_in_foreground({"sh", "-c", "kill -TERM $$"}, nothing), 143);
}

TEST(Foreground, says_why_there_is_no_command) {
  const auto code_of = [](const std::vector<std::string>& command, const std::function<void()>& prepare) {
    try {
      run_in_foreground(command, prepare);
    } catch (const Failure& failure) {
      return failure.exit_code;
    }
    return -1;
  };
  EXPECT_EQ(code_of({"/nonexistent/program"}, [] {}), kExitNotFound);
  EXPECT_EQ(code_of({"/etc/passwd"}, [] {}), kExitNotExecutable);
  EXPECT_EQ(code_of({"true"}, [] { throw Failure(kExitRefused, "not today"); }), kExitRefused);
}

}  // namespace
}  // namespace wobble::daemon
