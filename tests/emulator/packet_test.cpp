#include "emulator/packet/packet.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>

#include "emulator/chance/random.h"
#include "emulator/impairments/corrupt.h"
#include "emulator/link/pipeline.h"
#include "emulator/packet/packet_checksum.h"
#include "tests/emulator/packets.h"

namespace {

using namespace wobble;
using namespace wobble::packets;
using namespace wobble::tcp_flag;

const Bytes kOptions = {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 1, 2, 0, 0, 3, 4, 1, 3, 3, 7};

PacketView parsed(const Bytes& bytes) {
  PacketView view;
  EXPECT_EQ(parse_packet(bytes, view), ParseError::none);
  return view;
}

ParseError error_of(const Bytes& bytes) {
  PacketView view;
  return parse_packet(bytes, view);
}

struct Named {
  std::string name;
  Bytes bytes;
};

/// One packet of every kind the parser knows.
std::vector<Named> every_kind() {
  const Bytes payload = {'h', 'e', 'l', 'l', 'o'};
  const Bytes segment = tcp(40112, 80, 0x01020304, 0x0a0b0c0d, kPsh | kAck, payload, kOptions);
  const Bytes datagram = udp(5353, 53, payload);
  std::vector<Named> all = {
      {"ipv4 tcp", ipv4(kTcp, segment)},
      {"ipv4 tcp without payload", ipv4(kTcp, tcp(1, 2, 3, 4, kAck))},
      {"ipv4 tcp behind ip options", ipv4(kTcp, segment, 0, Bytes(8, 1))},
      {"ipv4 udp", ipv4(kUdp, datagram)},
      {"ipv4 udp without payload", ipv4(kUdp, udp(1, 2))},
      {"ipv4 icmp echo", ipv4(kIcmp, icmp_echo(8, 77, payload))},
      {"ipv4 authentication, tcp", ipv4(51, authentication(kTcp, 3) + segment)},
      {"ipv4 gre", ipv4(47, payload)},
      {"ipv4 first fragment", ipv4(kUdp, datagram, 0x2000)},
      {"ipv4 later fragment", ipv4(kUdp, payload, 0x0010)},
      {"ipv6 tcp", ipv6(kTcp, segment)},
      {"ipv6 udp", ipv6(kUdp, datagram)},
      {"ipv6 icmpv6 echo", ipv6(kIcmpV6, icmp_echo(128, 77, payload))},
      {"ipv6 hop-by-hop, routing, destination options, tcp",
       ipv6(0, extension(43, 1) + extension(60) + extension(kTcp, 2) + segment)},
      {"ipv6 authentication, udp", ipv6(51, authentication(kUdp, 4) + datagram)},
      {"ipv6 atomic fragment, tcp", ipv6(44, fragment_header(kTcp, 0, false) + segment)},
      {"ipv6 first fragment", ipv6(0, extension(44) + fragment_header(kUdp, 0, true) + datagram)},
      {"ipv6 later fragment", ipv6(44, fragment_header(kUdp, 5, false) + payload)},
      {"ipv6 no next header", ipv6(59, {})},
  };
  for (Named& packet : all) packet.bytes = with_checksum(std::move(packet.bytes));
  return all;
}

/// Whatever the bytes: if they were taken for a packet, the view lies within them and every use of it is safe.
void use_everything(Bytes bytes) {
  // In a block of exactly their size, so that the address sanitizer sees a read beyond them.
  std::unique_ptr<std::uint8_t[]> block(new std::uint8_t[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), block.get());
  const std::span<std::uint8_t> exact(block.get(), bytes.size());
  PacketView view;
  if (parse_packet(exact, view) != ParseError::none) return;
  ASSERT_LE(view.bytes.size(), exact.size());
  ASSERT_LE(view.transport_offset, view.payload_offset);
  ASSERT_LE(view.payload_offset, view.bytes.size());
  ASSERT_TRUE(view.version == 4 || view.version == 6);
  if (view.is_tcp()) {
    ASSERT_EQ(view.tcp.length, view.payload().size());
  }
  parse_tcp_options(view);
  is_checksum_right(view);
  corrupt_packet(exact, view, {{Probability::kOne}, 64, false}, 1);
  corrupt_packet(exact, view, {{Probability::kOne}, 1, true}, 2);
  write_checksum(view, exact);
}

TEST(Packet, TcpIsRead) {
  for (const Bytes& body : {ipv4(kTcp, tcp(40112, 80, 0x01020304, 0x0a0b0c0d, kSyn | kAck | kEce | kAe, {1, 2, 3})),
                            ipv6(kTcp, tcp(40112, 80, 0x01020304, 0x0a0b0c0d, kSyn | kAck | kEce | kAe, {1, 2, 3}))}) {
    const PacketView view = parsed(body);
    EXPECT_TRUE(view.is_tcp());
    EXPECT_FALSE(view.is_fragment);
    EXPECT_EQ(view.source_port, 40112);
    EXPECT_EQ(view.destination_port, 80);
    EXPECT_EQ(view.tcp.seq, 0x01020304u);
    EXPECT_EQ(view.tcp.ack, 0x0a0b0c0du);
    EXPECT_EQ(view.tcp.flags, kSyn | kAck | kEce | kAe);
    EXPECT_EQ(view.tcp.window, 64240);
    EXPECT_EQ(view.tcp.length, 3u);
    EXPECT_EQ(view.tcp.sequence_length(), 4u);
    EXPECT_EQ(view.payload().size(), 3u);
  }
}

TEST(Packet, AddressesAreRead) {
  const Bytes four = ipv4(kUdp, udp(1, 2)), six = ipv6(kUdp, udp(1, 2));
  EXPECT_EQ(parsed(four).source.to_string(), "10.77.0.1");
  EXPECT_EQ(parsed(four).destination.to_string(), "10.77.1.1");
  EXPECT_EQ(parsed(six).source.to_string(), "fd77::1");
  EXPECT_EQ(parsed(six).destination.to_string(), "fd77::1:1");
}

TEST(Packet, EchoHasItsIdentifierAsBothPorts) {
  for (const Bytes& bytes : {ipv4(kIcmp, icmp_echo(8, 77)), ipv4(kIcmp, icmp_echo(0, 77)),
                             ipv6(kIcmpV6, icmp_echo(128, 77)), ipv6(kIcmpV6, icmp_echo(129, 77))}) {
    const PacketView view = parsed(bytes);
    EXPECT_EQ(view.source_port, 77);
    EXPECT_EQ(view.destination_port, 77);
  }
  EXPECT_EQ(parsed(ipv4(kIcmp, icmp_echo(3, 77))).source_port, 0) << "an error is no echo";
  EXPECT_EQ(parsed(ipv6(kIcmpV6, icmp_echo(8, 77))).source_port, 0);
}

TEST(Packet, ExtensionHeadersAreSkipped) {
  const Bytes segment = tcp(40112, 80, 1, 2, kAck, {1});
  for (const Bytes& bytes : {ipv6(0, extension(kTcp) + segment), ipv6(43, extension(kTcp, 4) + segment),
                             ipv6(60, extension(kTcp, 1) + segment), ipv6(51, authentication(kTcp, 3) + segment),
                             ipv6(0, extension(43, 1) + extension(44) + fragment_header(60, 0, false) + extension(51) +
                                         authentication(kTcp, 1) + segment)}) {
    const PacketView view = parsed(bytes);
    ASSERT_TRUE(view.is_tcp());
    EXPECT_FALSE(view.is_fragment) << "an atomic fragment is whole (RFC 6946)";
    EXPECT_EQ(view.destination_port, 80);
    EXPECT_EQ(view.payload().size(), 1u);
  }
}

TEST(Packet, FragmentsAreTold) {
  const Bytes first4 = ipv4(kUdp, udp(5353, 53, Bytes(16, 0)), 0x2000);
  EXPECT_TRUE(parsed(first4).is_fragment);
  EXPECT_TRUE(parsed(first4).has_transport);
  EXPECT_EQ(parsed(first4).destination_port, 53);
  const Bytes later4 = ipv4(kUdp, Bytes(16, 0), 0x0002);
  EXPECT_TRUE(parsed(later4).is_fragment);
  EXPECT_FALSE(parsed(later4).has_transport);
  EXPECT_EQ(parsed(later4).payload().size(), 16u);
  EXPECT_FALSE(parsed(ipv4(kUdp, udp(1, 2), 0x4000)).is_fragment) << "don't fragment is no fragment";

  const Bytes first6 = ipv6(44, fragment_header(kUdp, 0, true) + udp(5353, 53, Bytes(16, 0)));
  EXPECT_TRUE(parsed(first6).is_fragment);
  EXPECT_EQ(parsed(first6).destination_port, 53);
  const Bytes later6 = ipv6(44, fragment_header(kUdp, 2, true) + Bytes(16, 0));
  EXPECT_TRUE(parsed(later6).is_fragment);
  EXPECT_FALSE(parsed(later6).has_transport);
  EXPECT_EQ(parsed(later6).protocol, kUdp);
}

TEST(Packet, AFirstFragmentTooShortForItsHeaderPassesWithoutOne) {
  const PacketView view = parsed(ipv4(kTcp, Bytes(8, 0), 0x2000));
  EXPECT_TRUE(view.is_fragment);
  EXPECT_FALSE(view.has_transport);
  EXPECT_EQ(error_of(ipv4(kTcp, Bytes(8, 0))), ParseError::truncated);
}

TEST(Packet, PaddingIsIgnored) {
  const Bytes padded = ipv4(kTcp, tcp(1, 2, 3, 4, kAck)) + Bytes(6, 0);
  const PacketView view = parsed(padded);
  EXPECT_EQ(view.bytes.size(), 40u);
  EXPECT_EQ(view.tcp.length, 0u);
}

TEST(Packet, WhatIsWrongIsNamed) {
  EXPECT_EQ(error_of({}), ParseError::empty);
  EXPECT_EQ(error_of(Bytes(40, 0x50)), ParseError::bad_version);
  Bytes bytes = ipv4(kTcp, tcp(1, 2, 3, 4, kAck));
  bytes[0] = 0x44;
  EXPECT_EQ(error_of(bytes), ParseError::bad_header_length) << "IHL 4";
  bytes[0] = 0x4f;
  EXPECT_EQ(error_of(bytes), ParseError::bad_header_length) << "60 bytes of header in 40";
  bytes = ipv4(kTcp, tcp(1, 2, 3, 4, kAck));
  bytes[20 + 12] = 0x40;
  EXPECT_EQ(error_of(bytes), ParseError::bad_header_length) << "data offset 4";
  bytes[20 + 12] = 0x60;
  EXPECT_EQ(error_of(bytes), ParseError::bad_header_length) << "data offset beyond the packet";
  bytes = ipv4(kUdp, udp(1, 2, {1, 2}));
  bytes[20 + 5] = 7;
  EXPECT_EQ(error_of(bytes), ParseError::bad_header_length) << "UDP length 7";
  bytes[20 + 5] = 11;
  EXPECT_EQ(error_of(bytes), ParseError::truncated) << "UDP length beyond the packet";
  bytes[20 + 5] = 9;
  EXPECT_EQ(error_of(bytes), ParseError::none) << "bytes behind the datagram are allowed";
  bytes = ipv6(0, extension(kTcp, 9));
  bytes.resize(60);
  bytes[5] = 20;
  EXPECT_EQ(error_of(bytes), ParseError::truncated) << "extension header beyond the packet";
  EXPECT_EQ(error_of(ipv6(253, Bytes(65'535, 0))), ParseError::none) << "the longest there is, as lo carries it";
}

TEST(Packet, EveryTruncationIsAnError) {
  for (const Named& packet : every_kind()) {
    for (std::size_t size = 0; size < packet.bytes.size(); ++size) {
      const Bytes cut(packet.bytes.begin(), packet.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      EXPECT_NE(error_of(cut), ParseError::none) << packet.name << " cut to " << size;
      use_everything(cut);
    }
    EXPECT_EQ(error_of(packet.bytes), ParseError::none) << packet.name;
    use_everything(packet.bytes);
  }
}

TEST(Packet, EveryTruncationWithAnHonestLengthIsConsistent) {
  for (const Named& packet : every_kind()) {
    const bool is_v4 = packet.bytes[0] >> 4 == 4;
    for (std::size_t size = is_v4 ? 20 : 40; size < packet.bytes.size(); ++size) {
      Bytes cut(packet.bytes.begin(), packet.bytes.begin() + static_cast<std::ptrdiff_t>(size));
      const Bytes length = be16(is_v4 ? size : size - 40);
      std::copy(length.begin(), length.end(), cut.begin() + (is_v4 ? 2 : 4));
      use_everything(cut);
      PacketView whole, view;
      ASSERT_EQ(parse_packet(packet.bytes, whole), ParseError::none);
      if (whole.has_transport && !whole.is_fragment && size < whole.payload_offset) {
        EXPECT_NE(parse_packet(cut, view), ParseError::none) << packet.name << " of " << size;
      }
    }
  }
}

TEST(Packet, RandomBytesAreSurvived) {
  const RandomStream stream(11);
  std::uint64_t draw = 0;
  const auto kinds = every_kind();
  for (int round = 0; round < 100'000; ++round) {
    Bytes bytes;
    if (round % 2 == 0) {  // noise behind a plausible first byte
      bytes.resize(1 + stream.at(draw++) % 90);
      for (auto& b : bytes) b = static_cast<std::uint8_t>(stream.at(draw++));
      bytes[0] = stream.at(draw++) % 2 == 0 ? 0x45 : 0x60;
      if (bytes.size() > 3 && bytes[0] == 0x45) bytes[2] = 0;
      if (bytes.size() > 5 && bytes[0] == 0x60) bytes[4] = 0;
    } else {  // a real one with a few bytes changed
      bytes = kinds[stream.at(draw++) % kinds.size()].bytes;
      for (int i = 0; i < 3; ++i) {
        const std::size_t where = stream.at(draw++) % bytes.size();
        bytes[where] = static_cast<std::uint8_t>(stream.at(draw++));
      }
    }
    use_everything(std::move(bytes));
  }
}

TEST(TcpOptions, AreRead) {
  const Bytes bytes = ipv4(kTcp, tcp(1, 2, 3, 4, kSyn, {}, kOptions));
  const TcpOptions options = parse_tcp_options(parsed(bytes));
  EXPECT_EQ(options.mss, 1460);
  EXPECT_TRUE(options.sack_permitted);
  EXPECT_TRUE(options.has_timestamps);
  EXPECT_EQ(options.ts_value, 0x0102u);
  EXPECT_EQ(options.ts_echo, 0x0304u);
  EXPECT_TRUE(options.has_window_scale);
  EXPECT_EQ(options.window_scale, 7);
  EXPECT_FALSE(options.fast_open);
  EXPECT_FALSE(options.multipath);
  EXPECT_FALSE(options.has_sack_blocks);
}

TEST(TcpOptions, TheRarerOnesAreTold) {
  const auto options_of = [](const Bytes& list) {
    const Bytes bytes = ipv4(kTcp, tcp(1, 2, 3, 4, kAck, {}, list));
    return parse_tcp_options(parsed(bytes));
  };
  EXPECT_TRUE(options_of({34, 2, 1, 1}).fast_open);
  EXPECT_TRUE(options_of({254, 4, 0xf9, 0x89}).fast_open);
  EXPECT_FALSE(options_of({254, 4, 0xf9, 0x88}).fast_open);
  EXPECT_TRUE(options_of({30, 4, 0, 0}).multipath);
  EXPECT_TRUE(options_of({5, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 1}).has_sack_blocks);
  EXPECT_EQ(options_of({3, 3, 15, 0}).window_scale, 15) << "as written";
}

TEST(TcpOptions, ALieAboutALengthEndsTheList) {
  for (const Bytes& list : {Bytes{2, 0, 3, 3, 7, 0, 0, 0}, Bytes{2, 1, 3, 3, 7, 0, 0, 0},
                            Bytes{2, 40, 3, 3, 7, 0, 0, 0}, Bytes{0, 3, 3, 7}, Bytes{1, 1, 1, 2}}) {
    const Bytes bytes = ipv4(kTcp, tcp(1, 2, 3, 4, kSyn, {}, list));
    const TcpOptions options = parse_tcp_options(parsed(bytes));
    EXPECT_EQ(options.mss, 0);
    EXPECT_FALSE(options.has_window_scale);
  }
}

TEST(Packet, NamesAreThoseOfTheApi) {
  EXPECT_STREQ(to_string(Side::near), "near");
  EXPECT_STREQ(to_string(Side::far), "far");
  EXPECT_STREQ(to_string(Direction::up), "up");
  EXPECT_STREQ(to_string(Direction::down), "down");
  EXPECT_STREQ(to_string(ParseError::truncated), "truncated");
}

}  // namespace
