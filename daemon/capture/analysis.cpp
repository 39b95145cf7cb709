#include "daemon/capture/analysis.h"

#include <algorithm>

#include "daemon/capture/sorted_frames.h"
#include "emulator/random.h"

namespace wobble::daemon {
namespace {

constexpr std::size_t kMostTravelling = 1'000'000;

/// A capture does not say on which side of it an endpoint is; a flow needs only that it stays there.
Side side_of(const PacketView& packet) {
  const Endpoint from{packet.source, packet.source_port};
  const Endpoint to{packet.destination, packet.destination_port};
  return to < from ? Side::far : Side::near;
}

// A capture is told whole, floods and all: nobody waits for a disk.
ConnectionTableOptions whole(ConnectionTableOptions options) {
  options.flood_rate = 0;
  options.half_open_share = 1;
  return options;
}

}  // namespace

CaptureAnalysis::CaptureAnalysis(const AnalysisOptions& options, AnalysisSink sink)
    : options_(options), rows_(std::move(sink)), table_(whole(options.table), rows_), checksums_(options.checksums) {}

const std::optional<LaneMark>& CaptureAnalysis::lane(const CaptureReader& reader, std::uint32_t interface) {
  const auto& interfaces = reader.interfaces();
  while (lanes_.size() < interfaces.size()) lanes_.push_back(parse_lane_mark(interfaces[lanes_.size()].hardware));
  return lanes_[interface];
}

bool CaptureAnalysis::find(const CaptureReader& reader, const CapturedFrame& frame, FramedPacket& framed,
                           CapturedPacket& packet) {
  ++counts_.frames;
  counts_.missed += frame.missed;
  counts_.first = std::min(counts_.first.value_or(frame.at), frame.at);
  counts_.last = std::max(counts_.last, frame.at);
  const std::uint16_t type = reader.interfaces()[frame.interface].link_type;
  switch (find_packet(type, frame.bytes, frame.original_length, framed)) {
    case FrameContent::ip: break;
    case FrameContent::other: ++counts_.not_ip; return false;
    case FrameContent::cut_off: ++counts_.unreadable; return false;
    case FrameContent::unknown_link:
      ++counts_.unknown_link;
      counts_.unknown_link_type = type;
      return false;
  }
  if (restorer_.read(framed.bytes, framed.original_length, packet) != ParseError::none) {
    ++counts_.unreadable;
    return false;
  }
  return true;
}

void CaptureAnalysis::first_look(CaptureReader& reader) {
  CapturedFrame frame;
  FramedPacket framed;
  CapturedPacket packet;
  try {
    while (reader.next(frame)) {
      if (find(reader, frame, framed, packet) && !packet.view.is_fragment) checksums_.look(packet);
    }
  } catch (const CaptureError&) {
  }
  checksums_.has_looked();
  counts_ = {};
}

void CaptureAnalysis::run(CaptureReader& reader) {
  std::exception_ptr damage;
  try {
    read_all(reader);
  } catch (const CaptureError&) {
    damage = std::current_exception();
  }
  pass_all(early_.take_all());
  rows_.end_capture();
  table_.close_all(now_);
  rows_.finish();
  if (damage) std::rethrow_exception(damage);
}

// Ours are in the order in which things happened, whatever the clock says; others may need to be sorted.
void CaptureAnalysis::read_all(CaptureReader& reader) {
  CapturedFrame frame;
  if (!reader.next(frame)) return;
  lanes_.clear();
  if (lane(reader, frame.interface)) {
    do take(reader, frame);
    while (reader.next(frame));
    return;
  }
  SortedFrames sorted(reader);
  sorted.hold(frame);
  while (sorted.next(frame)) take(reader, frame);
}

void CaptureAnalysis::take(const CaptureReader& reader, const CapturedFrame& frame) {
  FramedPacket framed;
  CapturedPacket packet;
  if (!find(reader, frame, framed, packet)) return;
  const std::optional<LaneMark>& mark = lane(reader, frame.interface);
  if (!mark) return take_foreign(frame, framed, packet);
  const std::optional<CaptureNote> note = parse_note(frame.comment);
  if (!note) {
    ++counts_.unreadable;
    return;
  }
  move_to(frame.at);
  take_ours(*mark, *note, packet);
}

// Time goes forward only, and timers run out in between.
void CaptureAnalysis::move_to(std::int64_t at) {
  if (now_ == TimePoint{}) {
    clock_.first = at;
    rows_.set_clock(clock_);
  }
  const TimePoint then = std::max(now_, clock_.moment(at));
  for (TimePoint due = table_.next_due(); due <= then; due = table_.next_due()) {
    now_ = std::max(now_, due);
    table_.advance(now_);
  }
  now_ = then;
  rows_.sweep(table_);
}

void CaptureAnalysis::take_foreign(const CapturedFrame& frame, const FramedPacket& framed,
                                   const CapturedPacket& packet) {
  const std::uint64_t way = mix64(std::uint64_t{frame.interface} << 32 | framed.seen_at) ^ framed.tags;
  if (duplicates_.is_second_view(packet.view, way, frame.at)) {
    ++counts_.second_views;
    return;
  }
  ++counts_.packets;
  counts_.fragments += packet.view.is_fragment ? 1 : 0;
  counts_.truncated += frame.bytes.size() < frame.original_length ? 1 : 0;
  if (checksums_.is_bad(packet)) {
    ++counts_.bad_checksums;
    table_.bad_checksum(packet.view, side_of(packet.view));
    return;
  }
  pass_in_turn(packet.view, frame.at);
}

void CaptureAnalysis::pass_in_turn(const PacketView& view, std::int64_t at) {
  const Side side = side_of(view);
  pass_all(early_.ripe_before(view, side, at));
  if (!view.is_tcp() || view.is_fragment) return pass(view, side, at);
  if (early_.keep_early(view, side, at)) return;
  pass(view, side, at);
  pass_all(early_.ripe_after(view, side));
}

void CaptureAnalysis::pass(const PacketView& view, Side side, std::int64_t at) {
  if (view.is_tcp()) early_.seen(view, side);
  move_to(at);
  rows_.set_link(options_.name, false);
  const FlowPosition flow = table_.arrive(view, side, now_);
  Fate fate;
  fate.release_at[0] = now_;
  table_.sent(flow.connection, view, side, fate, now_);
  table_.delivered(flow.connection, view, side, now_, fate, 0, now_);
}

void CaptureAnalysis::pass_all(const std::vector<EarlyAcks::Segment>& segments) {
  for (const EarlyAcks::Segment& segment : segments) {
    PacketView view;
    if (parse_packet(segment.bytes, view) != ParseError::none) continue;
    view.length += segment.beyond;
    view.tcp.length += segment.beyond;
    pass(view, segment.side, segment.at);
  }
}

void CaptureAnalysis::take_ours(const LaneMark& mark, const CaptureNote& note, const CapturedPacket& packet) {
  rows_.set_link(mark.link, true);
  if (note.kind != CaptureNote::Kind::arrived) return landed(note, packet.view);
  if (mark.lane == CaptureLane::lost || note.fate.dropped == DropReason::malformed) {
    ++counts_.unreadable;
    return;
  }
  ++counts_.packets;
  arrived(mark.lane == CaptureLane::near ? Side::near : Side::far, note, packet.view);
}

void CaptureAnalysis::arrived(Side side, const CaptureNote& note, const PacketView& view) {
  const FlowPosition flow = table_.arrive(view, side, now_);
  Travelling packet{flow.connection, note.fate, now_, side, 0};
  for (std::uint8_t copy = 0; copy < note.fate.copies; ++copy) {
    const TimePoint after = note.fate.release_at[copy];
    packet.fate.release_at[copy] = after == kNever ? kNever : now_ + after.time_since_epoch();
    if (note.fate.lost[copy] == DropReason::none) ++packet.copies;
  }
  table_.sent(flow.connection, view, side, packet.fate, now_);
  if (packet.copies > 0 && travelling_.size() < kMostTravelling) {
    travelling_[note.number] = packet;
  }
}

void CaptureAnalysis::landed(const CaptureNote& note, const PacketView& view) {
  const auto found = travelling_.find(note.number);
  if (found == travelling_.end()) {
    ++counts_.from_before;
    return;
  }
  Travelling& packet = found->second;
  if (note.kind == CaptureNote::Kind::left) {
    packet.fate.release_at[note.copy] = packet.arrived + note.fate.release_at[note.copy].time_since_epoch();
    table_.delivered(packet.connection, view, packet.side, packet.arrived, packet.fate, note.copy, now_);
  } else {
    table_.lost(packet.connection, view, packet.side, packet.arrived, note.reason, note.copy, now_);
  }
  if (--packet.copies == 0) travelling_.erase(found);
}

}  // namespace wobble::daemon
