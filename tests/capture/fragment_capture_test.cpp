// Fragments in our own captures: an analysis tells what the link told.
#include <gtest/gtest.h>

#include <algorithm>

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
