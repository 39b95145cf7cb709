#include "daemon/cli/words/ladder.h"

#include <gmock/gmock.h>

#include <sstream>

#include "daemon/cli/words/text.h"

namespace {

using namespace wobble::daemon;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kStart = 1'000'000'000'000;
constexpr std::int64_t kMs = 1'000'000;

std::int64_t ms(double milliseconds) { return kStart + static_cast<std::int64_t>(milliseconds * kMs); }

/// Builds a log the way a person tells it.
class Story {
 public:
  Story() { ladder.opened_at = kStart; }

  LadderSegment& client(double sent, std::optional<double> delivered, const std::string& flags, std::uint32_t seq,
                        std::uint32_t ack = 0, std::uint64_t length = 0) {
    return segment(true, sent, delivered, flags, seq, ack, length);
  }
  LadderSegment& server(double sent, std::optional<double> delivered, const std::string& flags, std::uint32_t seq,
                        std::uint32_t ack = 0, std::uint64_t length = 0) {
    return segment(false, sent, delivered, flags, seq, ack, length);
  }
  void becomes(bool client, double at, const std::string& from, const std::string& to, const std::string& evidence) {
    ladder.transitions.push_back({client, ms(at), from, to, evidence, std::nullopt});
  }

  Ladder ladder;

 private:
  LadderSegment& segment(bool from_client, double sent, std::optional<double> delivered, const std::string& flags,
                         std::uint32_t seq, std::uint32_t ack, std::uint64_t length) {
    LadderSegment out;
    out.from_client = from_client;
    out.sent_at = ms(sent);
    if (delivered) out.delivered_at = ms(*delivered);
    out.flags = flags;
    out.seq = seq;
    out.ack = ack;
    out.length = length;
    out.fate = delivered ? (*delivered - sent >= 1 ? "delayed" : "forwarded") : "dropped";
    ladder.segments.push_back(out);
    return ladder.segments.back();
  }
};

// A handshake and a close through 80 ms upwards, nothing downwards; the first SYN is lost.
Ladder lossy_handshake() {
  Story story;
  story.client(0, std::nullopt, "SYN", 1000).reason = "loss";
  story.client(1000, 1080, "SYN", 1000).retransmission = true;
  story.server(1080.1, 1080.12, "SYN,ACK", 5000, 1001);
  story.client(1080.2, 1160.2, "ACK", 1001, 5001);
  story.becomes(true, 0, "CLOSED", "SYN_SENT", "sent");
  story.becomes(false, 1080.1, "LISTEN", "SYN_RECEIVED", "sent");
  story.becomes(true, 1080.2, "SYN_SENT", "ESTABLISHED", "sent");
  story.becomes(false, 1160.2, "SYN_RECEIVED", "ESTABLISHED", "delivered");
  return story.ladder;
}

std::string drawn(const Ladder& ladder, std::size_t width = 80, bool ascii = false, bool absolute = false) {
  return "\n" + draw_ladder(ladder, {width, ascii, absolute, Paint{}});
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

TEST(Ladder, draws_a_lost_syn_its_retransmission_and_the_handshake) {
  EXPECT_EQ(drawn(lossy_handshake(), 90), R"(
        ms           client                    wobble                    server
     0.000       CLOSED │                         │                         │ LISTEN
     0.000     SYN_SENT │─ SYN seq=0 ─────────────✕ loss                    │
      +1 s              ┊                         ┊                         ┊
  1000.000              │─ SYN seq=0 again ──────►│                         │
  1080.000              │                         │─ SYN seq=0 +80 ms ─────►│
  1080.100              │◄────────────────────────┼─── SYN,ACK seq=0 ack=1 ─│ SYN_RECEIVED
  1080.200  ESTABLISHED │─ ACK seq=1 ack=1 ──────►│                         │
  1160.200              │                         │─ ACK seq=1 +80 ms ─────►│ ESTABLISHED
)");
}

TEST(Ladder, says_the_same_in_ascii_and_in_80_columns) {
  EXPECT_EQ(drawn(lossy_handshake(), 80, true), R"(
        ms           client               wobble               server
     0.000       CLOSED |                    |                    | LISTEN
     0.000     SYN_SENT |- SYN seq=0 --------X loss               |
      +1 s              :                    :                    :
  1000.000              |- SYN seq=0 again ->|                    |
  1080.000              |                    |- SYN seq=0 +80 ms >|
  1080.100              |<-------------------+-- SYN,ACK 0 ack 1 -| SYN_RECEIVED
  1080.200  ESTABLISHED |- ACK seq=1 ack=1 ->|                    |
  1160.200              |                    |- ACK seq=1 +80 ms >| ESTABLISHED
)");
}

// Both FINs are in flight at the same time: that is only to be seen if their halves stay apart.
TEST(Ladder, shows_fins_that_cross) {
  Story story;
  story.client(0, 50, "FIN,ACK", 101, 201);
  story.server(10, 60, "FIN,ACK", 201, 101);
  story.client(60.1, 110.1, "ACK", 102, 202);
  story.server(50.1, 100.1, "ACK", 202, 102);
  story.becomes(true, 0, "ESTABLISHED", "FIN_WAIT_1", "sent");
  story.becomes(false, 10, "ESTABLISHED", "FIN_WAIT_1", "sent");
  story.becomes(false, 50.1, "FIN_WAIT_1", "CLOSING", "sent");
  story.becomes(true, 60.1, "FIN_WAIT_1", "CLOSING", "sent");
  story.becomes(true, 100.1, "CLOSING", "TIME_WAIT", "delivered");
  story.becomes(false, 110.1, "CLOSING", "TIME_WAIT", "delivered");
  story.becomes(true, 60'100.1, "TIME_WAIT", "CLOSED", "timer");
  EXPECT_EQ(drawn(story.ladder, 100), R"(
        ms           client                         wobble                         server
     0.000  ESTABLISHED │                              │                              │ ESTABLISHED
     0.000   FIN_WAIT_1 │─ FIN,ACK seq=1 ack=1 ───────►│                              │
    10.000              │                              │◄─────── FIN,ACK seq=1 ack=1 ─│ FIN_WAIT_1
    50.000              │                              │─ FIN,ACK seq=1 +50 ms ──────►│
    50.100              │                              │◄─────────── ACK seq=2 ack=2 ─│ CLOSING
    60.000              │◄────── FIN,ACK seq=1 +50 ms ─│                              │
    60.100      CLOSING │─ ACK seq=2 ack=2 ───────────►│                              │
   100.100    TIME_WAIT │◄────────── ACK seq=2 +50 ms ─│                              │
   110.100              │                              │─ ACK seq=2 +50 ms ──────────►│ TIME_WAIT
     +59 s              ┊                              ┊                              ┊
 60100.100       CLOSED │ timer                        │                              │
)");
}

TEST(Ladder, keeps_forwarded_segments_that_cross_apart) {
  Story story;
  story.client(0, 0.3, "FIN,ACK", 100, 200);
  story.server(0.1, 0.4, "FIN,ACK", 200, 100);
  const auto rows = arrange_ladder(story.ladder);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].kind, LadderRow::Kind::sent);
  EXPECT_EQ(rows[1].kind, LadderRow::Kind::sent);
  EXPECT_EQ(rows[2].kind, LadderRow::Kind::delivered);
  EXPECT_EQ(rows[3].kind, LadderRow::Kind::delivered);
}

TEST(Ladder, joins_the_halves_of_a_forwarded_segment_with_nothing_between) {
  Story story;
  story.client(0, 0.02, "SYN", 100);
  story.server(0.1, 0.12, "RST,ACK", 0, 101);
  story.becomes(true, 0, "CLOSED", "SYN_SENT", "sent");
  story.becomes(true, 0.12, "SYN_SENT", "CLOSED", "delivered");
  EXPECT_EQ(drawn(story.ladder), R"(
        ms           client               wobble               server
     0.000       CLOSED │                    │                    │
     0.000     SYN_SENT │─ SYN seq=0 ────────┼───────────────────►│
     0.100       CLOSED │◄───────────────────┼── RST,ACK 1 ack 1 ─│
)"
            // the client's base is its SYN; the server sent none, so its first byte is 1
  );
}

TEST(Ladder, names_what_was_done_to_a_segment) {
  Story story;
  story.client(0, 10, "PSH,ACK", 100, 200, 50).fate = "corrupted";
  story.client(20, 30, "PSH,ACK", 150, 200, 50).fate = "duplicated";
  auto& copy = story.client(20, 35, "PSH,ACK", 150, 200, 50);
  copy.copy = 1;
  copy.fate = "duplicated";
  story.server(40, 60, "ACK", 200, 200).fate = "reordered";
  auto& lost_copy = story.client(20, std::nullopt, "PSH,ACK", 150, 200, 50);
  lost_copy.copy = 1;
  lost_copy.reason = "queue";
  const std::string text = drawn(story.ladder, 120);
  EXPECT_THAT(text, HasSubstr("PSH,ACK seq=1 +10 ms corrupted"));
  EXPECT_THAT(text, HasSubstr("PSH,ACK seq=51 +15 ms copy"));
  EXPECT_THAT(text, HasSubstr("✕ copy: queue"));
  EXPECT_THAT(text, HasSubstr("ACK seq=1 +20 ms reordered"));
  // Sent once, whatever became of it.
  const auto rows = arrange_ladder(story.ladder);
  EXPECT_EQ(std::count_if(rows.begin(), rows.end(), [](const auto& r) { return r.kind == LadderRow::Kind::sent; }), 3);
}

TEST(Ladder, a_drop_of_the_servers_ends_at_the_middle_with_its_reason_before_it) {
  Story story;
  story.server(0, std::nullopt, "SYN,ACK", 500, 1).reason = "outage";
  EXPECT_THAT(drawn(story.ladder), HasSubstr("│             outage ✕── SYN,ACK 0 ack 1 ─│"));
}

TEST(Ladder, a_transition_whose_segment_is_not_in_the_log_brings_it_along) {
  Story story;
  LadderSegment fin;
  fin.flags = "FIN,ACK";
  fin.seq = 77;
  fin.ack = 1;
  fin.fate = "dropped";
  fin.reason = "loss";
  story.ladder.transitions.push_back({true, ms(5), "ESTABLISHED", "FIN_WAIT_1", "sent", fin});
  EXPECT_THAT(drawn(story.ladder, 80, false, true), HasSubstr("FIN_WAIT_1 │─ FIN,ACK 77 ack 1 ─✕ loss"));
}

TEST(Ladder, a_transition_stands_on_the_row_of_its_own_segment) {
  Story story;
  story.client(0, 0.01, "ACK", 100, 200);
  story.client(0.02, 0.03, "FIN,ACK", 100, 200);
  LadderSegment fin = story.ladder.segments[1];
  story.ladder.transitions.push_back({true, ms(0.005), "ESTABLISHED", "FIN_WAIT_1", "sent", fin});
  const auto rows = arrange_ladder(story.ladder);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].client_state, "");
  EXPECT_EQ(rows[2].client_state, "FIN_WAIT_1");
}

TEST(Ladder, two_changes_at_one_moment_are_two_rows) {
  Story story;
  story.server(0, 0.01, "FIN,ACK", 500, 101);
  story.becomes(false, 0, "ESTABLISHED", "CLOSE_WAIT", "sent");
  story.becomes(false, 0, "CLOSE_WAIT", "LAST_ACK", "sent");
  const auto rows = arrange_ladder(story.ladder);
  ASSERT_EQ(rows.size(), 3U);  // the states before, and the two
  EXPECT_EQ(rows[1].server_state, "CLOSE_WAIT");
  EXPECT_TRUE(rows[1].segment);
  EXPECT_EQ(rows[2].server_state, "LAST_ACK");
  EXPECT_FALSE(rows[2].segment);
}

TEST(Ladder, sequence_numbers_wrap) {
  Story story;
  story.client(0, 0.01, "SYN", 0xffffffff);
  story.client(1, 1.01, "PSH,ACK", 0, 1, 10);
  story.client(2, 2.01, "ACK", 10, 1);
  story.client(3, 3.01, "ACK", 0xffffffff - 1, 1);  // below the first: a keep-alive of a connection that sent nothing
  const std::string text = drawn(story.ladder, 120);
  EXPECT_THAT(text, HasSubstr("SYN seq=0 "));
  EXPECT_THAT(text, HasSubstr("PSH,ACK seq=1 ack=1 len=10"));
  EXPECT_THAT(text, HasSubstr("ACK seq=11 "));
  EXPECT_THAT(text, HasSubstr("ACK seq=-1 "));
}

TEST(Ladder, absolute_numbers_are_those_of_the_wire) {
  EXPECT_THAT(drawn(lossy_handshake(), 120, false, true), HasSubstr("SYN,ACK seq=5000 ack=1001"));
}

TEST(Ladder, no_line_is_wider_than_asked_and_ascii_is_ascii) {
  Story story;
  story.ladder = lossy_handshake();
  auto& big = story.client(1200, 1234.5678, "FIN,PSH,ACK,URG,ECE,CWR", 4'000'000'000U, 4'100'000'000U, 65'000);
  big.retransmission = true;
  big.fate = "corrupted";
  story.server(1300, std::nullopt, std::string(300, 'Z'), 1, 2, 3).reason = std::string(300, 'y');
  story.becomes(false, 1300, "CLOSE_WAIT", std::string(300, 'x'), "sent");
  story.becomes(true, 4e9, "TIME_WAIT", "CLOSED", "timer");
  for (const std::size_t width : {80U, 81U, 100U, 119U, 120U}) {
    for (const std::string& line : lines(drawn(story.ladder, width, true))) {
      EXPECT_LE(columns(line), width) << line;
      EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c < 0x7f; })) << line;
    }
    for (const std::string& line : lines(drawn(story.ladder, width))) EXPECT_LE(columns(line), width) << line;
  }
}

TEST(Ladder, colour_changes_nothing_but_the_colour) {
  const std::string plain = draw_ladder(lossy_handshake(), {90, false, false, Paint{}});
  std::string coloured = draw_ladder(lossy_handshake(), {90, false, false, Paint{true}});
  EXPECT_THAT(coloured, HasSubstr("\033[31m✕"));
  for (std::size_t at = 0; (at = coloured.find('\033')) != std::string::npos;) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  EXPECT_EQ(coloured, plain);
}

TEST(Ladder, says_where_segments_are_not_kept) {
  Story story;
  story.client(0, 1, "SYN", 1000);
  story.server(2, 3, "SYN,ACK", 5000, 1001);
  for (std::uint32_t i = 0; i < 16; ++i) story.server(10 + i, 11 + i + 0.5, "ACK", 5001 + 100 * i, 1001, 100);
  story.client(500, 501, "FIN,ACK", 1001, 15'001);
  story.server(600, std::nullopt, "ACK", 15'001, 1002, 100).reason = "loss";
  story.ladder.all_segments = 112;
  EXPECT_THAT(drawn(story.ladder, 90), HasSubstr(R"(
    26.500              │◄ ACK seq=1501 +1.50 ms ─│                         │
                        ┊ 92 of 112 segments are not kept
   500.000              │─ FIN,ACK 1 ack 10001 ──►│                         │
)"));
  EXPECT_THAT(drawn(story.ladder, 80, true), HasSubstr("                        : 92 of 112 segments are not kept\n"));
  story.ladder.all_segments = 20;
  EXPECT_THAT(drawn(story.ladder, 90), Not(HasSubstr("not kept"))) << "all are";
}

TEST(Ladder, that_keeps_none_of_its_data_says_so_first) {
  Story story;
  story.client(0, 1, "SYN", 1000);
  story.ladder.all_segments = 3;
  EXPECT_THAT(drawn(story.ladder, 90), HasSubstr("2 of 3 segments are not kept"));
}

TEST(Ladder, of_nothing_is_its_head_only) { EXPECT_EQ(lines(draw_ladder({}, {})).size(), 1U); }

}  // namespace
