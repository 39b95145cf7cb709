// Coalescing changes nothing: what a whole is cut into is what went in, whatever went in.
#include "emulator/packet/joined_packet.h"

#include <gtest/gtest.h>

#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/super_packets.h"

namespace wobble {
namespace {

using super_packets::Bytes;
using super_packets::cut;
using super_packets::Super;

Super whole_of(JoinedPacket& joined) {
  Super whole{{}, joined.offload()};
  for (const auto& part : joined.parts()) whole.bytes.insert(whole.bytes.end(), part.begin(), part.end());
  return whole;
}

/// What arrives when these leave in one turn; counts the wholes that left.
std::vector<Bytes> carry(const std::vector<Super>& packets, std::size_t& wholes) {
  std::vector<Bytes> wire;
  JoinedPacket joined;
  const auto leave = [&] {
    const Super whole = whole_of(joined);
    SuperPacket reread;
    EXPECT_EQ(SuperPacket::parse(whole.bytes, whole.offload, reread), ParseError::none);
    for (Bytes& bytes : cut(whole)) wire.push_back(std::move(bytes));
    ++wholes;
  };
  for (const Super& packet : packets) {
    if (joined.count() > 0 && joined.append(packet.bytes, packet.offload)) continue;
    if (joined.count() > 0) leave();
    joined.begin(packet.bytes, packet.offload);
  }
  leave();
  return wire;
}

std::vector<Bytes> cut_each(const std::vector<Super>& packets) {
  std::vector<Bytes> wire;
  for (const Super& packet : packets) {
    for (Bytes& bytes : cut(packet)) wire.push_back(std::move(bytes));
  }
  return wire;
}

/// The packets of one super-packet, alone or in runs, as they lie when their release times differ.
std::vector<Super> shred(std::mt19937_64& random, const Super& super) {
  SuperPacket packet;
  EXPECT_EQ(SuperPacket::parse(super.bytes, super.offload, packet), ParseError::none);
  std::vector<Super> runs;
  for (std::uint32_t first = 0; first < packet.count();) {
    const auto n = static_cast<std::uint32_t>(random() % 3 != 0 ? 1 : 1 + random() % (packet.count() - first));
    Super run{Bytes(packet.run_size(first, n)), {}};
    run.offload = packet.copy_run(first, n, run.bytes);
    if (run.offload.kind == Offload::Kind::none && random() % 2 == 0) {  // as without offload: a whole checksum
      PacketView view;
      parse_packet(run.bytes, view);
      complete_checksum(view, run.bytes, run.offload);
    }
    runs.push_back(std::move(run));
    first += n;
  }
  return runs;
}

Super random_super(std::mt19937_64& random) {
  return super_packets::make(random, random() % 2, random() % 2, 1 + random() % 9000,
                             static_cast<std::uint16_t>(1 + random() % 1448));
}

TEST(JoinedPacket, WhatWasCutAndJoinedIsCutTheSame) {
  std::mt19937_64 random(1);
  std::size_t packets = 0, wholes = 0;
  for (int round = 0; round < 1500; ++round) {
    const std::vector<Super> runs = shred(random, random_super(random));
    packets += runs.size();
    ASSERT_EQ(carry(runs, wholes), cut_each(runs)) << "round " << round;
  }
  EXPECT_LT(wholes * 3, packets) << "was anything joined?";
}

/// Flips one bit, changes a field, leaves out or swaps packets: what is joined must still be what went in.
TEST(JoinedPacket, NothingElseIsJoined) {
  std::mt19937_64 random(2);
  std::size_t packets = 0, wholes = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<Super> runs = shred(random, random_super(random));
    if (runs.size() < 2) continue;
    const std::size_t victim = random() % runs.size();
    if (random() % 4 == 0) {
      std::swap(runs[victim], runs[random() % runs.size()]);
    } else if (random() % 4 == 0) {
      runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(victim));
    } else {
      Super& packet = runs[victim];
      PacketView view;
      parse_packet(packet.bytes, view);
      const std::size_t bit = random() % (8 * (random() % 2 ? std::size_t{view.payload_offset} : packet.bytes.size()));
      packet.bytes[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      PacketView again;
      const bool is_mended = random() % 2 == 0;  // a changed field of a sound packet, or damage
      if (is_mended && view.version == 4 && parse_packet(packet.bytes, again) == ParseError::none) {
        write_ipv4_header_checksum(packet.bytes);
      }
      SuperPacket parsed;
      if (SuperPacket::parse(packet.bytes, packet.offload, parsed) != ParseError::none) continue;
      if (packet.offload.needs_checksum && parsed.whole().transport_offset != view.transport_offset) continue;
      if (is_mended && !packet.offload.needs_checksum) write_checksum(parsed.whole(), packet.bytes);
      if (packet.offload.needs_checksum) write_partial_checksum(parsed.whole(), packet.bytes);
    }
    packets += runs.size();
    std::vector<Bytes> alone;
    for (const Super& run : runs) {
      std::size_t ignored = 0;
      for (Bytes& bytes : carry({run}, ignored)) alone.push_back(std::move(bytes));
    }
    ASSERT_EQ(carry(runs, wholes), alone) << "round " << round;
  }
  EXPECT_LT(wholes * 2, packets);
}

struct Datagrams {
  explicit Datagrams(bool v6, std::size_t payload = 64) : is_v6(v6), size(payload) {}
  Super next(std::uint16_t port = 53) {
    using namespace packets;
    const Bytes transport = udp(40000, port, Bytes(size, static_cast<std::uint8_t>(id)));
    Super super{is_v6 ? ipv6(kUdp, transport) : ipv4(kUdp, transport), {}};
    if (!is_v6) {
      super.bytes[4] = static_cast<std::uint8_t>(id >> 8);
      super.bytes[5] = static_cast<std::uint8_t>(id);
      write_ipv4_header_checksum(super.bytes);
    }
    super.bytes = with_checksum(super.bytes);
    ++id;
    return super;
  }
  bool is_v6;
  std::size_t size;
  std::uint32_t id = 0xffff - 20;  // passes zero under way
};

TEST(JoinedPacket, UpToSixtyFourDatagramsAreOne) {
  for (const bool is_v6 : {false, true}) {
    Datagrams flow(is_v6);
    std::vector<Super> packets;
    for (int i = 0; i < 100; ++i) packets.push_back(flow.next());
    std::size_t wholes = 0;
    EXPECT_EQ(carry(packets, wholes), cut_each(packets));
    EXPECT_EQ(wholes, 2u);
  }
}

TEST(JoinedPacket, AWholeIsNeverLongerThanAPacketMayBe) {
  for (const bool is_v6 : {false, true}) {
    Datagrams flow(is_v6, 1400);
    std::vector<Super> packets;
    for (int i = 0; i < 60; ++i) packets.push_back(flow.next());
    std::size_t wholes = 0;
    EXPECT_EQ(carry(packets, wholes), cut_each(packets));
    EXPECT_EQ(wholes, 2u);
  }
}

TEST(JoinedPacket, AnotherFlowBetweenThemKeepsThemApart) {
  Datagrams flow(false), other(false);
  const std::vector<Super> packets{flow.next(), other.next(54), flow.next(), other.next(54)};
  std::size_t wholes = 0;
  EXPECT_EQ(carry(packets, wholes), cut_each(packets));
  EXPECT_EQ(wholes, 4u) << "order is kept between flows as well";
}

TEST(JoinedPacket, DatagramsWhoseIdentificationDoesNotCountUpStayAlone) {
  Datagrams flow(false);
  std::vector<Super> packets{flow.next()};
  flow.id = 0xffff - 20;
  packets.push_back(flow.next());
  std::size_t wholes = 0;
  EXPECT_EQ(carry(packets, wholes), cut_each(packets));
  EXPECT_EQ(wholes, 2u);
}

TEST(JoinedPacket, AShortOneEndsTheWhole) {
  Datagrams flow(true, 64);
  std::vector<Super> packets{flow.next(), flow.next()};
  flow.size = 10;
  packets.push_back(flow.next());
  packets.push_back(flow.next());
  std::size_t wholes = 0;
  EXPECT_EQ(carry(packets, wholes), cut_each(packets));
  EXPECT_EQ(wholes, 2u) << "64, 64, 10 make one; the next begins anew";
}

TEST(JoinedPacket, ADamagedOrUnsummedDatagramStaysAlone) {
  for (const bool is_damaged : {true, false}) {
    Datagrams flow(false);
    std::vector<Super> packets{flow.next(), flow.next(), flow.next()};
    Bytes& victim = packets[1].bytes;
    if (is_damaged) {
      victim[30] ^= 1;
    } else {
      victim[26] = victim[27] = 0;  // RFC 768: no checksum
    }
    JoinedPacket joined;
    joined.begin(packets[0].bytes, packets[0].offload);
    EXPECT_FALSE(joined.append(packets[1].bytes, packets[1].offload));
    joined.begin(packets[1].bytes, packets[1].offload);
    EXPECT_FALSE(joined.append(packets[2].bytes, packets[2].offload));
    EXPECT_EQ(whole_of(joined).bytes, packets[1].bytes) << "as it is";
  }
}

}  // namespace
}  // namespace wobble
