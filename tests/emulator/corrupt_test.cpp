#include "emulator/impairments/corrupt.h"

#include <gtest/gtest.h>

#include <bit>

#include "emulator/chance/random.h"
#include "emulator/link/pipeline.h"
#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/packets.h"
#include "tests/emulator/statistics.h"

namespace {

using namespace wobble;
using namespace wobble::packets;

/// What corrupt_packet() made of a packet.
struct Outcome {
  Bytes after;
  bool is_discarded = false;
  int flipped = 0;        ///< bits that differ
  std::size_t first = 0;  ///< byte of the first and of the last difference
  std::size_t last = 0;
};

Outcome damage(const Bytes& before, std::uint32_t bits, bool fix, std::uint64_t draw) {
  Outcome result{before};
  PacketView view;
  EXPECT_EQ(parse_packet(result.after, view), ParseError::none);
  result.is_discarded = corrupt_packet(result.after, view, {{Probability::kOne}, bits, fix}, draw) == Damage::discarded;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const int differ = std::popcount(static_cast<unsigned>(before[i] ^ result.after[i]));
    if (differ > 0 && result.flipped == 0) result.first = i;
    if (differ > 0) result.last = i;
    result.flipped += differ;
  }
  return result;
}

bool is_right(const Bytes& bytes) {
  PacketView view;
  EXPECT_EQ(parse_packet(bytes, view), ParseError::none);
  return is_checksum_right(view);
}

const Bytes kPayload(40, 0x55);
const std::vector<Bytes> kWithPayload = {
    with_checksum(ipv4(kTcp, tcp(1, 2, 3, 4, 0, kPayload))), with_checksum(ipv4(kUdp, udp(1, 2, kPayload))),
    with_checksum(ipv6(kTcp, tcp(1, 2, 3, 4, 0, kPayload))), with_checksum(ipv6(kUdp, udp(1, 2, kPayload))),
    with_checksum(ipv4(kIcmp, icmp_echo(8, 1, kPayload))),   with_checksum(ipv6(kIcmpV6, icmp_echo(128, 1, kPayload)))};

TEST(Corrupt, FlipsExactlySoManyBitsOfThePayload) {
  for (const Bytes& packet : kWithPayload) {
    for (std::uint32_t bits : {1u, 2u, 3u, 17u, 64u}) {
      for (std::uint64_t draw = 0; draw < 200; ++draw) {
        const Outcome d = damage(packet, bits, false, draw);
        ASSERT_EQ(d.flipped, static_cast<int>(bits));
        ASSERT_GE(d.first, packet.size() - kPayload.size());
        ASSERT_EQ(d.is_discarded, !is_right(d.after));
        if (bits == 1) {
          ASSERT_TRUE(d.is_discarded);
        }
      }
    }
  }
}

TEST(Corrupt, EveryBitOfThePayloadIsAsLikely) {
  std::vector<double> hits(kPayload.size() * 8, 0.0);
  const std::size_t start = kWithPayload[0].size() - kPayload.size();
  constexpr int kRounds = 20'000;
  for (std::uint64_t draw = 0; draw < kRounds; ++draw) {
    const Outcome d = damage(kWithPayload[0], 3, false, mix64(draw));
    for (std::size_t bit = 0; bit < hits.size(); ++bit) {
      hits[bit] += (d.after[start + bit / 8] ^ kPayload[bit / 8]) >> (bit % 8) & 1;
    }
  }
  const std::vector<double> expected(hits.size(), 3.0 * kRounds / static_cast<double>(hits.size()));
  EXPECT_LT(statistics::chi_square(hits, expected), statistics::chi_square_bound(hits.size() - 1));
}

TEST(Corrupt, TheSameDrawDoesTheSame) {
  EXPECT_EQ(damage(kWithPayload[0], 5, false, 7).after, damage(kWithPayload[0], 5, false, 7).after);
  EXPECT_NE(damage(kWithPayload[0], 5, false, 7).after, damage(kWithPayload[0], 5, false, 8).after);
}

TEST(Corrupt, WithoutPayloadItIsTheChecksum) {
  const Bytes packet = with_checksum(ipv4(kTcp, tcp(1, 2, 3, 4, 0x12, {}, {2, 4, 5, 0xb4})));
  for (std::uint64_t draw = 0; draw < 100; ++draw) {
    const Outcome d = damage(packet, 1, false, draw);
    ASSERT_EQ(d.flipped, 1);
    ASSERT_TRUE(d.first == 36 || d.first == 37);
    ASSERT_TRUE(d.is_discarded);
  }
  EXPECT_EQ(damage(packet, 64, false, 1).flipped, 16) << "there are no more";
}

TEST(Corrupt, FixedItReachesTheApplication) {
  for (const Bytes& packet : kWithPayload) {
    for (std::uint64_t draw = 0; draw < 100; ++draw) {
      const Outcome d = damage(packet, 3, true, draw);
      ASSERT_FALSE(d.is_discarded);
      ASSERT_TRUE(is_right(d.after));
      int in_payload = 0;
      for (std::size_t i = packet.size() - kPayload.size(); i < packet.size(); ++i) {
        in_payload += std::popcount(static_cast<unsigned>(packet[i] ^ d.after[i]));
      }
      ASSERT_EQ(in_payload, 3);
    }
  }
}

TEST(Corrupt, TheViewMayBeOfTheOriginalOfACopy) {
  for (const Bytes& original : kWithPayload) {
    PacketView view;
    ASSERT_EQ(parse_packet(original, view), ParseError::none);
    Bytes copy = original;
    EXPECT_EQ(corrupt_packet(copy, view, {{Probability::kOne}, 1, false}, 1), Damage::discarded);
    EXPECT_FALSE(is_right(copy));
    copy = original;
    EXPECT_EQ(corrupt_packet(copy, view, {{Probability::kOne}, 1, true}, 1), Damage::accepted);
    EXPECT_NE(copy, original);
    EXPECT_TRUE(is_right(copy));
  }
}

TEST(Corrupt, FixedButWithoutPayloadItIsLeftAlone) {
  const Bytes packet = with_checksum(ipv4(kTcp, tcp(1, 2, 3, 4, 0x12)));
  const Outcome d = damage(packet, 1, true, 1);
  EXPECT_EQ(d.after, packet);
  EXPECT_FALSE(d.is_discarded);
}

TEST(Corrupt, WhatNoChecksumCoversIsAccepted) {
  const Bytes unsummed = ipv4(kUdp, udp(1, 2, kPayload));
  EXPECT_FALSE(damage(unsummed, 1, false, 1).is_discarded);
  EXPECT_EQ(damage(unsummed, 1, true, 1).flipped, 1) << "no checksum stays no checksum";
  const Bytes gre = ipv4(47, kPayload);
  const Outcome d = damage(gre, 1, false, 1);
  EXPECT_EQ(d.flipped, 1);
  EXPECT_GE(d.first, 20u);
  EXPECT_FALSE(d.is_discarded);
  EXPECT_EQ(damage(ipv6(59, {}), 1, false, 1).flipped, 0) << "nothing there to flip";
}

TEST(Corrupt, AFragmentIsDiscardedOnceItIsPutTogether) {
  for (const Bytes& packet : {ipv4(kUdp, kPayload, 0x0002), ipv6(44, fragment_header(kTcp, 2, true) + kPayload)}) {
    EXPECT_TRUE(damage(packet, 1, false, 1).is_discarded);
    EXPECT_EQ(damage(packet, 1, true, 1).after, packet) << "its checksum is not here to be mended";
  }
}

}  // namespace
