// Fragments are packets of their connection, and the tracker sees their datagram once.
#include "emulator/packet/fragment.h"

#include <gtest/gtest.h>

#include "tests/connections/fragment_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

constexpr const char* kOpenHistory = "SYN_SENT ESTABLISHED";

/// 8 bytes of header and 100 of payload, from port 5000 to 53.
std::vector<PacketBytes> datagram(std::uint16_t identification = 7, const std::vector<std::size_t>& offsets = {40, 80},
                                  std::uint16_t port = 5000) {
  return cut(udp_packet(1, port, 0x101, 53, 100), identification, offsets);
}

TEST(Fragments, AreTheNextPacketsOfTheirFlow) {
  FragmentStory s;
  s.pass(udp_packet(1, 5000, 0x101, 53));
  const std::vector<PacketBytes> parts = datagram();
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t number = s.send(parts[i]);
    EXPECT_EQ(s.position(number).flow_key, s.position(0).flow_key) << i;
    EXPECT_EQ(s.position(number).packet, i + 1);
    EXPECT_EQ(s.position(number).connection.index, s.position(0).connection.index);
  }
  s.deliver(1);
  s.deliver(2);
  ASSERT_EQ(s.listener.opened.size(), 1u);
  const EndpointFigures client = s.figures().client;
  EXPECT_EQ(client.packets_sent, 4u);
  EXPECT_EQ(client.bytes_sent, 38u + 60 + 60 + 48);
  EXPECT_EQ(client.payload_bytes, 10u + 100) << "no header twice";
  EXPECT_EQ(client.packets_delivered, 3u);
  EXPECT_EQ(client.bytes_delivered, 38u + 60 + 60);
}

// A host's fragments to itself bear the same addresses both ways, and may bear the same identification.
TEST(Fragments, BetweenEqualAddressesAreToldApartByWhereTheyArrive) {
  FragmentStory s;
  const std::vector<PacketBytes> there = cut(udp_packet(1, 5000, 1, 53, 100), 7, {40, 80});
  const std::vector<PacketBytes> back = cut(udp_packet(1, 53, 1, 5000, 100), 7, {40, 80});
  for (const std::size_t i : {0u, 2u, 1u}) {
    s.pass(there[i]);
    s.pass(back[i], Side::far);
  }
  ASSERT_EQ(s.listener.opened.size(), 1u);
  for (const EndpointFigures& figures : {s.figures().client, s.figures().server}) {
    EXPECT_EQ(figures.packets_sent, 3u);
    EXPECT_EQ(figures.payload_bytes, 100u);
    EXPECT_EQ(figures.packets_delivered, 3u);
  }
}

TEST(Fragments, BeforeTheFirstCountAsSoonAsItIsKnown) {
  FragmentStory s;
  s.pass(udp_packet(1, 5000, 0x101, 53));
  const std::vector<PacketBytes> parts = datagram();
  const std::size_t last = s.send(parts[2], Side::near, {.duplicate = true});
  const std::size_t middle = s.drop(parts[1]);
  EXPECT_FALSE(s.position(last).connection);
  EXPECT_NE(s.position(last).flow_key, s.position(0).flow_key);
  s.deliver(last);
  EXPECT_EQ(s.figures().client.packets_sent, 1u);
  const std::size_t first = s.send(parts[0]);
  EXPECT_EQ(s.position(first).packet, 3u) << "behind those that came before";
  EXPECT_EQ(s.figures().client.packets_sent, 4u);
  EXPECT_EQ(s.figures().client.bytes_sent, 38u + 60 + 60 + 48);
  EXPECT_EQ(s.figures().client.payload_bytes, 10u + 100);
  EXPECT_EQ(s.figures().client.packets_delivered, 2u);
  EXPECT_EQ(s.figures().client.dropped, 1u);
  EXPECT_EQ(s.figures().client.duplicated, 1u);
  s.lose(last, 1);
  s.deliver(first);
  EXPECT_EQ(s.figures().client.packets_delivered, 3u);
  EXPECT_EQ(s.figures().client.dropped, 2u) << "also of those that left before the first was known";
  EXPECT_FALSE(s.position(middle).connection);
}

TEST(Fragments, OfAnotherIdentificationSideOrProtocolBelongElsewhere) {
  FragmentStory s;
  s.send(datagram(7)[0]);
  EXPECT_FALSE(s.position(s.send(datagram(8)[1])).connection);
  EXPECT_FALSE(s.position(s.send(datagram(7)[1], Side::far)).connection);
  EXPECT_FALSE(s.position(s.send(PacketBytes(ip_packet(47, 1, 0x101, std::vector<std::uint8_t>(16), 5)))).connection);
  EXPECT_TRUE(s.position(s.send(datagram(7)[1])).connection);
}

TEST(Fragments, ALossOfAnyIsALossOfTheConnection) {
  FragmentStory s;
  const std::vector<PacketBytes> parts = datagram();
  s.send(parts[0]);
  s.drop(parts[1]);
  s.lose(s.send(parts[2]));
  EXPECT_EQ(s.figures().client.dropped, 2u);
}

TEST(Fragments, OfAProtocolWithoutPortsMakeOneFlow) {
  FragmentStory s;
  const PacketBytes whole(ip_packet(47, 1, 0x101, std::vector<std::uint8_t>(100)));
  s.pass(whole);
  s.pass(cut(whole, 3, {40}));
  ASSERT_EQ(s.listener.opened.size(), 1u);
  EXPECT_EQ(s.figures().client.packets_sent, 3u);
  EXPECT_EQ(s.figures().client.payload_bytes, 200u);
}

TEST(Fragments, KeepTheirFlowInUse) {
  FragmentStory s;
  const std::vector<PacketBytes> parts = datagram();
  s.send(parts[0]);
  s.wait(20s);
  s.send(parts[1]);
  s.wait(59s);
  EXPECT_TRUE(s.listener.closed.empty());
  s.wait(1s);
  EXPECT_EQ(s.listener.closed.size(), 1u);
}

// ------------------------------------------------------------------------------------------------------------- TCP

TEST(FragmentedSegment, IsSentWhenItsLastMissingFragmentHasArrived) {
  FragmentStory s;
  s.shake_hands();
  const auto parts = cut(s.client("FIN,ACK 1 ack 1 len 100"), 7, {40, 80});
  s.send(parts[2]);
  s.send(parts[0]);
  EXPECT_EQ(s.history(Role::client), kOpenHistory);
  s.send(parts[1]);
  EXPECT_EQ(s.history(Role::client), std::string(kOpenHistory) + " FIN_WAIT_1");
  EXPECT_EQ(s.last().at, s.now);
  EXPECT_EQ(s.last().segment.tcp.length, 100u) << "of the whole";
  EXPECT_EQ(s.figures().client.unique_payload_bytes, 100u);
  EXPECT_EQ(s.figures().client.payload_bytes, 100u);
  EXPECT_EQ(s.figures().client.packets_sent, 2u + 3);
  s.pass(s.server("ACK 1 ack 101"), Side::far);
  EXPECT_EQ(s.history(Role::server), "SYN_RECEIVED ESTABLISHED") << "not the FIN, which is at 101";
  s.pass(s.server("ACK 1 ack 102"), Side::far);
  EXPECT_EQ(s.history(Role::server), "SYN_RECEIVED ESTABLISHED CLOSE_WAIT");
}

TEST(FragmentedSegment, IsDeliveredWhenEveryFragmentIs) {
  FragmentStory s;
  s.pass(s.client("SYN 0"));
  s.pass(s.server("SYN,ACK 0 ack 1"), Side::far);
  const auto parts = cut(s.client("ACK 1 ack 1 len 100"), 7, {40, 80});
  const std::size_t first = s.send(parts[0]), second = s.send(parts[1]), third = s.send(parts[2]);
  EXPECT_EQ(s.history(Role::client), kOpenHistory);
  s.deliver(third);
  s.deliver(first);
  EXPECT_EQ(s.history(Role::server), "SYN_RECEIVED");
  s.deliver(second);
  EXPECT_EQ(s.history(Role::server), "SYN_RECEIVED ESTABLISHED");
  EXPECT_EQ(s.last().at, s.now);
  EXPECT_EQ(s.last().evidence, Evidence::delivered);
  ASSERT_FALSE(s.listener.segments.empty());
  const SegmentRecord& told = s.listener.segments.back();
  EXPECT_EQ(told.delivered_at, s.now);
  EXPECT_EQ(told.tcp.length, 100u);
}

TEST(FragmentedSegment, IsLostIfAnyFragmentIs) {
  for (const bool on_arrival : {true, false}) {
    FragmentStory s;
    s.shake_hands();
    const auto parts = cut(s.client("FIN,ACK 1 ack 1 len 100"), 7, {40, 80});
    const std::size_t first = s.send(parts[0]);
    const std::size_t second = on_arrival ? s.drop(parts[1]) : s.send(parts[1]);
    const std::size_t third = s.send(parts[2]);
    EXPECT_EQ(s.last().segment.drop, on_arrival ? DropReason::loss : DropReason::none);
    s.deliver(first);
    if (!on_arrival) s.lose(second);
    s.deliver(third);
    const auto is_loss = [](const SegmentRecord& r) { return r.fate == FateWord::dropped; };
    EXPECT_EQ(std::ranges::count_if(s.listener.segments, is_loss), 1);
    EXPECT_EQ(s.figures().client.dropped, 1u) << "packets";
    ASSERT_EQ(s.figures().closes.size(), 1u);
    EXPECT_FALSE(s.figures().closes[0].is_delivered);
    s.pass(s.client("FIN,ACK 1 ack 1 len 100"));
    EXPECT_EQ(s.figures().client.retransmissions_by_us, 1u) << on_arrival;
  }
}

TEST(FragmentedSegment, IsLostBeforeAllOfItHasArrived) {
  FragmentStory s;
  s.shake_hands();
  const auto parts = cut(s.client("FIN,ACK 1 ack 1 len 100"), 7, {40});
  s.lose(s.send(parts[0]));
  s.send(parts[1]);
  EXPECT_EQ(s.last().segment.drop, DropReason::outage);
  s.pass(s.client("FIN,ACK 1 ack 1 len 100"));
  EXPECT_EQ(s.figures().client.retransmissions_by_us, 1u);
}

TEST(FragmentedSegment, IsDamagedIfAnyFragmentIs) {
  FragmentStory s;
  s.pass(s.client("SYN 0"));
  s.pass(s.server("SYN,ACK 0 ack 1"), Side::far);
  const auto parts = cut(s.client("ACK 1 ack 1 len 100"), 7, {40});
  const std::size_t first = s.send(parts[0]), second = s.send(parts[1], Side::near, {.corrupt = true});
  EXPECT_EQ(s.last().segment.fate, FateWord::corrupted);
  s.deliver(first);
  s.deliver(second);
  EXPECT_EQ(s.history(Role::server), "SYN_RECEIVED") << "its receiver throws it away";
  EXPECT_EQ(s.figures().client.packets_delivered, 3u);
  EXPECT_EQ(s.figures().client.corrupted, 1u);
}

TEST(FragmentedSegment, IsNotSeenTwiceBecauseOfARepeatedFragment) {
  FragmentStory s;
  s.shake_hands();
  const auto parts = cut(s.client("ACK 1 ack 1 len 100"), 7, {40});
  const std::size_t first = s.send(parts[0]), again = s.send(parts[0]);
  const std::size_t second = s.send(parts[1], Side::near, {.duplicate = true}), once_more = s.send(parts[1]);
  s.deliver(first);
  s.deliver(again);
  s.deliver(second);
  s.deliver(second, 1);
  s.deliver(once_more);
  const EndpointFigures client = s.figures().client;
  EXPECT_EQ(client.retransmissions, 0u);
  EXPECT_EQ(client.packets_sent, 2u + 4) << "yet each is a packet";
  EXPECT_EQ(client.packets_delivered, 2u + 5);
  EXPECT_EQ(client.unique_payload_bytes, 100u);
}

TEST(FragmentedSegment, IsNotLostWithARepeatedFragment) {
  FragmentStory s;
  s.shake_hands();
  const auto parts = cut(s.client("FIN,ACK 1 ack 1 len 100"), 7, {40});
  s.send(parts[0]);
  s.drop(parts[0]);
  s.deliver(s.send(parts[1]));
  EXPECT_EQ(s.last().segment.drop, DropReason::none);
  s.lose(s.send(parts[1]));
  const auto is_loss = [](const SegmentRecord& r) { return r.fate == FateWord::dropped; };
  EXPECT_EQ(std::ranges::count_if(s.listener.segments, is_loss), 0);
  EXPECT_EQ(s.figures().client.dropped, 2u) << "packets";
}

TEST(FragmentedSegment, CanBeSavedByADuplicate) {
  FragmentStory s;
  s.pass(s.client("SYN 0"));
  s.pass(s.server("SYN,ACK 0 ack 1"), Side::far);
  const auto parts = cut(s.client("ACK 1 ack 1 len 100"), 7, {40});
  const std::size_t first = s.send(parts[0], Side::near, {.drop = true, .duplicate = true});
  const std::size_t second = s.send(parts[1]);
  EXPECT_NE(s.last().segment.fate, FateWord::dropped);
  s.deliver(second);
  s.deliver(first, 1);
  EXPECT_EQ(s.history(Role::server), "SYN_RECEIVED ESTABLISHED");
}

TEST(FragmentedSegment, ThatOverlapsIsDiscarded) {
  FragmentStory s;
  s.shake_hands();
  const PacketBytes fin = s.client("FIN,ACK 1 ack 1 len 100");
  s.pass(cut(fin, 7, {40, 80})[0]);
  s.pass(cut(fin, 7, {32, 80})[1]);  // from 32
  s.pass(cut(fin, 7, {80})[1]);
  EXPECT_EQ(s.history(Role::client), kOpenHistory);
  EXPECT_EQ(s.figures().client.packets_delivered, 2u + 3) << "as packets they are forwarded as ever";
  s.pass(cut(fin, 8, {40, 80}));
  EXPECT_EQ(s.history(Role::client), std::string(kOpenHistory) + " FIN_WAIT_1");
}

// The smallest first fragments there are (RFC 1858 3), in every order.
TEST(FragmentedSegment, MayHaveItsHeaderInSeveralFragments) {
  std::vector<std::size_t> order{0, 1, 2, 3};
  do {
    FragmentStory s;
    s.shake_hands();
    const std::vector<PacketBytes> parts = cut(s.client("FIN,ACK 1 ack 1 len 100"), 7, {8, 16, 64});
    for (const std::size_t i : order) s.pass(parts[i]);
    EXPECT_EQ(s.history(Role::client), std::string(kOpenHistory) + " FIN_WAIT_1");
    EXPECT_EQ(s.figures().client.packets_sent, 2u + 4);
    EXPECT_EQ(s.figures().client.packets_delivered, 2u + 4);
    EXPECT_EQ(s.figures().client.payload_bytes, 100u);
    EXPECT_EQ(s.figures().client.unique_payload_bytes, 100u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(FragmentedSegment, OpensAConnectionWhenItIsWhole) {
  FragmentStory s;
  const auto syn = cut(s.client("SYN 0 tfo 6 mss 1460 len 60"), 7, {48});
  s.pass(syn[0]);
  EXPECT_TRUE(s.listener.opened.empty());
  s.pass(syn[1]);
  ASSERT_EQ(s.listener.opened.size(), 1u);
  EXPECT_EQ(s.history(Role::client), "SYN_SENT");
  EXPECT_EQ(s.figures().client.packets_sent, 2u);
  EXPECT_EQ(s.figures().client.packets_delivered, 2u);
  EXPECT_EQ(s.figures().client.offer.mss, 1460) << "the options are those of the first";
  EXPECT_TRUE(s.figures().client.offer.data_in_syn);
  s.pass(s.client("SYN 0"));
  s.pass(cut(s.server("SYN,ACK 0 ack 61 len 40"), 8, {24}), Side::far);
  EXPECT_EQ(s.history(Role::server), "SYN_RECEIVED");
  EXPECT_EQ(s.listener.opened.size(), 1u);
}

TEST(FragmentedSegment, ThatOpensAnotherConnectionIsNoPacketOfTheOld) {
  FragmentStory s;
  s.shake_hands();
  s.pass(s.server("RST 1"), Side::far);
  s.pass(cut(s.client("SYN 5000000 len 60"), 7, {40}));
  ASSERT_EQ(s.listener.opened.size(), 2u);
  EXPECT_EQ(s.figures(2).client.packets_sent, 2u);
  ASSERT_EQ(s.listener.closed.size(), 1u);
  EXPECT_EQ(s.listener.closed[0].figures.client.packets_sent, 2u);
}

TEST(FragmentedSegment, OfAHalfOpenConnectionIsItsOwn) {
  FragmentStory s;
  s.pass(s.client("SYN 0"));
  s.pass(cut(s.client("SYN 0 len 40"), 6, {24}));
  EXPECT_EQ(s.listener.opened.size(), 1u);
  EXPECT_EQ(s.figures().client.packets_sent, 3u);
  s.pass(cut(s.client("ACK 1 ack 1 len 100"), 7, {40}));
  EXPECT_EQ(s.listener.opened.size(), 1u);
  EXPECT_EQ(s.figures().client.packets_sent, 5u);
}

TEST(FragmentedSegment, ThatOpensNothingOpensNothing) {
  FragmentStory s;
  s.pass(cut(s.client("RST 5 len 60"), 7, {40}));
  s.pass(cut(s.client("ACK 5 ack 1 len 60"), 8, {40})[0]);
  EXPECT_TRUE(s.listener.opened.empty());
  s.pass(cut(s.client("ACK 5 ack 1 len 60"), 8, {40})[1]);
  ASSERT_EQ(s.listener.opened.size(), 1u) << "picked up";
  EXPECT_TRUE(s.listener.opened[0].midstream);
  EXPECT_EQ(s.figures().client.packets_sent, 2u);
}

}  // namespace
