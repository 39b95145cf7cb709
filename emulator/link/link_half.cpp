#include "emulator/link/link_half.h"

#include <new>
#include <utility>

#include "emulator/impairments/queue_discipline.h"
#include "emulator/packet/damaged_packet.h"
#include "emulator/packet/packet_ecn.h"

namespace wobble {

void LinkHalf::enter(InFlight&& packet, std::uint32_t hold_packets, bool to_mark) noexcept {
  meter_.entered_flight(packet);
  if (to_mark) mark(packet);
  const TimePoint arrived = packet.arrived;
  enqueue(std::move(packet), hold_packets, arrived);
}

void LinkHalf::enter_bottleneck(Waiting&& waiting) noexcept {
  meter_.entered_flight(waiting.packet);
  pipeline_.wait(std::move(waiting));
}

void LinkHalf::empty_bottleneck(TimePoint now) noexcept {
  LeftBottleneck left;
  while (pipeline_.next_leaving(now, left)) {
    if (left.dropped != DropReason::none) {
      lose(left.packet, left.dropped, now);
      continue;
    }
    if (left.to_mark) mark(left.packet);
    enqueue(std::move(left.packet), left.hold_packets, now);
  }
}

void LinkHalf::mark(InFlight& packet) noexcept {
  if (mark_congestion(packet.buffer.bytes())) ++meter_.counters(packet.epoch).marked;
}

void LinkHalf::enqueue(InFlight&& packet, std::uint32_t hold_packets, TimePoint now) noexcept {
  try {
    if (hold_packets > 0) {
      const TimePoint deadline = packet.release_at + kReorderPatience;
      queue_.hold(std::move(packet), hold_packets, deadline);
    } else {
      queue_.push(std::move(packet));
    }
  } catch (const std::bad_alloc&) {
    lose(packet, DropReason::memory, now);
  }
}

void LinkHalf::complete(const InFlight& packet, bool written, TimePoint now) noexcept {
  if (!written) return lose(packet, DropReason::device, now);
  meter_.left(packet, now);
  if (packet.tcp_at > 0 && taps_.empty()) {
    const TcpSegment segment = read_tcp_segment(packet.buffer.bytes(), packet.tcp_at);
    if (connections_.delivered_on(packet.connection, segment, packet.wire_bytes, arrived_on_, packet.arrived,
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
      connections_.delivered(packet.connection, segment, arrived_on_, packet.arrived, packet.fate, packet.copy, now);
    for (const auto& tap : taps_) {
      tap->left({packet.buffer.bytes(), &segments, i, packet.number + i, arrived_on_},
                {packet.fate, packet.arrived, packet.copy}, now);
    }
    if (i > 0 || packet.segments == 1 || !taps_.empty()) continue;
    const std::uint32_t rest = packet.segments - 1u;
    if (connections_.delivered_rest(packet.connection, segments.run(1, rest), rest, arrived_on_, packet.arrived,
                                    packet.fate)) {
      break;
    }
  }
}

void LinkHalf::lose(const InFlight& packet, DropReason reason, TimePoint now) noexcept {
  meter_.lost(packet, reason);
  SuperPacket segments;
  SuperPacket::parse(packet.buffer.bytes(), packet.offload, segments);
  for (std::uint32_t i = 0; i < packet.segments; ++i) {
    connections_.lost(packet.connection, segments.segment(i), arrived_on_, packet.arrived, reason, packet.copy, now);
    for (const auto& tap : taps_) {
      tap->lost({packet.buffer.bytes(), &segments, i, packet.number + i, arrived_on_},
                {packet.fate, packet.arrived, packet.copy}, reason, now);
    }
  }
}

void LinkHalf::drop_in_flight(TimePoint now) noexcept {
  while (const auto packet = queue_.pop_due(kNever)) lose(*packet, DropReason::outage, now);
  while (const auto packet = pipeline_.take_waiting()) lose(*packet, DropReason::outage, now);
  pipeline_.forget_backlog();
}

void LinkHalf::release_all(TimePoint now) {
  queue_.release_all(now);
  pipeline_.forget_backlog();
}

}  // namespace wobble
