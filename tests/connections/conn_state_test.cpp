// Section 6 of the specification, row by row: facts in, Zeek's word and letters out.
#include "emulator/connections/tcp/conn_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/connections/segment_text.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

/// "c SYN 0; s SYN,ACK 0 ack 1; ...": who sends what, told to the facts.
WireFacts facts_of(const std::string& story) {
  WireFacts facts;
  std::istringstream in(story);
  for (std::string line; std::getline(in, line, ';');) {
    line.erase(0, std::min(line.size(), line.find_first_not_of(' ')));
    if (line.empty()) continue;
    const Role from = line[0] == 'c' ? Role::client : Role::server;
    facts.see(from, read_segment(line.substr(2), 1000, 2000).segment);
  }
  return facts;
}

::testing::AssertionResult is(const std::string& story, const char* word, const char* letters) {
  const WireFacts facts = facts_of(story);
  if (to_string(facts.conn_state()) == std::string(word) && facts.history().text() == letters) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << story << ": " << to_string(facts.conn_state()) << " "
                                       << facts.history().text() << ", and not " << word << " " << letters;
}

constexpr const char* kHandshake = "c SYN 0; s SYN,ACK 0 ack 1; c ACK 1 ack 1; ";
std::string after_opening(const char* rest) { return std::string(kHandshake) + rest; }

TEST(ConnState, Attempts) {
  EXPECT_TRUE(is("c SYN 0", "S0", "S"));
  EXPECT_TRUE(is("c SYN 0; c SYN 0; c SYN 0", "S0", "S"));
  EXPECT_TRUE(is("c SYN 0; s RST,ACK 0 ack 1", "REJ", "Sr"));
  EXPECT_TRUE(is("c SYN 0; s RST,ACK 0 ack 1; c SYN 0; s RST,ACK 0 ack 1", "REJ", "Sr"));
  EXPECT_TRUE(is("c SYN 0; s RST,ACK 0 ack 1; c RST 1", "REJ", "SrR"));
  EXPECT_TRUE(is("c SYN 0; c RST 1", "RSTOS0", "SR"));
  EXPECT_TRUE(is("c SYN 0; s SYN,ACK 0 ack 1", "S1", "Sh"));
  EXPECT_TRUE(is("c SYN 0; s SYN,ACK 0 ack 1; c RST 1", "RSTO", "ShR"));
  EXPECT_TRUE(is("c SYN 0; c FIN,ACK 1 ack 1", "SH", "SF"));
  EXPECT_TRUE(is("c SYN 0; c ACK 1 ack 1", "OTH", "SA"));
}

TEST(ConnState, Established) {
  EXPECT_TRUE(is(kHandshake, "S1", "ShA"));
  EXPECT_TRUE(
      is(after_opening("c ACK 1 ack 1 len 5; s ACK 1 ack 6; s ACK 1 ack 6 len 7; c ACK 6 ack 8"), "S1", "ShADad"));
  EXPECT_TRUE(is(after_opening("c FIN,ACK 1 ack 1; s ACK 1 ack 2; s FIN,ACK 1 ack 2; c ACK 2 ack 2"), "SF", "ShAFaf"));
  EXPECT_TRUE(is(after_opening("c FIN,ACK 1 ack 1; s ACK 1 ack 2"), "S2", "ShAFa"));
  EXPECT_TRUE(is(after_opening("s FIN,ACK 1 ack 1; c ACK 1 ack 2"), "S3", "ShAf"));
  EXPECT_TRUE(is(after_opening("c RST 1 ack 1"), "RSTO", "ShAR"));
  EXPECT_TRUE(is(after_opening("s RST 1"), "RSTR", "ShAr"));
  EXPECT_TRUE(is(after_opening("c RST 1; s RST 1"), "REJ", "ShARr")) << "no payload at all, as Zeek has it";
  EXPECT_TRUE(is(after_opening("c ACK 1 ack 1 len 1; c RST 2; s RST 1"), "RSTR", "ShADRr"));
}

TEST(ConnState, AFinThatTheOtherSideAnswersOutlivesItsOwnReset) {
  EXPECT_TRUE(is(after_opening("c FIN,ACK 1 ack 1; c RST 2"), "RSTO", "ShAFR"));
  EXPECT_TRUE(is(after_opening("c FIN,ACK 1 ack 1; c RST 2; s FIN,ACK 1 ack 2"), "SF", "ShAFRf"));
  EXPECT_TRUE(is(after_opening("c FIN,ACK 1 ack 1; s FIN,ACK 1 ack 2; c RST 2"), "SF", "ShAFfR"))
      << "both had sent FIN";
}

TEST(ConnState, Midstream) {
  EXPECT_TRUE(is("c ACK 1 ack 1 len 3; s ACK 1 ack 4", "OTH", "Da"));
  EXPECT_TRUE(is("c ACK 1 ack 1 len 3; s RST 1", "RSTRH", "Dr"));
  EXPECT_TRUE(is("c ACK 1 ack 1 len 3; c RST 4", "OTH", "DR"));
  EXPECT_TRUE(is("c FIN,ACK 1 ack 1; s FIN,ACK 1 ack 2; c ACK 2 ack 2", "SF", "FfA"));
  EXPECT_TRUE(is("s FIN,ACK 1 ack 1; c ACK 1 ack 2", "SHR", "fA"));
  EXPECT_TRUE(is("s SYN,ACK 0 ack 1; c ACK 1 ack 1", "OTH", "hA"));
  EXPECT_TRUE(is("s RST 1", "RSTRH", "r"));
}

TEST(ConnState, OddFlags) {
  EXPECT_TRUE(is("c SYN,FIN 0", "OTH", "Q"));
  EXPECT_TRUE(is("c SYN,RST 0; c SYN,RST 0", "OTH", "Q"));
  EXPECT_TRUE(is(after_opening("c FIN,RST,ACK 1 ack 1"), "RSTO", "ShAI"));
  EXPECT_TRUE(is("c none 0", "OTH", ""));
}

TEST(ConnState, LettersAgainWhenTheNumberIsAnother) {
  EXPECT_TRUE(is("c SYN 0; c SYN 5; c SYN 5", "S0", "SS"));
  EXPECT_TRUE(is(after_opening("c RST 1; c RST 1; c RST 9"), "RSTO", "ShARR"));
  EXPECT_TRUE(is(after_opening("c FIN,ACK 1 ack 1; c FIN,ACK 1 ack 1; c FIN,ACK 3 ack 1"), "S2", "ShAFF"));
}

TEST(ConnState, CountedLettersByPowersOfTen) {
  WireFacts facts;
  for (std::uint64_t n = 1; n <= 1000; ++n) facts.tell(Role::server, 'T', n);
  facts.tell(Role::client, 'W', 1);
  EXPECT_EQ(facts.history().text(), "ttttW");
}

TEST(ConnState, HistoryKeepsTheFirstTwentyFour) {
  WireFacts facts;
  facts.flip();
  for (std::uint32_t n = 0; n < 100; ++n) {
    TcpSegment rst;
    rst.seq = n;
    rst.flags = tcp_flag::kRst;
    EXPECT_TRUE(facts.see(Role::client, rst));
  }
  EXPECT_EQ(facts.history().text(), "^" + std::string(23, 'R'));
}

TEST(ConnState, WhatBelongsAmongTheClosingSegments) {
  WireFacts facts;
  const auto see = [&](Role from, const char* text) { return facts.see(from, read_segment(text, 0, 0).segment); };
  EXPECT_FALSE(see(Role::client, "SYN 0"));
  EXPECT_TRUE(see(Role::client, "FIN,ACK 1 ack 1"));
  EXPECT_FALSE(see(Role::client, "FIN,ACK 1 ack 1")) << "only a side's first FIN";
  EXPECT_TRUE(see(Role::server, "FIN,ACK 1 ack 1"));
  EXPECT_TRUE(see(Role::server, "RST 2"));
  EXPECT_TRUE(see(Role::server, "RST 2")) << "every RST";
}

}  // namespace
