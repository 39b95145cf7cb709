#include <gtest/gtest.h>

#include "emulator/packet/packet.h"
#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/packets.h"

namespace {

using namespace wobble;
using namespace wobble::packets;

// Whole packets with checksums computed by other means.
const struct {
  const char* name;
  const char* hex;
} kKnown[] = {
    {"ipv4 tcp syn with options",
     "4500003c1234400040063c4cc0000201c63364079cb000500102030400000000a002faf0bfcb0000020405b40402080a00000001000000000"
     "1030307"},
    {"ipv4 tcp data, odd length",
     "4500003b1234400040063c4dc0000201c63364079cb00050010203050a0b0c0d501801f60ac80000474554202f20485454502f312e300d0a0"
     "d0a21"},
    {"ipv4 udp", "450000211234400040113c5cc0000201c633640714e90035000dbaa768656c6c6f"},
    {"ipv4 icmp echo", "450000231234400040013c6ac0000201c63364070800248f4242000161626364656667"},
    {"ipv6 tcp syn",
     "600000000028064020010db800000000000000000000000120010db80000000000000000000000079cb000500102030400000000a002faf05"
     "08e0000020405b40402080a000000010000000001030307"},
    {"ipv6 udp",
     "60000000000d114020010db800000000000000000000000120010db800000000000000000000000714e90035000d4b6a68656c6c6f"},
    {"ipv6 icmpv6 echo",
     "60000000000f3a4020010db800000000000000000000000120010db8000000000000000000000007800050cb4242000161626364656667"},
    {"ipv6 udp behind a routing header on its way",
     "6000000000252b4020010db800000000000000000000000120010db8000000000000000000000007110200010000000020010db8000000000"
     "00000000000009914e90035000d4ad868656c6c6f"},
    {"ipv6 udp behind a segment routing header on its way",
     "6000000000352b4020010db800000000000000000000000120010db8000000000000000000000007110404010100000020010db8000000000"
     "00000000000009920010db800000000000000000000000714e90035000d4ad868656c6c6f"},
};

Bytes from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

TEST(Checksum, KnownPacketsAreRight) {
  for (const auto& known : kKnown) {
    const Bytes bytes = from_hex(known.hex);
    PacketView view;
    ASSERT_EQ(parse_packet(bytes, view), ParseError::none) << known.name;
    EXPECT_TRUE(is_checksum_right(view)) << known.name;
  }
}

TEST(Checksum, WritingGivesTheKnownOne) {
  for (const auto& known : kKnown) {
    const Bytes original = from_hex(known.hex);
    Bytes bytes = original;
    PacketView view;
    ASSERT_EQ(parse_packet(bytes, view), ParseError::none);
    const std::size_t field = view.transport_offset + (view.is_tcp() ? 16u : view.protocol == kUdp ? 6u : 2u);
    bytes[field] = static_cast<std::uint8_t>(bytes[field] ^ 0x5a);
    EXPECT_FALSE(is_checksum_right(view)) << known.name;
    write_checksum(view, bytes);
    EXPECT_EQ(bytes, original) << known.name;
  }
}

TEST(Checksum, AnyFlippedBitOfTheSegmentIsNoticed) {
  for (const auto& known : kKnown) {
    Bytes bytes = from_hex(known.hex);
    PacketView view;
    ASSERT_EQ(parse_packet(bytes, view), ParseError::none);
    for (std::size_t bit = view.transport_offset * std::size_t{8}; bit < bytes.size() * 8; ++bit) {
      // A shorter UDP length changes what is covered; the checksum is not what protects it.
      if (view.protocol == kUdp && bit / 8 >= view.transport_offset + 4u && bit / 8 < view.transport_offset + 6u)
        continue;
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(is_checksum_right(view)) << known.name << ", bit " << bit;
      bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] ^ (1 << bit % 8));
    }
  }
}

TEST(Checksum, UdpWithoutOneIsFineOverIpv4Only) {
  const Bytes four = ipv4(kUdp, udp(1, 2, {3})), six = ipv6(kUdp, udp(1, 2, {3}));
  PacketView view;
  ASSERT_EQ(parse_packet(four, view), ParseError::none);
  EXPECT_TRUE(is_checksum_right(view));
  ASSERT_EQ(parse_packet(six, view), ParseError::none);
  EXPECT_FALSE(is_checksum_right(view)) << "RFC 8200 8.1";
}

TEST(Checksum, UdpNeverWritesZero) {
  // The payload that makes the sum come out as 0 is found by trying them all.
  int found = 0;
  for (std::size_t word = 0; word < 65'536; ++word) {
    Bytes bytes = with_checksum(ipv4(kUdp, udp(1, 2, be16(word))));
    if (bytes[26] == 0xff && bytes[27] == 0xff) ++found;
    ASSERT_FALSE(bytes[26] == 0 && bytes[27] == 0);
  }
  EXPECT_EQ(found, 1);
}

TEST(Checksum, NothingToCheck) {
  const Bytes fragment = ipv4(kTcp, tcp(1, 2, 3, 4, 0, {1}), 0x2000), unknown = ipv4(47, {1, 2, 3});
  for (const Bytes& bytes : {fragment, unknown}) {
    Bytes copy = bytes;
    PacketView view;
    ASSERT_EQ(parse_packet(copy, view), ParseError::none);
    EXPECT_TRUE(is_checksum_right(view));
    write_checksum(view, copy);
    EXPECT_EQ(copy, bytes);
  }
}

}  // namespace
