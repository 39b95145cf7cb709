// Fragments in captures: an analysis of our own tells what the link told, and of others joins them whoever sent them.
#include <gtest/gtest.h>

#include <algorithm>

#include "emulator/packet/packet_checksum.h"
#include "tests/capture/live_run.h"

namespace wobble::captures {
namespace {

using namespace tcp_flag;
using daemon::CaptureTap;

/// An IPv4 packet's fragments of at most `payload` bytes (a multiple of 8) behind the IP header, in order.
std::vector<Bytes> fragments_of(const Bytes& packet, std::size_t payload) {
  std::vector<Bytes> out;
  for (std::size_t begin = 20; begin < packet.size(); begin += payload) {
    const std::size_t end = std::min(begin + payload, packet.size());
    Bytes part(packet.begin(), packet.begin() + 20);
    part.insert(part.end(), packet.begin() + static_cast<std::ptrdiff_t>(begin),
                packet.begin() + static_cast<std::ptrdiff_t>(end));
    const std::size_t field = (begin - 20) / 8 | (end < packet.size() ? 0x2000 : 0);
    part[2] = static_cast<std::uint8_t>(part.size() >> 8);
    part[3] = static_cast<std::uint8_t>(part.size());
    part[6] = static_cast<std::uint8_t>(field >> 8);
    part[7] = static_cast<std::uint8_t>(field);
    write_ipv4_header_checksum(part);
    out.push_back(part);
  }
  return out;
}

/// Handshake, and from each side one segment of `size` bytes with its FIN.
std::vector<Bytes> large(std::uint16_t port, std::size_t size) {
  Conversation c(port);
  const Bytes payload(size, 'x');
  const auto end = static_cast<std::uint32_t>(size);
  return {c.client(kSyn, 100, 0),
          c.server(kSyn | kAck, 500, 101),
          c.client(kAck, 101, 501),
          c.client(kFin | kAck, 101, 501, payload),
          c.server(kFin | kAck, 501, 102 + end, payload),
          c.client(kAck, 102 + end, 502 + end)};
}

// Some are cut before they come, in any order and some parts twice, others by the link itself.
TEST(LinkCapture, ItsAnalysisTellsWhatTheLinkToldOfFragments) {
  LiveRun run;
  LinkConditions conditions = harsh();
  conditions.up.mtu = {600, true};
  conditions.down.mtu = {700, true};
  run.link.apply(conditions, run.now);
  std::size_t parts = 0;
  std::vector<std::size_t> sizes;
  for (std::uint16_t i = 0; i < 150; ++i) {
    sizes.push_back(200 + 8 * (run.random() % 150));
    std::vector<Bytes> packets = large(static_cast<std::uint16_t>(30000 + i), sizes.back());
    packets.push_back(packets::ipv4(kUdp, packets::udp(static_cast<std::uint16_t>(i % 5), 53, Bytes(900, 'u'))));
    for (Bytes& packet : packets) {
      packet[4] = static_cast<std::uint8_t>(i);  // no identification twice
      write_ipv4_header_checksum(packet);
      const Side side = packet[14] == 0 ? Side::near : Side::far;
      std::vector<Bytes> pieces = {packet};
      if (run.random() % 2 == 0) pieces = fragments_of(packet, 48 + 8 * (run.random() % 100));
      if (run.random() % 3 == 0) std::shuffle(pieces.begin(), pieces.end(), run.random);
      if (run.random() % 8 == 0) pieces.push_back(pieces[run.random() % pieces.size()]);
      if (run.random() % 16 == 0) pieces.pop_back();
      for (const Bytes& piece : pieces) {
        run.admit(piece, {}, side);
        run.move_to(run.now + Duration(run.random() % 1'000'000));
      }
      run.move_to(run.now + Duration(run.random() % 60'000'000));
      parts += pieces.size();
    }
  }
  run.finish();
  const Analysed offline = analyse(Bytes(run.file.begin(), run.file.end()));
  EXPECT_EQ(offline.error, "");
  EXPECT_EQ(lines_of(offline.connections), lines_of(run.told));

  std::size_t closed = 0;
  std::uint64_t packets = 0;
  for (const auto& connection : run.told) {
    packets += connection.row.client.figures.packets_sent + connection.row.server.figures.packets_sent;
    for (const auto& transition : connection.transitions) {
      if (transition.to != TcpState::fin_wait_1 || transition.side != Role::client) continue;
      ++closed;
      const std::size_t size = sizes.at(connection.row.client.endpoint.port - 30000u);
      EXPECT_EQ(connection.row.client.figures.unique_payload_bytes, size) << "the whole segment";
    }
  }
  const LinkStats stats = run.link.stats(run.now);
  EXPECT_GT(closed, 100u) << "FINs in segments that were cut";
  EXPECT_GT(packets, 1000u);
  EXPECT_GT(stats.up.total.originated + stats.down.total.originated, 100u);
  EXPECT_LE(packets, parts + stats.up.total.originated + stats.down.total.originated);
}

/// An IPv4 packet or fragment as one of 127.0.0.1 to itself, or of ::1.
Bytes to_itself(Bytes packet, bool is_v6) {
  if (!is_v6) {
    for (const std::size_t at : {12u, 16u}) std::ranges::copy(Bytes{127, 0, 0, 1}, packet.begin() + at);
    write_ipv4_header_checksum(packet);
    return packet;
  }
  Bytes body(packet.begin() + 20, packet.end());
  const unsigned field = packet[6] << 8 | packet[7];
  if (field != 0) {
    Bytes header = packets::fragment_header(kTcp, static_cast<std::uint16_t>(field & 0x1fff), (field & 0x2000) != 0);
    std::copy_n(packet.begin() + 4, 2, header.begin() + 6);  // the identification
    body = header + body;
  }
  Bytes out = packets::ipv6(field != 0 ? 44 : kTcp, body);
  for (const std::size_t at : {8u, 24u}) {
    std::fill_n(out.begin() + at, 16, std::uint8_t{0});
    out[at + 15] = 1;
  }
  return out;
}

// Both endpoints send fragments. Ports tell which of them did, and only the first fragment has any; it may come last.
TEST(Analysis, FragmentsBetweenEqualAddressesAreJoined) {
  for (const bool is_last_first : {false, true}) {
    std::vector<Captured> apart, v4, v6;
    const auto add = [](std::vector<Captured>& packets, const Bytes& packet) {
      packets.push_back({packet, static_cast<std::int64_t>(packets.size()) * kMillisecond});
    };
    for (const Bytes& packet : large(40000, 400)) {
      std::vector<Bytes> pieces = {packet};
      if (packet.size() > 100) pieces = fragments_of(packet, 8 * (packet[14] == 0 ? 1 : 13));
      if (is_last_first) std::ranges::reverse(pieces);
      for (const Bytes& piece : pieces) {
        add(apart, piece);
        add(v4, to_itself(piece, false));
        add(v6, to_itself(piece, true));
      }
    }
    const Analysed expected = analyse(raw_pcap(apart), daemon::Checksums::ignore);
    ASSERT_EQ(expected.connections.size(), 1u);
    ASSERT_EQ(expected.connections[0].row.server.figures.unique_payload_bytes, 400u);
    for (const auto& packets : {v4, v6}) {
      const Analysed result = analyse(raw_pcap(packets), daemon::Checksums::ignore);
      ASSERT_EQ(result.connections.size(), 1u) << is_last_first;
      EXPECT_EQ(result.story(), expected.story());
      EXPECT_EQ(result.counts.stray_fragments, 0u);
      EXPECT_EQ(result.counts.fragments, expected.counts.fragments);
      const api::ConnectionRow &row = result.connections[0].row, &other = expected.connections[0].row;
      EXPECT_EQ(row.client.figures.packets_sent, other.client.figures.packets_sent);
      EXPECT_EQ(row.client.figures.unique_payload_bytes, 400u);
      EXPECT_EQ(row.server.figures.unique_payload_bytes, 400u);
    }
  }
}

TEST(Analysis, FragmentsBetweenEqualAddressesWhoseFirstIsMissingBelongToNobody) {
  Bytes packet = large(40000, 400)[3];
  std::vector<Captured> packets;
  for (const Bytes& piece : fragments_of(packet, 104)) packets.push_back({to_itself(piece, false), 0});
  packets.erase(packets.begin());
  const Analysed result = analyse(raw_pcap(packets), daemon::Checksums::ignore);
  EXPECT_TRUE(result.connections.empty());
  EXPECT_EQ(result.counts.packets, packets.size());
  EXPECT_EQ(result.counts.stray_fragments, packets.size());
}

TEST(CaptureTapRing, KeepsTheFragmentsBehindAFirstOneOfItsPort) {
  api::CaptureOptions options;
  options.port = 2;
  CaptureTap tap(options);
  for (const std::uint16_t port : {std::uint16_t{3}, std::uint16_t{2}}) {
    Bytes whole = packets::ipv4(kUdp, packets::udp(1, port, Bytes(500, 'x')));
    whole[5] = static_cast<std::uint8_t>(port);
    for (const Bytes& packet : fragments_of(whole, 200)) {
      SuperPacket super;
      SuperPacket::parse(packet, {}, super);
      tap.arrived({packet, &super, 0, port, Side::near}, {}, TimePoint{});
    }
  }
  CaptureTap::Sight sight;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(tap.next(sight));
    EXPECT_EQ(sight.bytes[5], 2) << "the identification";
  }
  EXPECT_FALSE(tap.next(sight));
}

}  // namespace
}  // namespace wobble::captures
