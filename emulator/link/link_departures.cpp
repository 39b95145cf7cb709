// How packets leave a link: out of the bottleneck, out of the queue, and what became of them.

#include <utility>

#include "emulator/link/link.h"
#include "emulator/packet/damaged_packet.h"
#include "emulator/packet/packet_ecn.h"

namespace wobble {

void Link::empty_bottleneck(Direction direction, TimePoint now) noexcept {
  Half& half = this->half(direction);
  LeftBottleneck left;
  while (half.pipeline.next_leaving(now, left)) {
    if (left.dropped != DropReason::none) {
      lose(left.packet, direction, left.dropped, now);
      continue;
    }
    if (left.to_mark) mark(half, left.packet);
    enqueue(half, std::move(left.packet), left.hold_packets, now);
  }
}

void Link::mark(Half& half, InFlight& packet) noexcept {
  if (mark_congestion(packet.buffer.bytes())) ++counters(half, packet.epoch).marked;
}

std::optional<InFlight> Link::pop_due(Direction direction, TimePoint now) noexcept {
  return half(direction).queue.pop_due(now);
}

void Link::complete(const InFlight& packet, Direction direction, bool written, TimePoint now) noexcept {
  Half& half = this->half(direction);
  if (!written) return lose(packet, direction, DropReason::device, now);
  leave_flight(half, packet);
  DirectionCounters& counters = this->counters(half, packet.epoch);
  counters.packets_out += packet.segments;
  counters.bytes_out += packet.wire_bytes;
  counters.lateness.add(now - packet.release_at, packet.segments);
  if (!packet.is_originated) {
    counters.delay.add(packet.release_at - packet.arrived, packet.segments);
    if (packet.copy == 0) count_reordering(half, packet);
  }
  half.rate_out.add(packet.wire_bytes, now);

  const Side arrived_on = opposite(destination_of(direction));
  if (packet.tcp_at > 0 && taps_.empty()) {
    const TcpSegment segment = read_tcp_segment(packet.buffer.bytes(), packet.tcp_at);
    if (connections_.delivered_on(packet.connection, segment, packet.wire_bytes, arrived_on, packet.arrived,
                                  packet.fate))
      return;
  }
  SuperPacket segments;
  SuperPacket::parse(packet.buffer.bytes(), packet.offload, segments);  // as it was made: corruption spares the headers
  const bool is_told = packet.connection || !is_damaged(segments);      // what is damaged has no connection
  PacketView part;
  for (std::uint32_t i = 0; i < packet.segments; ++i) {
    const PacketView& segment = segments.look_at(i, part);
    if (is_told)
      connections_.delivered(packet.connection, segment, arrived_on, packet.arrived, packet.fate, packet.copy, now);
    for (const auto& tap : taps_) {
      tap->left({packet.buffer.bytes(), &segments, i, packet.number + i, arrived_on},
                {packet.fate, packet.arrived, packet.copy}, now);
    }
    if (i > 0 || packet.segments == 1 || !taps_.empty()) continue;
    const std::uint32_t rest = packet.segments - 1u;
    if (connections_.delivered_rest(packet.connection, segments.run(1, rest), rest, arrived_on, packet.arrived,
                                    packet.fate)) {
      break;
    }
  }
}

void Link::leave_flight(Half& half, const InFlight& packet) noexcept {
  half.packets_in_flight -= packet.segments;
  half.bytes_in_flight -= packet.wire_bytes;
}

void Link::lose(const InFlight& packet, Direction direction, DropReason reason, TimePoint now) noexcept {
  Half& half = this->half(direction);
  leave_flight(half, packet);
  count_drop(half, reason, packet.epoch, packet.segments);
  const Side arrived_on = opposite(destination_of(direction));
  SuperPacket segments;
  SuperPacket::parse(packet.buffer.bytes(), packet.offload, segments);
  for (std::uint32_t i = 0; i < packet.segments; ++i) {
    connections_.lost(packet.connection, segments.segment(i), arrived_on, packet.arrived, reason, packet.copy, now);
    for (const auto& tap : taps_) {
      tap->lost({packet.buffer.bytes(), &segments, i, packet.number + i, arrived_on},
                {packet.fate, packet.arrived, packet.copy}, reason, now);
    }
  }
}

void Link::drop_in_flight(Direction direction, TimePoint now) noexcept {
  Half& half = this->half(direction);
  while (const auto packet = half.queue.pop_due(kNever)) lose(*packet, direction, DropReason::outage, now);
  while (const auto packet = half.pipeline.take_waiting()) lose(*packet, direction, DropReason::outage, now);
  half.pipeline.forget_backlog(now);
}

}  // namespace wobble
