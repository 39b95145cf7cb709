// What stayed in the kernel: it is counted and tracked as a packet that arrived, met nothing and left at once, and in
// the same order: all segments of a super-packet arrive, then all are sent, then all are delivered.

#include "emulator/link/link.h"
#include "emulator/packet/damaged_packet.h"

namespace wobble {

bool Link::asks_nothing(Direction direction) const noexcept {
  const Half& half = direction == Direction::up ? up_ : down_;
  return half.pipeline.asks_nothing() && half.packets_in_flight == 0 && !idle_timeout_.is_on() && taps_.empty() &&
         scenario_.next_change() == kNever;
}

void Link::stayed(std::span<const std::uint8_t> bytes, std::uint16_t segment_size, Side side, TimePoint now) noexcept {
  Half& half = this->half(direction_from(side));
  follow_scenario(now);
  SuperPacket packet;
  const bool is_readable = SuperPacket::parse_headers(bytes, segment_size, packet) == ParseError::none;
  const std::uint32_t count = is_readable ? packet.count() : 1;
  const std::size_t size = is_readable ? packet.wire_size(0, count) : bytes.size();
  count_arrival(half, count, size, now);
  if (is_readable) track_stayed(half, packet, side, now);
  DirectionCounters& counters = half.since_change;
  counters.packets_out += count;
  counters.bytes_out += size;
  counters.lateness.add(Duration(0), count);
  counters.delay.add(Duration(0), count);
  for (std::uint32_t i = 0; i < count; ++i)
    wobble::count(counters.reordering, half.reordering.depart(half.next_sequence++));
  half.rate_out.add(size, now);
}

void Link::track_stayed(Half& half, const SuperPacket& packet, Side side, TimePoint now) noexcept {
  Fate fate;
  fate.release_at[0] = now;
  if (is_damaged(packet)) {
    ++half.since_change.bad_checksum;
    const FlowPosition flow = connections_.bad_checksum(packet.whole(), side);
    connections_.sent(flow.connection, packet.whole(), side, fate, now);
    if (flow.connection) connections_.delivered(flow.connection, packet.whole(), side, now, fate, 0, now);
    return;
  }
  PacketView part;
  const ConnectionHandle connection = connections_.arrive(packet.look_at(0, part), side, now).connection;
  if (packet.count() == 1) {
    const PacketView& whole = packet.whole();
    connections_.sent(connection, whole, side, fate, now);
    if (!whole.is_tcp() || whole.is_fragment ||
        !connections_.delivered_on(connection, whole.tcp, whole.length, side, now, fate))
      connections_.delivered(connection, whole, side, now, fate, 0, now);
    return;
  }
  const std::uint32_t rest = packet.count() - 1;
  const PacketView behind = packet.run(1, rest);
  const auto for_each_behind = [&](const auto& tell) {
    for (std::uint32_t i = 1; i <= rest; ++i) tell(packet.look_at(i, part));
  };
  if (!connections_.arrive_rest(connection, behind, rest, side))
    for_each_behind([&](const PacketView& segment) { connections_.arrive(segment, side, now); });
  connections_.sent(connection, packet.look_at(0, part), side, fate, now);
  if (!connections_.sent_rest(connection, behind, side, fate))
    for_each_behind([&](const PacketView& segment) { connections_.sent(connection, segment, side, fate, now); });
  connections_.delivered(connection, packet.look_at(0, part), side, now, fate, 0, now);
  if (!connections_.delivered_rest(connection, behind, rest, side, now, fate))
    for_each_behind([&](const PacketView& s) { connections_.delivered(connection, s, side, now, fate, 0, now); });
}

}  // namespace wobble
