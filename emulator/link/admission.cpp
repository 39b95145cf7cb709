#include "emulator/link/admission.h"

#include <utility>

#include "emulator/impairments/corrupt.h"
#include "emulator/impairments/queue_discipline.h"
#include "emulator/packet/damaged_packet.h"
#include "emulator/packet/ipv4_fragments.h"
#include "emulator/packet/packet_ecn.h"

namespace wobble {
namespace {

Damage damage(InFlight& packet, const CorruptSettings& settings, std::uint64_t draw) noexcept {
  const std::span<std::uint8_t> bytes = packet.buffer.bytes();
  PacketView view;
  parse_packet(bytes, view);
  complete_checksum(view, bytes, packet.offload);
  return corrupt_packet(bytes, view, settings, draw);
}

}  // namespace

void Admission::admit(std::span<const std::uint8_t> bytes, const Offload& offload, Side side, TimePoint now,
                      PacketBuffer&& storage, std::span<const std::uint8_t> prefix) noexcept {
  LinkHalf& half = link_.half(direction_from(side));
  half.advance_bottleneck(now);
  Arrival arrival{half, side, now, bytes, prefix, std::move(storage), link_.next_number};
  const SuperPacket& packet = arrival.packet;
  const bool is_malformed = SuperPacket::parse(bytes, offload, arrival.packet) != ParseError::none;
  const std::uint32_t count = is_malformed ? 1 : packet.count();
  half.meter().arrived(count, is_malformed ? bytes.size() : packet.wire_size(0, count), now);
  link_.next_number += count;
  if (is_malformed) {
    Fate fate;
    fate.dropped = fate.lost[0] = DropReason::malformed;
    for (const auto& tap : link_.taps) tap->arrived({bytes, nullptr, 0, arrival.number, side}, fate, now);
    return half.meter().dropped(DropReason::malformed);
  }
  arrival.is_damaged = is_damaged(packet);
  half.meter().counters().bad_checksum += arrival.is_damaged ? 1 : 0;
  admit_segments(arrival);
  half.advance_bottleneck(now);
}

void Admission::admit_segments(Arrival& arrival) noexcept {
  const SuperPacket& packet = arrival.packet;
  LinkHalf& half = arrival.half;
  const std::uint32_t mtu = half.pipeline().conditions().mtu.bytes;
  const bool takes_runs = half.takes_runs();
  Run run;
  PacketView part;
  for (std::uint32_t i = 0; i < packet.count(); ++i) {
    const PacketView& segment = packet.look_at(i, part);
    if (mtu > 0 && segment.length > mtu && may_be_fragmented(segment)) {
      keep_run(arrival, run);
      admit_fragments(arrival, i);
      half.advance_bottleneck(arrival.now);
      continue;
    }
    arrival.sequence = half.meter().take_sequence();
    const FlowPosition flow = arrival.is_damaged ? link_.connections.bad_checksum(segment, arrival.side)
                                                 : link_.connections.arrive(segment, arrival.side, arrival.now);
    Verdict verdict = decide(arrival, segment, flow);
    const Fate& fate = verdict.fate;
    const bool is_plain = !fate.is_dropped() && !fate.reordered && fate.copies == 1 && !verdict.to_corrupt &&
                          !verdict.waits && !verdict.to_mark[0];
    if (is_plain && takes_runs && run.n > 0 && fate.release_at[0] == run.fate.release_at[0]) {
      ++run.n;
      continue;
    }
    keep_run(arrival, run);
    if (is_plain) {
      run = {i, 1, flow.connection, fate, arrival.sequence};
      if (takes_runs) i += arrive_alike(arrival, flow, run);
    } else {
      keep_single(arrival, i, segment, flow, verdict);
      half.advance_bottleneck(arrival.now);  // as if the next segment came by itself
    }
  }
  keep_run(arrival, run);
}

Verdict Admission::decide(const Arrival& arrival, const PacketView& segment, const FlowPosition& flow) noexcept {
  IdleTimeout& idle_timeout = link_.idle_timeout;
  if (idle_timeout.is_on() && idle_timeout.refuses(segment, arrival.side, arrival.now)) {
    Verdict verdict;
    verdict.fate.dropped = verdict.fate.lost[0] = DropReason::idle_timeout;
    return verdict;
  }
  return arrival.half.pipeline().admit(flow, segment.length, arrival.now, is_ecn_capable(segment));
}

std::uint32_t Admission::arrive_alike(const Arrival& arrival, const FlowPosition& flow, Run& run) noexcept {
  const std::uint32_t rest = arrival.packet.count() - run.first - 1;
  if (rest == 0 || link_.idle_timeout.is_on()) return 0;
  const std::uint32_t n = arrival.half.pipeline().alike_behind(flow, rest);
  if (n == 0) return 0;
  const PacketView view = arrival.packet.run(run.first + 1, n);
  if (!link_.connections.arrive_rest(run.connection, view, n, arrival.side)) return 0;
  run.n += n;
  arrival.half.meter().take_sequence(n);
  return n;
}

void Admission::keep_run(Arrival& arrival, Run& run) noexcept {
  if (run.n == 0) return;
  DirectionMeter& meter = arrival.half.meter();
  Offload offload;
  PacketBuffer buffer = arrival.keep(run.first, run.n, link_.pool, offload);
  if (!buffer) {
    run.fate.dropped = run.fate.lost[0] = DropReason::memory;
    meter.dropped(DropReason::memory, run.n);
    tell_exhausted(arrival.now);
  }
  const std::uint8_t tcp_at = track_run(arrival, run);
  if (buffer) {
    arrival.half.enter({.buffer = std::move(buffer),
                        .offload = offload,
                        .wire_bytes = arrival.packet.wire_size(run.first, run.n),
                        .segments = static_cast<std::uint16_t>(run.n),
                        .tcp_at = tcp_at,
                        .connection = run.connection,
                        .epoch = meter.epoch(),
                        .arrived = arrival.now,
                        .release_at = run.fate.release_at[0],
                        .fate = run.fate,
                        .number = arrival.number + run.first,
                        .sequence = run.sequence},
                       0, false);
  }
  run.n = 0;
}

std::uint8_t Admission::track_run(const Arrival& arrival, const Run& run) noexcept {
  const SuperPacket& packet = arrival.packet;
  PacketView part;
  for (std::uint32_t i = run.first; i < run.first + run.n; ++i) {
    const PacketView& segment = packet.look_at(i, part);
    link_.connections.sent(run.connection, segment, arrival.side, run.fate, arrival.now);
    show(arrival, i, run.fate);
    if (run.n == 1)
      return segment.is_tcp() && !segment.is_fragment && segment.transport_offset < 256
                 ? static_cast<std::uint8_t>(segment.transport_offset)
                 : 0;
    if (i != run.first || !link_.taps.empty()) continue;
    if (link_.connections.sent_rest(run.connection, packet.run(i + 1, run.n - 1), arrival.side, run.fate)) break;
  }
  return 0;
}

void Admission::keep_single(const Arrival& arrival, std::uint32_t segment, const PacketView& view,
                            const FlowPosition& flow, Verdict& verdict) noexcept {
  LinkHalf& half = arrival.half;
  Copies copies = make_copies(arrival, segment, verdict);
  const Fate& fate = verdict.fate;
  link_.connections.sent(flow.connection, view, arrival.side, fate, arrival.now);
  show(arrival, segment, fate);
  answers_.refused(arrival, segment, flow.connection, fate.dropped);
  for (std::uint8_t i = 0; i < fate.copies; ++i) {
    InFlight& copy = copies[i];
    if (!copy.buffer) {
      half.meter().dropped(fate.lost[i]);
      continue;
    }
    copy.connection = flow.connection;
    copy.arrived = arrival.now;
    copy.release_at = fate.release_at[i];
    copy.fate = fate;
    copy.copy = i & 1;
    copy.epoch = half.meter().epoch();
    copy.sequence = arrival.sequence;
    copy.number = arrival.number + segment;
    if (verdict.waits) {
      half.enter_bottleneck({std::move(copy), flow, 0, verdict.to_mark[i]});
    } else {
      half.enter(std::move(copy), i == 0 ? verdict.hold_packets : 0, verdict.to_mark[i]);
    }
  }
}

Admission::Copies Admission::make_copies(const Arrival& arrival, std::uint32_t segment, Verdict& verdict) noexcept {
  Copies copies;
  Pipeline& pipeline = arrival.half.pipeline();
  DirectionCounters& counters = arrival.half.meter().counters();
  Fate& fate = verdict.fate;
  const std::uint32_t size = arrival.packet.run_size(segment, 1);
  bool was_damaged = false;
  for (std::uint8_t i = 0; i < fate.copies; ++i) {
    if (fate.lost[i] != DropReason::none) continue;
    copies[i].buffer = link_.pool.allocate(size, arrival.prefix);
    if (!copies[i].buffer) {
      fate.lost[i] = DropReason::memory;
      tell_exhausted(arrival.now);
      if (verdict.waits) pipeline.withdraw(size);
      continue;
    }
    copies[i].offload = arrival.packet.copy_run(segment, 1, copies[i].buffer.bytes());
    copies[i].wire_bytes = size;
    if (!verdict.to_corrupt) continue;
    const Damage done = damage(copies[i], pipeline.conditions().corrupt, verdict.corrupt_draw);
    was_damaged = was_damaged || done != Damage::none;
    fate.corrupted = done == Damage::discarded;
  }
  fate.dropped = fate.lost[0];
  counters.duplicated += fate.copies > 1 ? 1 : 0;
  counters.corrupted += was_damaged ? 1 : 0;
  counters.reordered += fate.reordered && !fate.is_dropped() ? 1 : 0;
  return copies;
}

void Admission::admit_fragments(const Arrival& arrival, std::uint32_t segment) noexcept {
  DirectionMeter& meter = arrival.half.meter();
  const PacketBuffer whole = arrival.wire_packet(segment, link_.pool);
  if (!whole) return meter.dropped(DropReason::memory);
  const Ipv4Fragments fragments(whole.bytes(), arrival.half.pipeline().conditions().mtu.bytes);
  meter.counters().originated += fragments.count() - 1;
  for (std::uint32_t i = 0; i < fragments.count(); ++i) {
    const std::uint64_t number = i == 0 ? arrival.number + segment : link_.next_number++;
    PacketBuffer storage = link_.pool.allocate(fragments.size(i), arrival.prefix);
    if (!storage) {
      meter.dropped(DropReason::memory);
      continue;
    }
    const std::span<std::uint8_t> bytes = storage.bytes();
    fragments.copy(i, bytes);
    Arrival fragment{arrival.half, arrival.side, arrival.now, bytes, arrival.prefix, std::move(storage), number};
    fragment.is_damaged = arrival.is_damaged;
    SuperPacket::parse(bytes, Offload{}, fragment.packet);
    admit_segments(fragment);
  }
}

void Admission::show(const Arrival& arrival, std::uint32_t segment, const Fate& fate) const noexcept {
  for (const auto& tap : link_.taps) {
    const std::uint64_t number = arrival.number + segment;
    tap->arrived({arrival.bytes, &arrival.packet, segment, number, arrival.side, arrival.is_damaged}, fate,
                 arrival.now);
  }
}

}  // namespace wobble
