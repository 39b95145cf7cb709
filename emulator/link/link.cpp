#include "emulator/link/link.h"

#include <algorithm>
#include <new>
#include <utility>

#include "emulator/impairments/queue_discipline.h"
#include "emulator/packet/damaged_packet.h"
#include "emulator/packet/ipv4_fragments.h"
#include "emulator/packet/packet_ecn.h"

namespace wobble {

Link::Link(const LinkOptions& options, ConnectionObserver& observer, TimePoint now)
    : seed_(options.seed),
      observer_(observer),
      pool_(options.memory ? options.memory : std::make_shared<MemoryBudget>(options.memory_limit)),
      connections_(options.connections, observer),
      idle_timeout_({options.connections.hash_key[0], options.connections.hash_key[1]}),
      hop_v4_(options.hop_v4),
      hop_v6_(options.hop_v6),
      up_(Direction::up, options),
      down_(Direction::down, options),
      changed_at_(now) {}

Link::~Link() {
  for (const auto& tap : taps_) tap->ended();
}

void Link::admit(std::span<const std::uint8_t> bytes, const Offload& offload, Side side, TimePoint now,
                 PacketBuffer storage, std::span<const std::uint8_t> prefix) noexcept {
  const Direction direction = direction_from(side);
  Half& half = this->half(direction);
  follow_scenario(now);
  advance_bottleneck(direction, now);
  Arrival arrival{{}, std::move(storage), side, now, bytes, prefix, next_number_};
  const SuperPacket& packet = arrival.packet;
  const bool is_malformed = SuperPacket::parse(bytes, offload, arrival.packet) != ParseError::none;
  const std::uint32_t count = is_malformed ? 1 : packet.count();
  const std::size_t size = is_malformed ? bytes.size() : packet.wire_size(0, count);
  count_arrival(half, count, size, now);
  if (is_malformed) {
    Fate fate;
    fate.dropped = fate.lost[0] = DropReason::malformed;
    for (const auto& tap : taps_) tap->arrived({bytes, nullptr, 0, arrival.number, side}, fate, now);
    return count_drop(half, DropReason::malformed, epoch_);
  }
  arrival.is_damaged = is_damaged(packet);
  half.since_change.bad_checksum += arrival.is_damaged ? 1 : 0;
  admit_segments(half, arrival);
  advance_bottleneck(direction, now);
}

void Link::count_arrival(Half& half, std::uint32_t count, std::size_t size, TimePoint now) noexcept {
  half.since_change.packets_in += count;
  half.since_change.bytes_in += size;
  half.rate_in.add(size, now);
  next_number_ += count;
}

Verdict Link::decide(Half& half, const Arrival& arrival, const PacketView& segment, const FlowPosition& flow) noexcept {
  if (idle_timeout_.is_on() && idle_timeout_.refuses(segment, arrival.side, arrival.now)) {
    Verdict verdict;
    verdict.fate.dropped = verdict.fate.lost[0] = DropReason::idle_timeout;
    return verdict;
  }
  return half.pipeline.admit(flow, segment.length, arrival.now, is_ecn_capable(segment));
}

void Link::admit_segments(Half& half, Arrival& arrival) noexcept {
  const SuperPacket& packet = arrival.packet;
  const std::uint32_t mtu = half.pipeline.conditions().mtu.bytes;
  // What waits aside counts packets, so they must come to the queue one by one.
  const bool may_group = half.pipeline.conditions().reorder.by_packets == 0 && !half.queue.has_held();
  Run run;
  PacketView part;
  for (std::uint32_t i = 0; i < packet.count(); ++i) {
    const PacketView& segment = packet.look_at(i, part);
    if (mtu > 0 && segment.length > mtu && may_be_fragmented(segment)) {
      keep_run(half, arrival, run);
      admit_fragments(half, arrival, i);
      advance_bottleneck(direction_from(arrival.side), arrival.now);
      continue;
    }
    arrival.sequence = half.next_sequence++;
    const FlowPosition flow = arrival.is_damaged ? connections_.bad_checksum(segment, arrival.side)
                                                 : connections_.arrive(segment, arrival.side, arrival.now);
    Verdict verdict = decide(half, arrival, segment, flow);
    const Fate& fate = verdict.fate;
    const bool is_plain = !fate.is_dropped() && !fate.reordered && fate.copies == 1 && !verdict.to_corrupt &&
                          !verdict.waits && !verdict.to_mark[0];
    if (is_plain && may_group && run.n > 0 && fate.release_at[0] == run.fate.release_at[0]) {
      ++run.n;
      continue;
    }
    keep_run(half, arrival, run);
    if (is_plain) {
      run = {i, 1, flow.connection, fate, arrival.sequence};
      if (may_group) i += arrive_alike(half, arrival, flow, run);
    } else {
      keep_single(half, arrival, i, segment, flow, verdict);
      advance_bottleneck(direction_from(arrival.side), arrival.now);  // as if the next segment came by itself
    }
  }
  keep_run(half, arrival, run);
}

std::uint32_t Link::arrive_alike(Half& half, const Arrival& arrival, const FlowPosition& flow, Run& run) noexcept {
  const std::uint32_t rest = arrival.packet.count() - run.first - 1;
  if (rest == 0 || idle_timeout_.is_on()) return 0;
  const std::uint32_t n = half.pipeline.alike_behind(flow, rest);
  if (n == 0) return 0;
  const PacketView view = arrival.packet.run(run.first + 1, n);
  if (!connections_.arrive_rest(run.connection, view, n, arrival.side)) return 0;
  run.n += n;
  half.next_sequence += n;
  return n;
}

void Link::keep_run(Half& half, Arrival& arrival, Run& run) noexcept {
  if (run.n == 0) return;
  Offload offload;
  PacketBuffer buffer = keep_bytes(arrival, run, offload);
  if (!buffer) {
    run.fate.dropped = run.fate.lost[0] = DropReason::memory;
    count_drop(half, DropReason::memory, epoch_, run.n);
    tell_exhausted(arrival.now);
  }
  const std::uint8_t tcp_at = track_run(arrival, run);
  if (buffer) {
    InFlight packet{std::move(buffer),
                    offload,
                    arrival.packet.wire_size(run.first, run.n),
                    static_cast<std::uint16_t>(run.n),
                    0,
                    false,
                    tcp_at,
                    run.connection,
                    epoch_,
                    arrival.now,
                    run.fate.release_at[0],
                    run.fate,
                    arrival.number + run.first,
                    run.sequence};
    enter_flight(half, packet);
    enqueue(half, std::move(packet), 0);
  }
  run.n = 0;
}

// A large packet keeps the block it was read into; a small one must not pin it.
PacketBuffer Link::keep_bytes(Arrival& arrival, const Run& run, Offload& offload) noexcept {
  const SuperPacket& packet = arrival.packet;
  const std::uint32_t size = packet.run_size(run.first, run.n);
  if (run.n == packet.count() && arrival.storage && size > arrival.storage.footprint() / 3 * 2) {
    arrival.storage.shrink(size);
    offload = packet.offload();
    return std::move(arrival.storage);
  }
  PacketBuffer buffer = pool_.allocate(size, arrival.prefix);
  if (buffer) offload = packet.copy_run(run.first, run.n, buffer.bytes());
  return buffer;
}

std::uint8_t Link::track_run(const Arrival& arrival, const Run& run) noexcept {
  const SuperPacket& packet = arrival.packet;
  PacketView part;
  for (std::uint32_t i = run.first; i < run.first + run.n; ++i) {
    const PacketView& segment = packet.look_at(i, part);
    connections_.sent(run.connection, segment, arrival.side, run.fate, arrival.now);
    show_arrival(arrival, i, run.fate);
    if (run.n == 1)
      return segment.is_tcp() && !segment.is_fragment && segment.transport_offset < 256
                 ? static_cast<std::uint8_t>(segment.transport_offset)
                 : 0;
    if (i != run.first || !taps_.empty()) continue;
    if (connections_.sent_rest(run.connection, packet.run(i + 1, run.n - 1), arrival.side, run.fate)) break;
  }
  return 0;
}

void Link::keep_single(Half& half, Arrival& arrival, std::uint32_t segment, const PacketView& view,
                       const FlowPosition& flow, Verdict& verdict) noexcept {
  std::array<InFlight, Fate::kMaxCopies> copies = make_copies(half, arrival, segment, verdict);
  const Fate& fate = verdict.fate;
  connections_.sent(flow.connection, view, arrival.side, fate, arrival.now);
  show_arrival(arrival, segment, fate);
  answer_refused(half, arrival, segment, flow, fate.dropped);
  for (std::uint8_t i = 0; i < fate.copies; ++i) {
    if (!copies[i].buffer) {
      count_drop(half, fate.lost[i], epoch_);
      continue;
    }
    copies[i].connection = flow.connection;
    copies[i].arrived = arrival.now;
    copies[i].release_at = fate.release_at[i];
    copies[i].fate = fate;
    copies[i].copy = i & 1;
    copies[i].epoch = epoch_;
    copies[i].sequence = arrival.sequence;
    copies[i].number = arrival.number + segment;
    enter_flight(half, copies[i]);
    if (verdict.waits) {
      half.pipeline.wait({std::move(copies[i]), flow, 0, verdict.to_mark[i]});
    } else {
      if (verdict.to_mark[i]) mark(half, copies[i]);
      enqueue(half, std::move(copies[i]), i == 0 ? verdict.hold_packets : 0);
    }
  }
}

std::array<InFlight, Fate::kMaxCopies> Link::make_copies(Half& half, const Arrival& arrival, std::uint32_t segment,
                                                         Verdict& verdict) noexcept {
  std::array<InFlight, Fate::kMaxCopies> copies;
  Fate& fate = verdict.fate;
  const bool is_duplicated = fate.copies > 1;
  const std::uint32_t size = arrival.packet.run_size(segment, 1);
  bool was_damaged = false;
  for (std::uint8_t i = 0; i < fate.copies; ++i) {
    if (fate.lost[i] != DropReason::none) continue;
    copies[i].buffer = pool_.allocate(size, arrival.prefix);
    if (!copies[i].buffer) {
      fate.lost[i] = DropReason::memory;
      tell_exhausted(arrival.now);
      if (verdict.waits) half.pipeline.withdraw(size);
      continue;
    }
    copies[i].offload = arrival.packet.copy_run(segment, 1, copies[i].buffer.bytes());
    copies[i].wire_bytes = size;
    if (!verdict.to_corrupt) continue;
    const Damage done = damage(half, copies[i], verdict);
    was_damaged = was_damaged || done != Damage::none;
    fate.corrupted = done == Damage::discarded;
  }
  fate.dropped = fate.lost[0];
  half.since_change.duplicated += is_duplicated ? 1 : 0;
  half.since_change.corrupted += was_damaged ? 1 : 0;
  half.since_change.reordered += fate.reordered && !fate.is_dropped() ? 1 : 0;
  return copies;
}

Damage Link::damage(Half& half, InFlight& packet, const Verdict& verdict) noexcept {
  const std::span<std::uint8_t> bytes = packet.buffer.bytes();
  PacketView view;
  parse_packet(bytes, view);
  complete_checksum(view, bytes, packet.offload);
  return corrupt_packet(bytes, view, half.pipeline.conditions().corrupt, verdict.corrupt_draw);
}

void Link::enter_flight(Half& half, const InFlight& packet) noexcept {
  half.packets_in_flight += packet.segments;
  half.bytes_in_flight += packet.wire_bytes;
}

void Link::enqueue(Half& half, InFlight&& packet, std::uint32_t hold_packets, TimePoint now) noexcept {
  try {
    if (hold_packets > 0) {
      const TimePoint deadline = packet.release_at + kReorderPatience;
      half.queue.hold(std::move(packet), hold_packets, deadline);
    } else {
      half.queue.push(std::move(packet));
    }
  } catch (const std::bad_alloc&) {
    const Direction direction = &half == &up_ ? Direction::up : Direction::down;
    lose(packet, direction, DropReason::memory, std::max(now, packet.arrived));
  }
}

void Link::tell_exhausted(TimePoint now, std::uint64_t limit) noexcept {
  constexpr Duration kQuiet = std::chrono::seconds(10);
  if (exhausted_at_ == TimePoint::min() || now - exhausted_at_ >= kQuiet)
    observer_.on_exhausted(MemoryExhausted{now, limit});
  exhausted_at_ = now;
}

void Link::count_drop(Half& half, DropReason reason, std::uint32_t epoch, std::uint32_t n) noexcept {
  counters(half, epoch).dropped[static_cast<std::size_t>(reason)] += n;
}

void Link::advance(TimePoint now) noexcept {
  follow_scenario(now);
  connections_.advance(now);
  for (Direction d : {Direction::up, Direction::down}) {
    advance_bottleneck(d, now);
    if (half(d).pipeline.advance(now)) drop_in_flight(d, now);
  }
}

TimePoint Link::next_due() const noexcept {
  return std::min({scenario_.next_change(), connections_.next_due(), up_.pipeline.next_change(),
                   up_.pipeline.next_leaving_at(), up_.queue.next_due(), down_.pipeline.next_change(),
                   down_.pipeline.next_leaving_at(), down_.queue.next_due()});
}

void Link::show_arrival(const Arrival& arrival, std::uint32_t segment, const Fate& fate) noexcept {
  for (const auto& tap : taps_) {
    const std::uint64_t number = arrival.number + segment;
    tap->arrived({arrival.bytes, &arrival.packet, segment, number, arrival.side, arrival.is_damaged}, fate,
                 arrival.now);
  }
}

void Link::start_epoch(TimePoint now) {
  ++epoch_;
  changed_at_ = now;
  for (Half* half : {&up_, &down_}) {
    half->before += half->since_change;
    half->since_change = {};
    half->loss_before = half->pipeline.loss_runs();
  }
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
    out.since_change = half.since_change;
    out.total = half.before;
    out.total += half.since_change;
    const LossRuns& runs = out.total.loss_runs = half.pipeline.loss_runs();
    out.since_change.loss_runs = {runs.lost - half.loss_before.lost, runs.runs - half.loss_before.runs};
    out.packets_in_flight = half.packets_in_flight;
    out.bytes_in_flight = half.bytes_in_flight;
    out.bits_per_second_in = half.rate_in.bits_per_second(now);
    out.bits_per_second_out = half.rate_out.bits_per_second(now);
  }
  stats.at = now;
  stats.step = static_cast<std::uint32_t>(step_);
  stats.step_ends = scenario_.next_change();
  stats.changed_at = changed_at_;
  stats.connections = connections_.size();
  connections_.count_states(stats.by_client_state);
  return stats;
}

}  // namespace wobble
