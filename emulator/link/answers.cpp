#include "emulator/link/answers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "emulator/link/originated.h"
#include "emulator/packet/link_prefix.h"

namespace wobble {

void Answers::refused(const Arrival& arrival, std::uint32_t segment, ConnectionHandle connection,
                      DropReason reason) noexcept {
  const DirectionConditions& asked = arrival.half.pipeline().conditions();
  const bool is_reported = reason == DropReason::mtu && asked.mtu.icmp;
  const bool is_reset = reason == DropReason::idle_timeout && asked.idle_timeout.then == IdleAction::reset;
  if (!is_reported && !is_reset) return;
  const PacketBuffer whole = arrival.wire_packet(segment, link_.pool);
  if (!whole) return;
  PacketView view;
  parse_packet(whole.bytes(), view);

  const Direction back = direction_from(opposite(arrival.side));
  const AnswerPrefix prefix(arrival.prefix);
  std::array<std::uint8_t, kMaxOriginated> answer;
  if (is_reset) {
    // Like the connection's own packets it stays behind those that are on their way.
    const TimePoint behind = std::max(arrival.now, link_.half(back).pipeline().order_floor());
    const std::size_t size = write_reset(view, answer);
    send(back, std::span(answer).first(size), prefix.bytes(), connection, arrival.now, behind);
  } else if (may_be_reported(view)) {
    const IpAddress source = (view.version == 4 ? hop_v4_ : hop_v6_).value_or(view.destination);
    const std::size_t size = write_too_big(view, asked.mtu.bytes, source, answer);
    send(back, std::span(answer).first(size), prefix.bytes(), {}, arrival.now, arrival.now);
  }
}

void Answers::send(Direction direction, std::span<const std::uint8_t> bytes, std::span<const std::uint8_t> prefix,
                   ConnectionHandle connection, TimePoint now, TimePoint release_at) noexcept {
  if (bytes.empty()) return;
  LinkHalf& half = link_.half(direction);
  ++half.meter().counters().originated;
  InFlight packet;
  packet.buffer = link_.pool.allocate(bytes.size(), prefix);
  if (!packet.buffer) return half.meter().dropped(DropReason::memory);
  std::memcpy(packet.buffer.bytes().data(), bytes.data(), bytes.size());
  packet.wire_bytes = static_cast<std::uint32_t>(bytes.size());
  packet.connection = connection;
  packet.arrived = now;
  packet.release_at = release_at;
  packet.fate.release_at[0] = release_at;
  packet.epoch = half.meter().epoch();
  packet.number = link_.next_number++;
  packet.is_originated = true;
  half.enter(std::move(packet), 0, false);
}

}  // namespace wobble
