// Strict JSON, times, names, queries, paths: text in and out.
#include <gmock/gmock.h>

#include "api/conditions/problem.h"
#include "api/conditions/strict_json.h"
#include "api/handlers/metrics.h"
#include "api/handlers/router.h"
#include "api/http/event_stream.h"
#include "api/http/guards.h"
#include "api/nearest_name.h"
#include "api/rows/rows_json.h"

namespace wobble::api {
namespace {

using testing::HasSubstr;

std::string json_error(const std::string& text) {
  try {
    parse_strict_json(text);
  } catch (const Problem& problem) {
    EXPECT_EQ(problem.status, 400);
    return to_json(problem)["error"];
  }
  return "";
}

TEST(StrictJson, SyntaxErrorsSayWhere) {
  EXPECT_THAT(json_error(R"({"up": {"delay": "80ms")"), HasSubstr("line 1, column 24"));
  EXPECT_THAT(json_error("{\n\"a\": 1,}"), HasSubstr("line 2"));
  for (const char* wrong :
       {"", "{", "nul", "{'a':1}", "{\"a\":1} x", "{\"a\":01}", "\"\xff\"", "{\"a\":NaN}", "[1,]", "// c"}) {
    EXPECT_THAT(json_error(wrong), HasSubstr("not JSON")) << wrong;
  }
  EXPECT_EQ(json_error(R"({"a": [1, {"b": null}], "c": "\u00e4"})"), "");
}

TEST(StrictJson, ANameTwiceIsNotAChoice) {
  EXPECT_THAT(json_error(R"({"up":[0,{"delay":"1ms","delay":"2ms"}]})"),
              HasSubstr("/up/1/delay: \"delay\" is there twice"));
  EXPECT_EQ(json_error(R"({"a":{"x":1},"b":{"x":1}})"), "");
}

TEST(StrictJson, DepthIsBounded) {
  EXPECT_EQ(json_error(std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']')), "");
  EXPECT_THAT(json_error(std::string(100'000, '[')), HasSubstr("nested deeper"));
  EXPECT_THAT(json_error(std::string(kMaxJsonDepth + 1, '[')), HasSubstr("nested deeper"));
}

TEST(Times, AreNineDigitsAndComeBack) {
  EXPECT_EQ(print_time(0), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(print_time(1'795'338'357'123'456'789), "2026-11-22T09:05:57.123456789Z");
  EXPECT_EQ(print_time(951'782'399'999'999'999), "2000-02-28T23:59:59.999999999Z");
  EXPECT_EQ(parse_time("2026-11-22T09:05:57.123456789Z"), 1'795'338'357'123'456'789);
  EXPECT_EQ(parse_time("2026-11-22T09:05:57.5Z"), 1'795'338'357'500'000'000);
  EXPECT_EQ(parse_time("2026-11-22T11:05:57+02:00"), 1'795'338'357'000'000'000);
  for (const char* wrong :
       {"", "now", "2026-11-22", "2026-11-22T09:05:57", "2026-13-22T09:05:57Z", "2026-02-30T09:05:57Z",
        "2026-11-22T24:05:57Z", "2026-11-22T09:05:57.Z", "2026-11-22T09:05:57.1234567890Z", "2026-11-22T09:05:57Zx",
        "1969-11-22T09:05:57Z", "2026-11-22T09:05:57+25:00"}) {
    EXPECT_EQ(parse_time(wrong), std::nullopt) << wrong;
  }
}

TEST(Flags, AreNamedInOrder) {
  using namespace tcp_flag;
  EXPECT_EQ(print_flags(0), "");
  EXPECT_EQ(print_flags(kAck | kSyn), "SYN,ACK");
  EXPECT_EQ(print_flags(kAck | kFin | kPsh), "FIN,PSH,ACK");
  EXPECT_EQ(print_flags(0x1ff), "SYN,FIN,RST,PSH,ACK,URG,ECE,CWR,AE");
}

TEST(Names, TheNearestIsOfferedOnlyIfItIsNear) {
  constexpr std::string_view kKnown[] = {"delay", "loss", "duplicate", "rate", "up"};
  EXPECT_EQ(nearest_name("delya", kKnown), "delay");
  EXPECT_EQ(nearest_name("lose", kKnown), "loss");
  EXPECT_EQ(nearest_name("dupplicate", kKnown), "duplicate");
  EXPECT_EQ(nearest_name("zzzzzzzz", kKnown), "");
  EXPECT_EQ(nearest_name("xy", kKnown), "") << "nothing of it would be left";
  EXPECT_EQ(nearest_name(std::string(100'000, 'a'), kKnown), "");
  EXPECT_EQ(unknown_name("field", "zz\n\"z", kKnown),
            "unknown field \"zz??z\": known are delay, loss, duplicate, rate, up");
}

TEST(Routes, PathsAreComparedBySegments) {
  EXPECT_EQ(find_route("GET", "/api/v1/links/lab").route->pattern, "/api/v1/links/{link}");
  EXPECT_EQ(find_route("GET", "/api/v1/links/lab").arguments, std::vector<std::string>{"lab"});
  EXPECT_EQ(find_route("GET", "/api/v1/links/a%20b").arguments, std::vector<std::string>{"a b"});
  EXPECT_EQ(find_route("GET", "/vendor/uPlot.esm.js").arguments, std::vector<std::string>{"vendor/uPlot.esm.js"});
  EXPECT_EQ(find_route("HEAD", "/").route->pattern, "/");
  for (const char* path : {"/api/v1/links/lab/stats/x", "/api/v1/links/lab/", "/api/v1/links/", "/index.html/",
                           "/api/v2", "/api/v1/links/%zz", "/api/v1/links/a%0ab", "/api/v1/connections/1/2"}) {
    EXPECT_TRUE(find_route("GET", path).allowed.empty()) << path;
  }
}

TEST(Paths, TricksAreRefused) {
  for (const char* path : {"/../etc/passwd", "/a/../b", "/./a", "/a/..", "//", "//a", "/a//b", "/%2e%2e/x", "/a%2Fb",
                           "/a%00", "/a\\b", "/a%5cb", "http://x/a", "*", "", "/a\x01", "/\xff", "/a b", "/%252e"}) {
    EXPECT_THROW(check_path(path), Problem) << path;
  }
  EXPECT_THROW(check_path("/" + std::string(2000, 'a')), Problem);
  for (const char* path : {"/", "/a/", "/api/v1/links/lab?x=//..", "/..a/b..", "/a.b"})
    EXPECT_NO_THROW(check_path(path)) << path;
}

TEST(Queries, AreDecodedAndStrict) {
  const auto query = parse_query("/x?link=a%20b+c&since=5#f", "link since");
  EXPECT_EQ(query.at("link"), "a b c");
  EXPECT_EQ(query.at("since"), "5");
  EXPECT_THROW(parse_query("/x?lnik=a", "link since"), Problem);
  EXPECT_THROW(parse_query("/x?link=a&link=b", "link since"), Problem);
  EXPECT_THROW(parse_query("/x?link=%4", "link since"), Problem);
}

TEST(Secrets, AreCompared) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
  EXPECT_FALSE(equal_in_constant_time("", "ab"));
  EXPECT_FALSE(equal_in_constant_time("ababab", "ab"));
}

TEST(Metrics, LabelsAreEscaped) { EXPECT_EQ(escape_label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd"); }

TEST(Sse, AnEventIsOneRecordWhateverItsText) {
  EventRow event;
  event.id = 7;
  event.kind = "annotation";
  event.text = "two\nlines \xff";
  const std::string text = print_sse(event);
  EXPECT_TRUE(text.starts_with("id: 7\nevent: annotation\ndata: {"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
  EXPECT_TRUE(text.ends_with("}\n\n"));
}

}  // namespace
}  // namespace wobble::api
