#include "emulator/link.h"

#include <algorithm>
#include <utility>

namespace wobble {

Link::Link(const LinkOptions& options, ConnectionObserver& observer, TimePoint now)
    : seed_(options.seed),
      pool_(options.memory_limit),
      connections_(options.connections, observer),
      up_(Direction::up, options.seed),
      down_(Direction::down, options.seed),
      changed_at_(now) {}

void Link::admit(std::span<const std::uint8_t> bytes, Side side, TimePoint now) noexcept {
  Half& half = this->half(direction_from(side));
  for (DirectionCounters* c : {&half.total, &half.since_change}) {
    ++c->packets_in;
    c->bytes_in += bytes.size();
  }
  half.rate_in.add(bytes.size(), now);

  PacketView view;
  if (parse_packet(bytes, view) != ParseError::none) {
    count_drop(half, DropReason::malformed, epoch_);
    return;
  }
  const FlowPosition flow = connections_.arrive(view, side, now);
  Verdict verdict = half.pipeline.admit(flow, static_cast<std::uint32_t>(view.bytes.size()), now);
  std::array<PacketBuffer, Fate::kMaxCopies> copies = make_copies(half, view, verdict);
  connections_.sent(flow.connection, view, side, verdict.fate, now);

  for (std::uint8_t i = 0; i < verdict.fate.copies; ++i) {
    if (!copies[i]) {
      count_drop(half, verdict.fate.lost[i], epoch_);
      continue;
    }
    InFlight packet{std::move(copies[i]), flow.connection, now, verdict.fate.release_at[i], verdict.fate, i, epoch_};
    enqueue(half, std::move(packet), i == 0 ? verdict.hold_packets : 0);
  }
}

std::array<PacketBuffer, Fate::kMaxCopies> Link::make_copies(Half& half, const PacketView& view,
                                                             Verdict& verdict) noexcept {
  std::array<PacketBuffer, Fate::kMaxCopies> copies;
  Fate& fate = verdict.fate;
  const bool is_duplicated = fate.copies > 1;
  bool will_be_discarded = false;
  bool was_damaged = false;
  for (std::uint8_t i = 0; i < fate.copies; ++i) {
    if (fate.lost[i] != DropReason::none) continue;
    copies[i] = pool_.copy_of(view.bytes);
    if (!copies[i]) {
      fate.lost[i] = DropReason::memory;
    } else if (verdict.to_corrupt) {
      const CorruptSettings& settings = half.pipeline.conditions().corrupt;
      will_be_discarded = corrupt_packet(copies[i].bytes(), view, settings, verdict.corrupt_draw);
      was_damaged = true;
    }
  }
  fate.dropped = fate.lost[0];
  fate.corrupted = will_be_discarded;
  for (DirectionCounters* c : {&half.total, &half.since_change}) {
    c->duplicated += is_duplicated ? 1 : 0;
    c->corrupted += was_damaged ? 1 : 0;
    c->reordered += fate.reordered && !fate.is_dropped() ? 1 : 0;
  }
  return copies;
}

void Link::enqueue(Half& half, InFlight&& packet, std::uint32_t hold_packets) noexcept {
  ++half.packets_in_flight;
  half.bytes_in_flight += packet.buffer.bytes().size();
  if (hold_packets > 0) {
    const TimePoint deadline = packet.release_at + kReorderPatience;
    half.queue.hold(std::move(packet), hold_packets, deadline);
  } else {
    half.queue.push(std::move(packet));
  }
}

void Link::count_drop(Half& half, DropReason reason, std::uint32_t epoch) noexcept {
  const auto index = static_cast<std::size_t>(reason);
  ++half.total.dropped[index];
  if (epoch == epoch_) ++half.since_change.dropped[index];
}

void Link::advance(TimePoint now) noexcept {
  connections_.advance(now);
  for (Direction d : {Direction::up, Direction::down}) {
    if (half(d).pipeline.advance(now)) drop_in_flight(d, now);
  }
}

TimePoint Link::next_due() const noexcept {
  return std::min({connections_.next_due(), up_.pipeline.next_change(), up_.queue.next_due(),
                   down_.pipeline.next_change(), down_.queue.next_due()});
}

std::optional<InFlight> Link::pop_due(Direction direction, TimePoint now) noexcept {
  return half(direction).queue.pop_due(now);
}

void Link::complete(const InFlight& packet, Direction direction, bool written, TimePoint now) noexcept {
  Half& half = this->half(direction);
  const std::span<const std::uint8_t> bytes = packet.buffer.bytes();
  --half.packets_in_flight;
  half.bytes_in_flight -= bytes.size();

  PacketView view;
  parse_packet(bytes, view);  // it was read once; corruption spares the headers that are read here
  const Side arrived_on = opposite(destination_of(direction));
  if (!written) {
    count_drop(half, DropReason::device, packet.epoch);
    connections_.lost(packet.connection, view, arrived_on, packet.arrived, DropReason::device, packet.copy, now);
    return;
  }
  for (DirectionCounters* c : {&half.total, &half.since_change}) {
    if (c == &half.since_change && packet.epoch != epoch_) continue;
    ++c->packets_out;
    c->bytes_out += bytes.size();
    c->delay.add(packet.release_at - packet.arrived);
    c->lateness.add(now - packet.release_at);
  }
  half.rate_out.add(bytes.size(), now);
  connections_.delivered(packet.connection, view, arrived_on, packet.arrived, packet.fate, packet.copy, now);
}

void Link::drop_in_flight(Direction direction, TimePoint now) noexcept {
  Half& half = this->half(direction);
  const Side arrived_on = opposite(destination_of(direction));
  for (const InFlight& packet : half.queue.take_all()) {
    const std::span<const std::uint8_t> bytes = packet.buffer.bytes();
    --half.packets_in_flight;
    half.bytes_in_flight -= bytes.size();
    count_drop(half, DropReason::outage, packet.epoch);
    PacketView view;
    parse_packet(bytes, view);
    connections_.lost(packet.connection, view, arrived_on, packet.arrived, DropReason::outage, packet.copy, now);
  }
  half.pipeline.forget_backlog(now);
}

void Link::start_epoch(TimePoint now) {
  ++epoch_;
  changed_at_ = now;
  up_.since_change = {};
  down_.since_change = {};
}

void Link::apply(const LinkConditions& conditions, TimePoint now) {
  conditions_ = conditions;
  up_.pipeline.configure(conditions.up, now);
  down_.pipeline.configure(conditions.down, now);
  start_epoch(now);
  advance(now);
}

void Link::reset(TimePoint now) {
  apply(LinkConditions{}, now);
  for (Half* half : {&up_, &down_}) {
    half->queue.release_all(now);
    half->pipeline.forget_backlog(now);
  }
}

LinkStats Link::stats(TimePoint now) noexcept {
  LinkStats stats;
  for (Direction d : {Direction::up, Direction::down}) {
    Half& half = this->half(d);
    DirectionStats& out = d == Direction::up ? stats.up : stats.down;
    out.total = half.total;
    out.since_change = half.since_change;
    out.packets_in_flight = half.packets_in_flight;
    out.bytes_in_flight = half.bytes_in_flight;
    out.bits_per_second_in = half.rate_in.bits_per_second(now);
    out.bits_per_second_out = half.rate_out.bits_per_second(now);
  }
  stats.at = now;
  stats.changed_at = changed_at_;
  stats.connections = connections_.size();
  connections_.count_states(stats.by_client_state);
  return stats;
}

}  // namespace wobble
