#include "api/conditions/units.h"

#include <gmock/gmock.h>

#include <random>

namespace wobble::api {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

TEST(Units, DurationsAreReadAndWrittenCanonically) {
  struct Case {
    const char* text;
    Duration value;
    const char* canonical;
  };
  const Case cases[] = {
      {"80ms", 80ms, "80ms"},
      {"1.5s", 1500ms, "1.5s"},
      {"250us", 250us, "250us"},
      {"0.25ms", 250us, "250us"},
      {"1500ms", 1500ms, "1.5s"},
      {"60s", 60s, "1m"},
      {"90s", 90s, "90s"},
      {"1.5m", 90s, "90s"},
      {"10m", 10min, "10m"},
      {"2h", 2h, "2h"},
      {"90m", 90min, "90m"},
      {"1ns", 1ns, "1ns"},
      {"0", 0ns, "0ms"},
      {"0s", 0ns, "0ms"},
      {"0.000000001s", 1ns, "1ns"},
      {".5s", 500ms, "500ms"},
      {"007ms", 7ms, "7ms"},
      {"1.500s", 1500ms, "1.5s"},
      {"0.0", 0ns, "0ms"},
      {"1234567.891us", 1234567891ns, "1.234567891s"},
  };
  for (const Case& c : cases) {
    const auto parsed = parse_duration(c.text);
    EXPECT_TRUE(parsed.ok()) << c.text << ": " << parsed.error;
    EXPECT_EQ(parsed.value, c.value) << c.text;
    EXPECT_EQ(print_duration(c.value), c.canonical);
  }
}

TEST(Units, EveryDurationComesBack) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const Duration value(static_cast<std::int64_t>(random() >> (1 + random() % 62)));
    const auto parsed = parse_duration(print_duration(value));
    ASSERT_TRUE(parsed.ok() || value.count() > 999'999'999'999'999'999) << print_duration(value) << parsed.error;
    if (parsed.ok()) {
      ASSERT_EQ(parsed.value, value);
    }
  }
}

TEST(Units, EveryPercentageComesBackExactly) {
  for (const char* text : {"0%", "2%", "0.3%", "0.01%", "0.0000001%", "99.9999999%", "100%", "33.3%", "1.25%"}) {
    const auto parsed = parse_percent(text);
    ASSERT_TRUE(parsed.ok()) << text << parsed.error;
    EXPECT_EQ(print_percent(parsed.value), text);
  }
  for (std::uint32_t ppb = 0; ppb <= Probability::kOne; ppb += 99'991) {
    ASSERT_EQ(parse_percent(print_percent({ppb})).value.parts_per_billion, ppb);
  }
  EXPECT_EQ(parse_percent("0.3%").value.parts_per_billion, 3'000'000u);
}

TEST(Units, RatesAndSizes) {
  EXPECT_EQ(parse_rate("5mbit").value, 5'000'000u);
  EXPECT_EQ(parse_rate("5Mbit").value, 5'000'000u);
  EXPECT_EQ(parse_rate("0.5gbit").value, 500'000'000u);
  EXPECT_EQ(print_rate(5'000'000), "5mbit");
  EXPECT_EQ(print_rate(1'638'000), "1.638mbit");
  EXPECT_EQ(print_rate(56'000), "56kbit");
  EXPECT_EQ(print_rate(8), "8bit");
  EXPECT_EQ(parse_size("64kB").value, 64'000u);
  EXPECT_EQ(parse_size("64KiB").value, 65'536u);
  EXPECT_EQ(print_size(64'000), "64kB");
  EXPECT_EQ(print_size(65'536), "64KiB");
  EXPECT_EQ(print_size(1500), "1500B");
  std::mt19937_64 random(8);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t value = random() % 1'000'000'000'000'000;
    ASSERT_EQ(parse_rate(print_rate(value)).value, value);
    ASSERT_EQ(parse_size(print_size(value)).value, value);
  }
}

TEST(Units, Limits) {
  EXPECT_EQ(parse_limit("100packets").value, (QueueSettings{0, 100, 0ns}));
  EXPECT_EQ(parse_limit("1packet").value, (QueueSettings{0, 1, 0ns}));
  EXPECT_EQ(parse_limit("64kB").value, (QueueSettings{64'000, 0, 0ns}));
  EXPECT_EQ(parse_limit("200ms").value, (QueueSettings{0, 0, 200ms}));
  EXPECT_EQ(print_limit({0, 100, 0ns}), "100packets");
  EXPECT_EQ(print_limit({0, 1, 0ns}), "1packet");
  for (const char* wrong :
       {"", "100", "0packets", "0ms", "0B", "1.5packets", "-3packets", "5mbit", "packets", "9999999999packets"}) {
    EXPECT_FALSE(parse_limit(wrong).ok()) << wrong;
    EXPECT_FALSE(parse_reorder_by(wrong).ok()) << wrong;
  }
  EXPECT_EQ(parse_reorder_by("3packets").value.packets, 3u);
  EXPECT_EQ(parse_reorder_by("10ms").value.time, 10ms);
}

TEST(Units, ErrorsSayWhichSpellingWouldBeRight) {
  const std::pair<std::string, const char*> cases[] = {
      {parse_duration("80").error, "\"80\" has no unit: write \"80ms\""},
      {parse_duration("80 ms").error, "write \"80ms\""},
      {parse_duration("80MS").error, "write \"80ms\""},
      {parse_duration("80sec").error, "its unit is one of h m s ms us ns"},
      {parse_duration("-80ms").error, "is negative"},
      {parse_duration("fast").error, "is not a time such as \"80ms\""},
      {parse_duration("").error, "is not a time"},
      {parse_duration("0.5ns").error, "finer than a nanosecond"},
      {parse_duration("1234567890123456789ns").error, "more digits"},
      {parse_duration("99999999999h").error, "is too large"},
      {parse_duration("1e3ms").error, "is not a time"},
      {parse_duration("1.2.3s").error, "is not a time"},
      {parse_percent("2").error, "write \"2%\""},
      {parse_percent("2 %").error, "write \"2%\""},
      {parse_percent("101%").error, "more than 100%"},
      {parse_percent("0.00000001%").error, "finer"},
      {parse_rate("5").error, "write \"5mbit\""},
      {parse_rate("500kbps").error, "in tc, \"kbps\" means kilobytes per second"},
      {parse_rate("500kbps").error, "write \"500kbit\""},
      {parse_rate("5Mbps").error, "write \"5mbit\""},
      {parse_rate("9bps").error, "write \"9bit\""},
      {parse_size("64KB").error, "write \"64kB\""},
      {parse_size("64").error, "write \"64kB\""},
      {parse_limit("100").error, "write \"100packets\""},
      {parse_duration(std::string(200, 'x')).error, "..."},
  };
  for (const auto& [error, expected] : cases) EXPECT_THAT(error, HasSubstr(expected));
}

TEST(Units, ErrorsAreValidTextWhateverIsAsked) {
  std::mt19937 random(9);
  const std::string alphabet = "0159.-+ mskbit%BKGpacketsä\x01\xff\n\"";
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 60; n > 0; --n) text += alphabet[random() % alphabet.size()];
    for (const std::string& error : {parse_duration(text).error, parse_rate(text).error, parse_percent(text).error,
                                     parse_size(text).error, parse_limit(text).error, parse_reorder_by(text).error}) {
      ASSERT_EQ(error.find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace wobble::api
