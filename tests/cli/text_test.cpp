#include "daemon/cli/words/text.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "daemon/cli/words/time_text.h"

namespace {

using namespace wobble::daemon;

TEST(Clean, leaves_text_alone) { EXPECT_EQ(clean("grün → 10 µs ✕ 日本"), "grün → 10 µs ✕ 日本"); }

TEST(Clean, takes_away_what_a_terminal_obeys) {
  EXPECT_EQ(clean("a\033[2Jb"), "a\uFFFD[2Jb");
  EXPECT_EQ(clean("one\ntwo\tthree\rfour"), "one two three four");
  EXPECT_EQ(clean("\u0085\u009b31m"), "\uFFFD\uFFFD31m") << "C1 controls: 9b is CSI";
  EXPECT_EQ(clean(std::string_view("\0\x7f", 2)), "\uFFFD\uFFFD");
  EXPECT_EQ(clean("abc\u202Edef\u2066"), "abc\uFFFDdef\uFFFD") << "text that runs backwards";
}

TEST(Clean, takes_away_what_is_no_utf8) {
  EXPECT_EQ(clean("a\xffz"), "a\uFFFDz");
  EXPECT_EQ(clean("\xc0\x9b"), "\uFFFD\uFFFD") << "overlong ESC";
  EXPECT_EQ(clean("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
  EXPECT_EQ(clean("\xe2\x82"), "\uFFFD\uFFFD") << "cut off";
}

TEST(Columns, counts_code_points) {
  EXPECT_EQ(columns("a→b"), 3U);
  EXPECT_EQ(pad_right("→", 3), "→  ");
  EXPECT_EQ(pad_left("→", 3), "  →");
  EXPECT_EQ(clip("→→→→", 3), "→→…");
  EXPECT_EQ(clip("abcd", 3, true), "ab~");
  EXPECT_EQ(clip("abc", 3), "abc");
}

TEST(Human, durations) {
  EXPECT_EQ(human_ms(0), "0 ms");
  EXPECT_EQ(human_ms(0.00042), "0.42 us");
  EXPECT_EQ(human_ms(0.35), "350 us");
  EXPECT_EQ(human_ms(80), "80 ms");
  EXPECT_EQ(human_ms(80.1249), "80.1 ms");
  EXPECT_EQ(human_ms(999.7), "1.00 s");
  EXPECT_EQ(human_ms(1250), "1.25 s");
  EXPECT_EQ(human_ms(192'000), "3 min 12 s");
  EXPECT_EQ(human_age(-5), "0 ms");
  EXPECT_EQ(human_age(12'400'000'000), "12 s");
  EXPECT_EQ(human_age(3600'000'000'000), "1 h");
  EXPECT_EQ(human_age(7500'000'000'000), "2 h 5 min");
  EXPECT_EQ(human_age(273'600'000'000'000), "3 d 4 h");
}

TEST(Human, rates_sizes_and_percentages) {
  EXPECT_EQ(human_rate(0), "0 bit/s");
  EXPECT_EQ(human_rate(850), "850 bit/s");
  EXPECT_EQ(human_rate(1.2e6), "1.20 Mbit/s");
  EXPECT_EQ(human_rate(999'900), "1.00 Mbit/s");
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(512), "512 B");
  EXPECT_EQ(human_bytes(4500), "4.50 kB");
  EXPECT_EQ(human_percent(0), "0 %");
  EXPECT_EQ(human_percent(1.98), "1.98 %");
  EXPECT_EQ(human_percent(0.0031), "0.0031 %");
}

TEST(Time, reads_what_the_api_writes) {
  EXPECT_EQ(parse_time("1970-01-01T00:00:01.000000002Z"), 1'000'000'002);
  EXPECT_EQ(parse_time("2026-11-22T09:05:57.123456789Z"), 1'795'338'357'123'456'789);
  EXPECT_EQ(parse_time("2026-11-22T09:05:57Z"), 1'795'338'357'000'000'000);
  EXPECT_EQ(parse_time("2026-11-22T11:05:57.5+02:00"), 1'795'338'357'500'000'000);
  EXPECT_EQ(print_time(1'795'338'357'123'456'789), "2026-11-22T09:05:57.123456789Z");
  for (const char* wrong : {"", "2026-11-22", "2026-13-22T09:05:57Z", "2026-11-22T09:05:57", "2026-11-22T09:05:57Zx",
                            "2026-11-22 09:05:57Z", "-026-11-22T09:05:57Z", "9999-11-22T09:05:57Z"}) {
    EXPECT_FALSE(parse_time(wrong)) << wrong;
  }
}

TEST(Time, for_a_person_has_the_date_only_if_it_is_another) {
  setenv("TZ", "UTC", 1);
  const std::int64_t at = 1'795'338'357'123'456'789;
  EXPECT_EQ(human_time(at, at + 1), "09:05:57.123");
  EXPECT_EQ(human_time(at, at + 86'400'000'000'000), "2026-11-22 09:05:57.123");
}

TEST(Span, reads_what_the_api_reads) {
  EXPECT_EQ(parse_span("10m"), 600'000'000'000);
  EXPECT_EQ(parse_span("1.5s"), 1'500'000'000);
  EXPECT_EQ(parse_span("250us"), 250'000);
  EXPECT_EQ(parse_span("3d"), 3 * 86'400'000'000'000);
  for (const char* wrong : {"", "10", "m", "-1s", "1 s", "10min", "1e3s", "9999999999h"}) {
    EXPECT_FALSE(parse_span(wrong)) << wrong;
  }
}

}  // namespace
