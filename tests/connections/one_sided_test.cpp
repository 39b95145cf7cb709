// Floods of packets that belong to no connection: which flows are followed all the same, and that the rest is counted
// and costs nothing.
#include "emulator/connections/one_sided_flows.h"
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;
using Phase = HalfOpenFlood::Phase;
using Seen = OneSidedFlows::Seen;

TEST(OneSidedFlows, AreFollowedWhenTheOtherSideAnswers) {
  OneSidedFlows flows;
  constexpr std::uint64_t kFlow = 0x1234567812345678, kOther = 0x9876543298765432;
  EXPECT_EQ(flows.see(kFlow, Side::near), Seen::first);
  EXPECT_EQ(flows.see(kFlow, Side::near), Seen::again);
  EXPECT_EQ(flows.see(kOther, Side::far), Seen::first);
  EXPECT_EQ(flows.see(kFlow, Side::far), Seen::followed);
  EXPECT_EQ(flows.see(kFlow, Side::far), Seen::first) << "it was forgotten";
  EXPECT_EQ(flows.see(kOther, Side::near), Seen::followed);
}

TEST(OneSidedFlows, AreFollowedWhenTheyGoOn) {
  OneSidedFlows flows;
  EXPECT_EQ(flows.see(7000, Side::far), Seen::first);
  for (std::uint64_t n = 2; n < OneSidedFlows::kGoesOn; ++n) EXPECT_EQ(flows.see(7000, Side::far), Seen::again) << n;
  EXPECT_EQ(flows.see(7000, Side::far), Seen::followed);
}

TEST(OneSidedFlows, TheLaterOfTwoInOnePlaceIsRemembered) {
  OneSidedFlows flows;
  constexpr std::uint64_t kFirst = 5, kSecond = 5 + (std::uint64_t{1} << 40) * OneSidedFlows::kPlaces;
  EXPECT_EQ(flows.see(kFirst, Side::near), Seen::first);
  EXPECT_EQ(flows.see(kSecond, Side::near), Seen::first);
  EXPECT_EQ(flows.see(kFirst, Side::far), Seen::first);
}

TEST(OneSidedFlows, AreForgottenWithTheirFlood) {
  OneSidedFlows flows;
  EXPECT_EQ(flows.see(99'000, Side::near), Seen::first);
  flows.forget_all();
  EXPECT_EQ(flows.see(99'000, Side::far), Seen::first);
}

/// A table in which one pick-up is a flood: from the first on.
class OneSided : public TableStory {
 public:
  OneSided() : TableStory(options()) {
    client_port = 41'000;
    client("ACK 1 ack 1");
  }
  std::uint32_t counted() const {
    std::uint32_t sum = 0;
    for (const HalfOpenFlood& row : listener.floods) sum += row.connections;
    return sum;
  }

 private:
  static ConnectionTableOptions options() {
    ConnectionTableOptions options = options_with(4096);
    options.flood_rate = 1;
    return options;
  }
};

TEST(OneSidedFlood, WhatNobodyAnswersIsCountedAndOpensNothing) {
  OneSided s;
  ASSERT_EQ(s.listener.floods.size(), 1u);
  EXPECT_EQ(s.listener.floods[0].phase, Phase::began);
  EXPECT_TRUE(s.listener.floods[0].is_one_sided);
  ASSERT_EQ(s.listener.opened.size(), 1u) << "the one before it was a flood";
  for (std::uint16_t port = 42'000; port < 42'500; ++port) {
    s.client_port = port;
    s.client("ACK 1 ack 1");
    s.client("ACK 1 ack 1 len 10");
  }
  EXPECT_EQ(s.listener.opened.size(), 1u);
  EXPECT_EQ(s.table.size(), 1u);
  s.wait(600s);
  EXPECT_EQ(s.counted(), 500u);
  EXPECT_EQ(s.listener.floods.back().phase, Phase::ended);
  for (const HalfOpenFlood& flood : s.listener.floods) EXPECT_TRUE(flood.is_one_sided);
  s.client_port = 43'000;
  s.client("ACK 1 ack 1");
  EXPECT_EQ(s.listener.opened.size(), 2u) << "the flood is over";
}

TEST(OneSidedFlood, AFlowThatIsAnsweredIsFollowed) {
  OneSided s;
  s.client_port = 42'000;
  s.client("ACK 1 ack 1 len 10");
  EXPECT_EQ(s.listener.opened.size(), 1u);
  s.server("ACK 1 ack 11");
  ASSERT_EQ(s.listener.opened.size(), 2u);
  EXPECT_TRUE(s.listener.opened[1].midstream);
  EXPECT_EQ(s.listener.opened[1].client.port, 42'000) << "whoever was seen first";
  s.client("FIN,ACK 11 ack 1");
  s.server("FIN,ACK 1 ack 12");
  s.client("ACK 12 ack 2");
  EXPECT_EQ(s.listener.closed.back().end, End::orderly);
}

TEST(OneSidedFlood, AHandshakeIsToldAsEver) {
  OneSided s;
  s.client_port = 42'000;
  s.shake_hands();
  EXPECT_EQ(s.listener.opened.size(), 2u);
  EXPECT_FALSE(s.listener.opened[1].midstream);
}

// Many at once that are answered, as on a link that is put in front of a busy host.
TEST(OneSidedFlood, FlowsThatAreAnsweredAreNone) {
  ConnectionTableOptions options = TableStory::options_with(4096);
  options.flood_rate = 100;
  TableStory s(options);
  for (std::uint16_t port = 42'000; port < 43'000; ++port) {
    s.client_port = port;
    s.client("ACK 1 ack 1 len 10");
    s.server("ACK 1 ack 11");
  }
  EXPECT_TRUE(s.listener.floods.empty());
  EXPECT_EQ(s.listener.opened.size(), 1000u);
}

}  // namespace
