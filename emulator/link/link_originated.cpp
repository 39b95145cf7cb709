// What a link sends by itself: fragments, and answers to those whose packets it refuses.

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "emulator/link/link.h"
#include "emulator/link/originated.h"
#include "emulator/packet/ipv4_fragments.h"
#include "emulator/packet/link_prefix.h"

namespace wobble {

void Link::count_originated(Half& half, std::uint32_t n) noexcept { half.since_change.originated += n; }

void Link::count_reordering(Half& half, const InFlight& packet) noexcept {
  for (std::uint32_t i = 0; i < packet.segments; ++i) {
    const auto departure = half.reordering.depart(packet.sequence + i);
    count(counters(half, packet.epoch).reordering, departure);
  }
}

PacketBuffer Link::wire_packet(const Arrival& arrival, std::uint32_t segment) noexcept {
  PacketBuffer buffer = pool_.allocate(arrival.packet.run_size(segment, 1));
  if (!buffer) return buffer;
  Offload offload = arrival.packet.copy_run(segment, 1, buffer.bytes());
  PacketView view;
  parse_packet(buffer.bytes(), view);
  complete_checksum(view, buffer.bytes(), offload);
  return buffer;
}

void Link::admit_fragments(Half& half, const Arrival& arrival, std::uint32_t segment) noexcept {
  const PacketBuffer whole = wire_packet(arrival, segment);
  if (!whole) return count_drop(half, DropReason::memory, epoch_);
  const Ipv4Fragments fragments(whole.bytes(), half.pipeline.conditions().mtu.bytes);
  count_originated(half, fragments.count() - 1);
  for (std::uint32_t i = 0; i < fragments.count(); ++i) {
    const std::uint64_t number = i == 0 ? arrival.number + segment : next_number_++;
    Arrival fragment{
        {}, pool_.allocate(fragments.size(i), arrival.prefix), arrival.side, arrival.now, {}, arrival.prefix, number};
    if (!fragment.storage) {
      count_drop(half, DropReason::memory, epoch_);
      continue;
    }
    const std::span<std::uint8_t> bytes = fragment.storage.bytes();
    fragments.copy(i, bytes);
    fragment.bytes = bytes;
    fragment.is_damaged = arrival.is_damaged;
    SuperPacket::parse(bytes, Offload{}, fragment.packet);
    admit_segments(half, fragment);
  }
}

void Link::answer_refused(Half& half, const Arrival& arrival, std::uint32_t segment, const FlowPosition& flow,
                          DropReason reason) noexcept {
  const DirectionConditions& asked = half.pipeline.conditions();
  const bool is_reported = reason == DropReason::mtu && asked.mtu.icmp;
  const bool is_reset = reason == DropReason::idle_timeout && asked.idle_timeout.then == IdleAction::reset;
  if (!is_reported && !is_reset) return;
  const PacketBuffer whole = wire_packet(arrival, segment);
  if (!whole) return;
  PacketView view;
  parse_packet(whole.bytes(), view);

  const Direction back = direction_from(opposite(arrival.side));
  const AnswerPrefix prefix(arrival.prefix);
  std::array<std::uint8_t, kMaxOriginated> answer;
  if (is_reset) {
    // Like the connection's own packets it stays behind those that are on their way.
    const TimePoint behind = std::max(arrival.now, this->half(back).pipeline.order_floor());
    const std::size_t size = write_reset(view, answer);
    emit(back, std::span(answer).first(size), prefix.bytes(), flow.connection, arrival.now, behind);
  } else if (may_be_reported(view)) {
    const IpAddress source = (view.version == 4 ? hop_v4_ : hop_v6_).value_or(view.destination);
    const std::size_t size = write_too_big(view, asked.mtu.bytes, source, answer);
    emit(back, std::span(answer).first(size), prefix.bytes(), {}, arrival.now, arrival.now);
  }
}

void Link::emit(Direction direction, std::span<const std::uint8_t> bytes, std::span<const std::uint8_t> prefix,
                ConnectionHandle connection, TimePoint now, TimePoint release_at) noexcept {
  if (bytes.empty()) return;
  Half& half = this->half(direction);
  count_originated(half, 1);
  InFlight packet;
  packet.buffer = pool_.allocate(bytes.size(), prefix);
  if (!packet.buffer) return count_drop(half, DropReason::memory, epoch_);
  std::memcpy(packet.buffer.bytes().data(), bytes.data(), bytes.size());
  packet.wire_bytes = static_cast<std::uint32_t>(bytes.size());
  packet.connection = connection;
  packet.arrived = now;
  packet.release_at = release_at;
  packet.fate.release_at[0] = release_at;
  packet.epoch = epoch_;
  packet.number = next_number_++;
  packet.is_originated = true;
  enter_flight(half, packet);
  enqueue(half, std::move(packet), 0);
}

}  // namespace wobble
