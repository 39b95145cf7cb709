#include "emulator/link/stayed_traffic.h"

#include "emulator/packet/damaged_packet.h"

namespace wobble {
namespace {

void tell_stayed(ConnectionTable& connections, DirectionMeter& meter, const SuperPacket& packet, Side side,
                 TimePoint now) noexcept {
  Fate fate;
  fate.release_at[0] = now;
  if (is_damaged(packet)) {
    ++meter.counters().bad_checksum;
    const FlowPosition flow = connections.bad_checksum(packet.whole(), side);
    connections.sent(flow.connection, packet.whole(), side, fate, now);
    if (flow.connection) connections.delivered(flow.connection, packet.whole(), side, now, fate, 0, now);
    return;
  }
  PacketView part;
  const ConnectionHandle connection = connections.arrive(packet.look_at(0, part), side, now).connection;
  if (packet.count() == 1) {
    const PacketView& whole = packet.whole();
    connections.sent(connection, whole, side, fate, now);
    if (!whole.is_tcp() || whole.is_fragment ||
        !connections.delivered_on(connection, whole.tcp, whole.length, side, now, fate))
      connections.delivered(connection, whole, side, now, fate, 0, now);
    return;
  }
  const std::uint32_t rest = packet.count() - 1;
  const PacketView behind = packet.run(1, rest);
  const auto for_each_behind = [&](const auto& tell) {
    for (std::uint32_t i = 1; i <= rest; ++i) tell(packet.look_at(i, part));
  };
  if (!connections.arrive_rest(connection, behind, rest, side))
    for_each_behind([&](const PacketView& segment) { connections.arrive(segment, side, now); });
  connections.sent(connection, packet.look_at(0, part), side, fate, now);
  if (!connections.sent_rest(connection, behind, side, fate))
    for_each_behind([&](const PacketView& segment) { connections.sent(connection, segment, side, fate, now); });
  connections.delivered(connection, packet.look_at(0, part), side, now, fate, 0, now);
  if (!connections.delivered_rest(connection, behind, rest, side, now, fate))
    for_each_behind([&](const PacketView& s) { connections.delivered(connection, s, side, now, fate, 0, now); });
}

}  // namespace

void track_stayed(LinkParts& link, std::span<const std::uint8_t> bytes, std::uint16_t segment_size, Side side,
                  TimePoint now) noexcept {
  DirectionMeter& meter = link.half(direction_from(side)).meter();
  SuperPacket packet;
  const bool is_readable = SuperPacket::parse_headers(bytes, segment_size, packet) == ParseError::none;
  const std::uint32_t count = is_readable ? packet.count() : 1;
  const std::size_t size = is_readable ? packet.wire_size(0, count) : bytes.size();
  link.next_number += count;
  meter.arrived(count, size, now);
  if (is_readable) tell_stayed(link.connections, meter, packet, side, now);
  meter.passed(count, size, now);
}

}  // namespace wobble
