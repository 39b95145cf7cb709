// The worst that one request may hold: each is answered or refused soon, with few errors, and meanwhile the others are
// served. How soon is "soon" is measured: by what an honest request of the same length takes on this machine.
#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <thread>

#include "api/conditions/conditions_json.h"
#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kLargestBody = 250'000;

/// As many of `item(i)` as a body has room for, with a comma between them.
std::string filled(const std::function<std::string(std::size_t)>& item, std::size_t room = kLargestBody,
                   std::size_t most = SIZE_MAX) {
  std::string out;
  for (std::size_t i = 0; i < most; ++i) {
    const std::string next = item(i);
    if (out.size() + next.size() + 1 > room) break;
    out += (out.empty() ? "" : ",") + next;
  }
  return out;
}

std::string number(std::size_t i) { return std::to_string(i); }

std::string step_of_wrong_fields(std::size_t) {
  return R"({"for":"1s","both":{)" + filled([](std::size_t i) { return "\"a" + number(i) + "\":1"; }, 240) + "}}";
}

std::string words(const std::string& word) {
  std::string out;
  while (out.size() + word.size() + 1 < kLargestBody) out += word + " ";
  return out;
}

struct Worst {
  const char* name;
  std::string body;
};

std::vector<Worst> worst_requests() {
  const std::string long_name(64, 'q');
  return {
      {"wrong fields in a thousand steps",
       R"({"scenario":[)" + filled(step_of_wrong_fields, kLargestBody, 1000) + "]}"},
      {"values without a unit in a thousand steps",
       R"({"scenario":[)" +
           filled(
               [](std::size_t) -> std::string { return R"({"for":"1s","both":{"delay":"80","rate":"5","loss":"2"}})"; },
               kLargestBody, 1000) +
           "]}"},
      {"values out of range in a thousand steps",
       R"({"scenario":[)" +
           filled(
               [](std::size_t) -> std::string {
                 return R"({"for":"1s","both":{"delay":"20m","mtu":"1B","reorder":{"percent":"1%","by":"9999packets"}}})";
               },
               kLargestBody, 1000) +
           "]}"},
      {"unknown fields", R"({"both":{)" + filled([](std::size_t i) { return "\"f" + number(i) + "\":1"; }) + "}}"},
      {"unknown fields with long names", R"({"up":{)" + filled([&](std::size_t i) {
                                           return "\"" + (number(i) + long_name).substr(0, 64) + "\":1";
                                         }) + "}}"},
      {"unknown fields beside", "{" + filled([](std::size_t i) { return "\"f" + number(i) + "\":1"; }) + "}"},
      {"wrong numbers in a list", R"({"both":{"loss":{"list":[)" + filled([](std::size_t) { return "-1"; }) + "]}}}"},
      {"a list that is too long", R"({"both":{"loss":{"list":[)" + filled(number) + "]}}}"},
      {"wrong moments of a trace", R"({"both":{"trace":{"ms":[)" + filled([](std::size_t) { return "-1"; }) + "]}}}"},
      {"unknown words", R"({"both":{"netem":")" + words("delya") + "\"}}"},
      {"one word again and again", R"({"both":{"netem":")" + words("loss 1%") + "\"}}"},
      {"numbers behind a word", R"({"both":{"netem":"loss list )" + words("7") + "\"}}"},
      {"a pattern that is too long", R"({"both":{"loss":{"pattern":")" + std::string(kLargestBody, 'x') + "\"}}}"},
      {"a long unknown name", R"({"both":{")" + std::string(kLargestBody, 'x') + R"(":1}})"},
      {"many steps", R"({"scenario":[)" + filled([](std::size_t) -> std::string { return R"({"for":"x"})"; }) + "]}"},
      {"files that are not there",
       R"({"scenario":[)" +
           filled([](std::size_t i) { return R"({"for":"1s","up":{"trace":"/no/such/)" + number(i) + R"("}})"; },
                  kLargestBody, 1000) +
           "]}"},
  };
}

class BoundsTest : public ServerTest {
 protected:
  double seconds_for(const std::string& body, int status, json* answer = nullptr) {
    // A client of its own: to hold a long answer against its description takes longer than to make it.
    httplib::Client client("127.0.0.1", server_->port());
    client.set_read_timeout(60);
    const auto begin = Clock::now();
    const auto result = client.Patch("/api/v1/links/lab", body, "application/json");
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    if (!result) {
      ADD_FAILURE() << "no answer";
      return took;
    }
    EXPECT_EQ(result->status, status) << result->body.substr(0, 1000);
    if (answer != nullptr) *answer = json::parse(result->body, nullptr, false);
    return took;
  }
  /// What a long but honest request takes, here and now: a thousand steps.
  double yardstick() {
    const auto honest = [](std::size_t) -> std::string {
      return R"({"for":"1s","both":{"delay":{"time":"80ms","jitter":"5ms"},"loss":"2%","rate":"5mbit","queue":"100packets"}})";
    };
    return seconds_for(R"({"scenario":[)" + filled(honest, kLargestBody, 1000) + "]}", 200);
  }
};

TEST_F(BoundsTest, TheWorstRequestsAreRefusedAboutAsFastAsAnHonestOneIsTaken) {
  const double honest = yardstick();
  for (const Worst& worst : worst_requests()) {
    json answer;
    const double took = seconds_for(worst.body, 422, &answer);
    EXPECT_LT(took, 1 + 10 * honest) << worst.name << ", beside " << honest << " s";
    EXPECT_LE(answer["errors"].size(), Reading::kMostErrors + 1) << worst.name;
    EXPECT_LT(answer.dump().size(), 4 * kLargestBody) << worst.name;
  }
  EXPECT_TRUE(backend_.changes().size() == 1) << "the honest one";
}

TEST_F(BoundsTest, AnErrorShowsLittleOfWhatWasSent) {
  const auto repeated = [](const char* text) {
    std::string out;
    while (out.size() < kLargestBody - 200) out += text;
    return out;
  };
  const std::string nines = repeated("9"), zeros = repeated("0"), letters = repeated("x"), umlauts = repeated("\u00fc");
  const auto of = [](const std::string& fields) { return R"({"up":{)" + fields + "}}"; };
  const auto quoted = [](const std::string& text) { return '"' + text + '"'; };
  const std::pair<const char*, std::string> requests[] = {
      {"PATCH /api/v1/links/lab", of(R"("delay":)" + nines)},
      {"PATCH /api/v1/links/lab", of(R"("delay":)" + letters)},
      {"PATCH /api/v1/links/lab", of(R"("delay":)" + quoted(nines))},
      {"PATCH /api/v1/links/lab", of(R"("delay":)" + quoted(zeros + "1"))},
      {"PATCH /api/v1/links/lab", of(R"("delay":)" + quoted("1" + letters))},
      {"PATCH /api/v1/links/lab", of(R"("delay":)" + quoted("1." + zeros + " ms"))},
      {"PATCH /api/v1/links/lab", of(R"("rate":)" + quoted("1." + zeros + "mbps"))},
      {"PATCH /api/v1/links/lab", of(R"("rate":)" + quoted(umlauts))},
      {"PATCH /api/v1/links/lab", of(R"("queue":)" + quoted(zeros))},
      {"PATCH /api/v1/links/lab", of(R"("queue":{"discipline":)" + quoted(letters) + "}")},
      {"PATCH /api/v1/links/lab", of(R"("reorder":{"percent":"1%","by":)" + quoted(zeros) + "}")},
      {"PATCH /api/v1/links/lab", of(R"("loss":{"pattern":)" + quoted(letters) + "}")},
      {"PATCH /api/v1/links/lab", of(R"("trace":)" + quoted("/" + letters))},
      {"PATCH /api/v1/links/lab", of(quoted(letters) + ":1")},
      {"PATCH /api/v1/links/lab", of(quoted(umlauts) + ":1")},
      {"PATCH /api/v1/links/lab", of(quoted(letters) + ":1," + quoted("x") + ":1,\"x\":2")},
      {"PATCH /api/v1/links/lab", of(R"("netem":)" + quoted(letters))},
      {"PATCH /api/v1/links/lab", of(R"("netem":)" + quoted("loss every " + nines))},
      {"PATCH /api/v1/links/lab", of(R"("netem":)" + quoted("loss 1% 1% " + nines))},
      {"PATCH /api/v1/links/lab", of(R"("netem":)" + quoted("limit " + zeros))},
      {"PATCH /api/v1/links/lab", of(R"("netem":)" + quoted("delay 1ms distribution " + letters))},
      {"PATCH /api/v1/links/lab", "{" + quoted(letters) + ":1}"},
      {"PATCH /api/v1/links/lab", R"({"up":)" + quoted(letters) + "}"},
      {"PATCH /api/v1/links/lab", R"({"scenario":)" + quoted(letters) + "}"},
      {"PATCH /api/v1/links/lab", R"({"for":)" + quoted(letters) + "}"},
      {"PATCH /api/v1/links/lab", R"({"for":)" + quoted(zeros) + "}"},
      {"POST /api/v1/links/lab/apply", R"({"profile":)" + quoted(letters) + "}"},
      {"POST /api/v1/links/lab/revert", R"({"to":)" + quoted(letters) + "}"},
      {"POST /api/v1/annotations", R"({"text":"x","link":)" + quoted(letters) + "}"},
      {"POST /api/v1/links", R"({"name":)" + quoted(letters) + "}"},
      {"POST /api/v1/links", R"({"attach":{"target":"host","interfaces":[)" + quoted(letters) + "]}}"},
      {"POST /api/v1/links", R"({"attach":{"target":"host","protocol":)" + quoted(letters) + "}}"},
      {"POST /api/v1/session", "{" + quoted(letters) + ":1}"},
  };
  for (const auto& [line, body] : requests) {
    std::string answer;
    const int status = raw_status(
        std::string(line) + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n" +
            "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body,
        &answer);
    EXPECT_EQ(status / 100, 4) << line << " " << body.substr(0, 100);
    EXPECT_LT(answer.size(), 4000u) << line << " " << body.substr(0, 100);
    EXPECT_TRUE(json::accept(answer.substr(answer.find("\r\n\r\n") + 4))) << answer.substr(0, 4000);
  }
}

TEST_F(BoundsTest, OfManyErrorsTheFirstAreNamedAndTheOthersCounted) {
  const std::string fields = filled([](std::size_t i) { return "\"f" + number(i) + "\":1"; }, kLargestBody, 1000);
  const json problem = send("PATCH", "/api/v1/links/lab", R"({"both":{)" + fields + "}}", 422);
  EXPECT_THAT(problem["detail"].get<std::string>(), HasSubstr("1000 fields are wrong"));
  ASSERT_EQ(problem["errors"].size(), 101u);
  EXPECT_EQ(problem["errors"][0]["pointer"], "/both/f0");
  EXPECT_EQ(problem["errors"][100]["detail"], "and 900 more");
}

TEST_F(BoundsTest, ALargeTraceInManyStepsIsReadOnceAndGivenBackAtReset) {
  const std::string path = testing::TempDir() + "wobble_big_" + std::to_string(::getpid()) + ".trace";
  {
    std::ofstream file(path);
    for (int i = 1; i <= 400'000; ++i) file << i << "\n";
  }
  const json trace = {{"for", "1s"}, {"up", {{"trace", {{"file", path}}}}}};
  const double once = seconds_for(json{{"scenario", {trace}}}.dump(), 200);
  send("POST", "/api/v1/links/lab/reset", "", 200);
  EXPECT_EQ(backend_.budget().taken(), 400'000 * sizeof(std::uint32_t)) << "the mock keeps what was";
  json answer;
  const double often = seconds_for(json{{"scenario", json(60, trace)}}.dump(), 200, &answer);
  EXPECT_LT(often, 1 + 5 * once);
  EXPECT_EQ(backend_.budget().taken(), 400'000 * sizeof(std::uint32_t)) << "kept once";
  EXPECT_LT(answer.dump().size(), 60u * 400u) << "its name, and not its numbers";
  std::remove(path.c_str());
}

TEST_F(BoundsTest, WhileOneLinkHangsAnotherIsChanged) {
  backend_.add_link("other");
  backend_.hang("lab");
  std::atomic<bool> is_over = false;
  std::thread hanging([&] {
    send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"1ms"}})", 200);
    is_over = true;
  });
  backend_.wait_until_it_hangs();
  send("PATCH", "/api/v1/links/other", R"({"up":{"delay":"1ms"}})", 200);
  send("POST", "/api/v1/links/other/apply", R"({"profile":"3g"})", 200);
  send("POST", "/api/v1/links/other/reset", "", 200);
  get("/api/v1/links/lab");
  get("/healthz");
  EXPECT_FALSE(is_over);
  // A second change of the link that hangs waits for a while, and is then told so.
  const json problem = send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"2ms"}})", 503);
  EXPECT_THAT(problem["detail"].get<std::string>(), HasSubstr("is being changed by others"));
  backend_.go_on();
  hanging.join();
}

TEST(Reading, EndsWhenNobodyWaits) {
  FileStore files;
  int asked = 0;
  Reading reading(files, [&] { return ++asked > 10; });
  Json steps = Json::array();
  for (int i = 0; i < 1000; ++i) steps.push_back({{"for", "1s"}});
  EXPECT_THROW(read_conditions({{"scenario", steps}}, reading), GivenUp);
  EXPECT_EQ(asked, 11);
}

}  // namespace
}  // namespace wobble::api
