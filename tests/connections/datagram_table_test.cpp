// The bounds of what is kept of fragments, where a fragment says it belongs, and that it makes no difference to a story
// whether its segments come in fragments.
#include "emulator/connections/datagram_table.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/connections/fragment_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;
using packets::Bytes;

TEST(DatagramBounds, AThousandAndTwentyFourTheOldestGivenUpFirst) {
  FragmentStory s;
  s.shake_hands();
  const PacketBytes segment = s.client("FIN,ACK 1 ack 1 len 100");
  for (std::uint16_t id = 0; id <= DatagramTable::kMost; ++id) s.pass(cut(segment, id, {40})[0]);
  s.pass(cut(segment, 0, {40})[1]);
  EXPECT_EQ(s.history(Role::client), "SYN_SENT ESTABLISHED") << "the oldest was given up";
  s.pass(cut(segment, 2, {40})[1]);
  EXPECT_EQ(s.history(Role::client), "SYN_SENT ESTABLISHED FIN_WAIT_1");
}

TEST(DatagramBounds, ThirtySecondsForTheFragmentsToArrive) {
  for (const bool is_late : {false, true}) {
    FragmentStory s;
    s.shake_hands();
    const auto parts = cut(s.client("FIN,ACK 1 ack 1 len 100"), 7, {40});
    s.send(parts[0]);
    s.wait(30s - 1ms + (is_late ? 1ns : 0ns));
    s.send(parts[1]);
    EXPECT_EQ(s.history(Role::client), is_late ? "SYN_SENT ESTABLISHED" : "SYN_SENT ESTABLISHED FIN_WAIT_1");
    s.send(parts[0]);
    EXPECT_EQ(s.history(Role::client), "SYN_SENT ESTABLISHED FIN_WAIT_1") << "another datagram, begun by the late one";
  }
}

TEST(DatagramBounds, ButAsLongAsItTakesToDeliverThem) {
  FragmentStory s;
  s.pass(s.client("SYN 0"));
  s.pass(s.server("SYN,ACK 0 ack 1"), Side::far);
  const auto parts = cut(s.client("ACK 1 ack 1 len 100"), 7, {40});
  const std::size_t first = s.send(parts[0], Side::near, {.delay = 40s});
  const std::size_t second = s.send(parts[1], Side::near, {.delay = 40s});
  s.deliver(first);
  s.deliver(second);
  EXPECT_EQ(s.history(Role::server), "SYN_RECEIVED ESTABLISHED");
}

TEST(DatagramBounds, WhatWasDeliveredIsNotKept) {
  FragmentStory s;
  s.shake_hands();
  const auto fin = cut(s.client("FIN,ACK 1 ack 1 len 100"), 9999, {40});
  s.send(fin[0]);
  for (std::uint16_t id = 0; id < 1100; ++id) s.pass(cut(s.client("ACK 1 ack 1 len 100"), id, {40}));
  s.send(fin[1]);
  EXPECT_EQ(s.history(Role::client), "SYN_SENT ESTABLISHED FIN_WAIT_1") << "1,100 came in between";
}

TEST(DatagramBounds, WhatHasLeftIsForgotten) {
  DatagramTable table({1, 2});
  const PacketBytes packet = cut(udp_packet(1, 2, 3, 4, 100), 7, {40})[0];
  const Fragment fragment = *Fragment::of(packet.view);
  const TimePoint now{1h};
  Datagram& one = table.arrive(fragment, Side::near, now);
  EXPECT_EQ(&table.arrive(fragment, Side::near, now), &one);
  EXPECT_EQ(table.find(fragment.key, Side::near, now), &one);
  EXPECT_EQ(table.find(fragment.key, Side::near, now - 1ns), nullptr) << "of an earlier datagram";
  EXPECT_EQ(table.find(fragment.key, Side::far, now), nullptr);
  one.is_sent = true;
  Datagram& two = table.arrive(fragment, Side::near, now + 1ns);
  EXPECT_NE(&two, &one) << "the identification is used again while the first is on its way";
  EXPECT_EQ(table.find(fragment.key, Side::near, now), &one);
  EXPECT_EQ(table.find(fragment.key, Side::near, now + 1ns), &two);
  table.erase(one);
  EXPECT_EQ(table.find(fragment.key, Side::near, now), nullptr);
  EXPECT_EQ(table.size(), 1u);
  table.clear();
  EXPECT_EQ(table.size(), 0u);
}

TEST(DatagramCoverage, TakesNothingThatContradictsWhatIsThere) {
  using Outcome = DatagramCoverage::Outcome;
  const auto part = [](std::uint32_t offset, std::uint32_t length, bool is_last) {
    Fragment fragment;
    fragment.offset = offset, fragment.length = length, fragment.is_last = is_last;
    return fragment;
  };
  DatagramCoverage coverage;
  EXPECT_EQ(coverage.add(part(80, 40, false)), Outcome::fresh);
  EXPECT_EQ(coverage.add(part(40, 20, true)), Outcome::conflict) << "something was behind the last";
  EXPECT_EQ(coverage.add(part(120, 21, true)), Outcome::fresh);
  EXPECT_EQ(coverage.add(part(120, 21, true)), Outcome::repeated);
  EXPECT_EQ(coverage.add(part(120, 22, true)), Outcome::conflict) << "another end";
  EXPECT_EQ(coverage.add(part(144, 8, false)), Outcome::conflict) << "behind the end";
  EXPECT_EQ(coverage.add(part(0, 0, false)), Outcome::conflict) << "of nothing";
  EXPECT_EQ(coverage.add(part(72, 16, false)), Outcome::conflict) << "a part of it is there";
  EXPECT_FALSE(coverage.is_complete());
  EXPECT_EQ(coverage.add(part(0, 80, false)), Outcome::fresh);
  EXPECT_TRUE(coverage.is_complete());
  EXPECT_EQ(coverage.total(), 141u);
  EXPECT_TRUE(coverage.has(part(8, 80, false)));

  coverage.clear();
  EXPECT_FALSE(coverage.has(part(8, 80, false)));
  EXPECT_EQ(coverage.add(part(65'528, 8, true)), Outcome::conflict) << "beyond what a datagram can be";
  EXPECT_EQ(coverage.add(part(65'528, 7, true)), Outcome::fresh);
  EXPECT_EQ(coverage.add(part(0, 65'528, false)), Outcome::fresh);
  EXPECT_TRUE(coverage.is_complete());
}

// ------------------------------------------------------------------------------------------------------ of a packet

std::optional<Fragment> fragment_of(const Bytes& bytes) {
  PacketView view;
  EXPECT_EQ(parse_packet(bytes, view), ParseError::none);
  return Fragment::of(view);
}

TEST(FragmentOf, Ipv6BehindOtherHeaders) {
  using namespace packets;
  const Bytes body(24, 'x');
  for (const Bytes& before : {Bytes{}, extension(44), extension(60) + extension(51) + authentication(44, 2)}) {
    const std::uint8_t next = before.empty() ? 44 : 0;
    const auto fragment = fragment_of(ipv6(next, before + fragment_header(kTcp, 5, true) + body));
    ASSERT_TRUE(fragment);
    EXPECT_EQ(fragment->offset, 40u);
    EXPECT_EQ(fragment->length, 24u);
    EXPECT_FALSE(fragment->is_last);
    EXPECT_EQ(fragment->key.identification, 7u);
    EXPECT_EQ(fragment->unfragmentable, 40 + before.size());
    EXPECT_EQ(fragment->payload_at, 48 + before.size());
    EXPECT_EQ(fragment->next_header, kTcp);
  }
  EXPECT_FALSE(fragment_of(ipv6(44, fragment_header(kTcp, 0, false) + tcp(1, 2, 3, 4, 0)))) << "RFC 6946: it is whole";
  const auto behind_atomic =
      fragment_of(ipv6(44, fragment_header(44, 0, false) + fragment_header(kUdp, 2, false) + body));
  ASSERT_TRUE(behind_atomic);
  EXPECT_EQ(behind_atomic->offset, 16u);
}

TEST(FragmentOf, Ipv6ReachesItsConnection) {
  using namespace packets;
  FragmentStory s;
  const Bytes segment = tcp(40000, 80, 5, 6, tcp_flag::kAck | tcp_flag::kFin, Bytes(60, 'x'));
  const auto part = [&](std::size_t from, std::size_t to, bool more) {
    const Bytes body(segment.begin() + static_cast<std::ptrdiff_t>(from),
                     segment.begin() + static_cast<std::ptrdiff_t>(to));
    return PacketBytes(
        ipv6(0, extension(44) + fragment_header(kTcp, static_cast<std::uint16_t>(from / 8), more) + body));
  };
  s.pass(part(40, 80, false));
  s.pass(part(0, 40, true));
  EXPECT_EQ(s.history(Role::client), "ESTABLISHED FIN_WAIT_1");
  EXPECT_EQ(s.figures().client.packets_sent, 2u);
  EXPECT_EQ(s.figures().client.unique_payload_bytes, 60u);
}

TEST(FragmentOf, ADatagramThatCannotBe) {
  FragmentStory s;
  const auto piece = [&](std::size_t size, std::uint16_t field) {
    std::vector<std::uint8_t> body = s.client("FIN,ACK 1 ack 1 len 100").bytes;
    body.erase(body.begin(), body.begin() + 20);
    body.resize(size);
    s.pass(PacketBytes(ip_packet(kTcp, 1, 0x101, body, field)));
  };
  s.shake_hands();
  piece(100, 0x2000);  // not a multiple of 8, and more behind it
  piece(20, 13);
  s.wait(31s);
  piece(80, 0x2000);
  piece(80, 0x1fff);  // beyond 65,535
  s.wait(31s);
  piece(80, 10);           // the last, up to 160
  piece(80, 0x2000 | 20);  // and more behind that
  piece(80, 0x2000);
  EXPECT_EQ(s.history(Role::client), "SYN_SENT ESTABLISHED");
}

// ---------------------------------------------------------------------------------------------------------- property

/// The same story in segments as they are, and in fragments of which the last arrives, and lands, when the segment
/// does.
class Twice {
 public:
  explicit Twice(std::uint64_t seed) : random_(seed) {}

  void pass(const PacketBytes& packet, Side side, bool is_lost) {
    const TimePoint sent = now_ += 5ms, landed = sent + 2ms;
    Fate fate;
    fate.release_at[0] = landed;
    if (is_lost) fate.dropped = fate.lost[0] = DropReason::loss;
    const auto at_once = [&](ConnectionTable& table, const PacketBytes& one, TimePoint at, TimePoint then, bool lost) {
      Fate its = fate;
      if (!lost) its.dropped = its.lost[0] = DropReason::none;
      const FlowPosition position = table.arrive(one.view, side, at);
      table.sent(position.connection, one.view, side, its, at);
      return [=, this, &table, &one](TimePoint) {
        if (!lost) table.delivered(position.connection, one.view, side, at, its, 0, then);
      };
    };
    at_once(whole.table, packet, sent, landed, is_lost)(landed);

    std::vector<PacketBytes> parts = cut(packet, ++id_, boundaries(packet));
    std::shuffle(parts.begin(), parts.end(), random_);
    const std::size_t lost = random_() % parts.size();
    std::vector<std::function<void(TimePoint)>> landings;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto early = Duration(static_cast<std::int64_t>(parts.size() - 1 - i));
      landings.push_back(at_once(parted.table, parts[i], sent - early, landed, is_lost && i == lost));
    }
    std::shuffle(landings.begin(), landings.end(), random_);
    for (const auto& land : landings) land(landed);
  }

  FragmentStory whole, parted;

 private:
  /// Anywhere, within the TCP header too.
  std::vector<std::size_t> boundaries(const PacketBytes& packet) {
    std::vector<std::size_t> out;
    const std::size_t payload = packet.bytes.size() - 20;
    for (std::size_t at = 8; at < payload; at += 8) {
      if (random_() % 3 == 0) out.push_back(at);
    }
    return out;
  }

  std::mt19937_64 random_;
  TimePoint now_{1h};
  std::uint16_t id_ = 0;
};

TEST(Property, FragmentsTellTheSameStoryAsTheirSegments) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Twice t(seed);
    std::mt19937_64 random(seed);
    const char* const kClient[] = {"SYN 0 mss 1460 len 0", "ACK 1 ack 1 len 100",   "ACK 101 ack 1 len 60",
                                   "ACK 1 ack 1 len 100",  "ACK 161 ack 201 len 0", "FIN,ACK 161 ack 201 len 80",
                                   "ACK 242 ack 202 len 0"};
    const char* const kServer[] = {"SYN,ACK 0 ack 1 mss 1400 len 0", "ACK 1 ack 101 len 120",
                                   "ACK 121 ack 161 len 80",         "ACK 1 ack 161 len 120",
                                   "FIN,ACK 201 ack 242 len 0",      "RST 202 len 0"};
    for (int step = 0; step < 60; ++step) {
      const bool is_client = random() % 2 == 0, is_lost = random() % 5 == 0;
      const auto which =
          std::min<std::size_t>(static_cast<std::size_t>(step) / 8 + random() % 2, 5 + (is_client ? 1 : 0));
      t.pass(is_client ? t.whole.client(kClient[which]) : t.whole.server(kServer[which]),
             is_client ? Side::near : Side::far, is_lost);
    }
    const auto told = [](const FragmentStory& s) {
      std::vector<std::string> out;
      for (const Transition& x : s.listener.transitions) {
        out.push_back(std::to_string(x.id) + " " + std::to_string(x.at.time_since_epoch().count()) + " " +
                      to_string(x.side) + " " + to_string(x.from) + " " + to_string(x.to) + " " +
                      to_string(x.evidence) + " " + name_of(x.row) + " " + std::to_string(x.segment.tcp.seq) + " " +
                      std::to_string(x.segment.tcp.length) + " " + to_string(x.segment.fate));
      }
      return out;
    };
    ASSERT_EQ(told(t.parted), told(t.whole));
    ASSERT_GT(t.whole.listener.transitions.size(), 3u);
    for (const ConnectionOpened& opened : t.whole.listener.opened) {
      const auto a = t.whole.table.figures(opened.id), b = t.parted.table.figures(opened.id);
      ASSERT_EQ(a.has_value(), b.has_value());
      if (!a) continue;
      for (const auto& [x, y] : {std::pair(a->client, b->client), std::pair(a->server, b->server)}) {
        EXPECT_EQ(x.retransmissions, y.retransmissions);
        EXPECT_EQ(x.retransmissions_by_us, y.retransmissions_by_us);
        EXPECT_EQ(x.unique_payload_bytes, y.unique_payload_bytes);
        EXPECT_EQ(x.payload_bytes, y.payload_bytes);
        EXPECT_EQ(x.dropped, y.dropped);
        EXPECT_EQ(x.max_in_flight, y.max_in_flight);
      }
    }
  }
}

}  // namespace
