#include "daemon/capture/analysis.h"

#include <algorithm>

#include "daemon/capture/sorted_frames.h"
#include "daemon/capture/tunnels.h"
#include "emulator/chance/random.h"

namespace wobble::daemon {
namespace {

constexpr std::size_t kMostTravelling = 1'000'000;

// A capture is told whole, floods and all: nobody waits for a disk.
ConnectionTableOptions whole(ConnectionTableOptions options) {
  options.flood_rate = 0;
  options.half_open_share = 1;
  return options;
}

Stray stray_of(const PacketView& packet) {
  using namespace tcp_flag;
  if (!packet.is_tcp()) return Stray::other;
  const TcpSegment& tcp = packet.tcp;
  constexpr std::uint16_t kAll = kFin | kSyn | kRst | kPsh | kAck | kUrg;
  if (tcp.has(kSyn) && tcp.has(kFin)) return Stray::syn_fin;
  if (tcp.has(kRst)) return Stray::rst;
  switch (tcp.flags & kAll) {
    case 0: return Stray::null;
    case kFin: return Stray::fin;
    case kFin | kPsh | kUrg: return Stray::xmas;
    default: return Stray::other;
  }
}

/// A bound on what can be counted apart.
constexpr std::size_t kMostUnreadKinds = 256;

void count_unread(AnalysisCounts& counts, const UnreadKind& kind) {
  ++counts.not_ip;
  std::string name = kind.name();
  if (counts.unread.size() >= kMostUnreadKinds && !counts.unread.contains(name)) name = "others";
  ++counts.unread[name];
}

}  // namespace

const char* to_string(Stray stray) noexcept {
  switch (stray) {
    case Stray::rst: return "rst";
    case Stray::null: return "null";
    case Stray::fin: return "fin";
    case Stray::xmas: return "xmas";
    case Stray::syn_fin: return "syn_fin";
    case Stray::other: break;
  }
  return "other";
}

CaptureAnalysis::CaptureAnalysis(const AnalysisOptions& options, AnalysisSink sink)
    : options_(options), rows_(std::move(sink)), table_(whole(options.table), rows_), checksums_(options.checksums) {
  rows_.set_clock(clock_);
}

const std::optional<LaneMark>& CaptureAnalysis::lane(const CaptureReader& reader, std::uint32_t interface) {
  const auto& interfaces = reader.interfaces();
  while (lanes_.size() < interfaces.size()) lanes_.push_back(parse_lane_mark(interfaces[lanes_.size()].hardware));
  return lanes_[interface];
}

bool CaptureAnalysis::find(const CaptureReader& reader, const CapturedFrame& frame, FramedPacket& framed,
                           CapturedPacket& packet) {
  ++counts_.frames;
  counts_.missed += frame.missed;
  const std::uint16_t type = reader.interfaces()[frame.interface].link_type;
  switch (find_packet(type, frame.bytes, frame.original_length, framed)) {
    case FrameContent::ip: break;
    case FrameContent::other: count_unread(counts_, framed.unread); return false;
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
  if (!lane(reader, frame.interface)) enter_tunnels(framed, packet);
  return true;
}

// What is within is looked at in place of what carries it, if it can be read.
void CaptureAnalysis::enter_tunnels(FramedPacket& framed, CapturedPacket& packet) {
  FramedPacket inner;
  for (int n = 0; n < kMostTunnels && enter_tunnel(packet.view, framed, inner); ++n) {
    if (restorer_.read(inner.bytes, inner.original_length, packet) != ParseError::none) {
      restorer_.read(framed.bytes, framed.original_length, packet);
      return;
    }
    inner.is_tunnelled = true;
    framed = inner;
  }
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
  lanes_.clear();
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
  count_strays();
  if (damage) std::rethrow_exception(damage);
}

void CaptureAnalysis::read_all(CaptureReader& reader) {
  SortedFrames sorted(reader);
  CapturedFrame frame;
  if (!sorted.next(frame)) return;
  clock_ = CaptureClock(frame.at);
  do take(reader, frame, sorted.stepped_back());
  while (sorted.next(frame));
}

// The rest of what belongs to nobody: fragments whose first part was never there.
void CaptureAnalysis::count_strays() {
  std::uint64_t known = rows_.packets() + counts_.bad_checksums;
  for (const std::uint64_t n : counts_.strays) known += n;
  counts_.stray_fragments = counts_.packets - std::min(known, counts_.packets);
}

void CaptureAnalysis::take(const CaptureReader& reader, const CapturedFrame& frame, std::int64_t behind) {
  const std::int64_t at = follow_clock(frame.at, behind);
  FramedPacket framed;
  CapturedPacket packet;
  if (!find(reader, frame, framed, packet)) return;
  const std::optional<LaneMark>& mark = lane(reader, frame.interface);
  if (!mark) return take_foreign(frame, framed, packet, at);
  const std::optional<CaptureNote> note = parse_note(frame.comment);
  if (!note) {
    ++counts_.unreadable;
    return;
  }
  move_to(at);
  take_ours(*mark, *note, packet);
}

// The way back of a straggler is no step.
std::int64_t CaptureAnalysis::follow_clock(std::int64_t at, std::int64_t behind) {
  std::int64_t steady = 0;
  if (__builtin_add_overflow(at, behind, &steady)) steady = at;
  if (behind > clock_.behind()) ++counts_.clock_steps;
  constexpr std::int64_t kFar = 60'000'000'000;
  if (behind - clock_.behind() >= kFar) may_be_appended_ = true;
  clock_.set_behind(std::max(now_, clock_.moment(steady)), behind);
  counts_.first = counts_.first.value_or(at);
  counts_.last = at;
  counts_.lasted = std::max(counts_.lasted, clock_.moment(steady).time_since_epoch() - CaptureClock::kBefore);
  return steady;
}

// Time goes forward only, and timers run out in between.
void CaptureAnalysis::move_to(std::int64_t at) {
  const TimePoint then = std::max(now_, clock_.moment(at));
  for (TimePoint due = table_.next_due(); due <= then; due = table_.next_due()) {
    now_ = std::max(now_, due);
    table_.advance(now_);
  }
  now_ = then;
  rows_.sweep(table_);
}

void CaptureAnalysis::take_foreign(const CapturedFrame& frame, const FramedPacket& framed, const CapturedPacket& packet,
                                   std::int64_t at) {
  const std::uint64_t way = mix64(std::uint64_t{frame.interface} << 32 | framed.seen_at) ^ framed.tags;
  if (duplicates_.is_second_view(packet.view, way, at)) {
    ++counts_.second_views;
    return;
  }
  ++counts_.packets;
  counts_.fragments += packet.view.is_fragment ? 1 : 0;
  counts_.tunnelled += framed.is_tunnelled ? 1 : 0;
  counts_.truncated += frame.bytes.size() < frame.original_length ? 1 : 0;
  if (checksums_.is_bad(packet)) {
    ++counts_.bad_checksums;
    table_.bad_checksum(packet.view, side_by_endpoints(packet.view));
    return;
  }
  pass_in_turn(packet.view, at);
}

// The clock has gone back far, and the next thing is that a connection begins which was there: not a clock that was
// set, but an older capture behind this one.
void CaptureAnalysis::begin_appended(const PacketView& view, Side side) {
  may_be_appended_ = false;
  const bool is_syn = view.is_tcp() && view.tcp.has(tcp_flag::kSyn) && !view.tcp.has(tcp_flag::kAck);
  if (!is_syn || !early_.knows(view, side)) return;
  pass_all(early_.take_all());
  table_.close_all(now_);
  early_ = EarlyAcks();
}

void CaptureAnalysis::pass_in_turn(const PacketView& view, std::int64_t at) {
  const std::optional<Side> side = fragment_sides_.side_or_keep(view, at);
  if (!side) return;
  pass_in_turn(view, *side, at);
  for (const FragmentSides::Waiting& one : fragment_sides_.take_behind(view)) {
    PacketView later;
    if (parse_packet(one.bytes, later) == ParseError::none) pass_in_turn(later, *side, one.at);
  }
}

void CaptureAnalysis::pass_in_turn(const PacketView& view, Side side, std::int64_t at) {
  if (may_be_appended_) begin_appended(view, side);
  pass_all(early_.ripe_before(view, side, at));
  if (!view.is_tcp() || view.is_fragment) return pass(view, side, at);
  if (early_.keep_early(view, side, at)) return;
  pass(view, side, at);
  pass_all(early_.ripe_after(view, side));
}

void CaptureAnalysis::count_stray(const PacketView& view) {
  if (!view.is_fragment) ++counts_.strays[static_cast<std::size_t>(stray_of(view))];
}

void CaptureAnalysis::pass(const PacketView& view, Side side, std::int64_t at) {
  if (view.is_tcp()) early_.seen(view, side);
  move_to(at);
  rows_.set_link(options_.name, false);
  const FlowPosition flow = table_.arrive(view, side, now_);
  if (!flow.connection) count_stray(view);
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
    view.has_cut_options = segment.has_cut_options;
    pass(view, segment.side, segment.at);
  }
}

void CaptureAnalysis::take_ours(const LaneMark& mark, const CaptureNote& note, const CapturedPacket& packet) {
  rows_.set_link(mark.link, true);
  if (note.kind != CaptureNote::Kind::arrived) {
    ++counts_.departures;
    return landed(note, packet.view);
  }
  if (mark.lane == CaptureLane::lost || note.fate.dropped == DropReason::malformed) {
    ++counts_.unreadable;
    return;
  }
  ++counts_.packets;
  arrived(mark.lane == CaptureLane::near ? Side::near : Side::far, note, packet.view);
}

void CaptureAnalysis::arrived(Side side, const CaptureNote& note, const PacketView& view) {
  Travelling packet{{}, note.fate, now_, side, 0, note.has_bad_checksum};
  for (std::uint8_t copy = 0; copy < note.fate.copies; ++copy) {
    const TimePoint after = note.fate.release_at[copy];
    packet.fate.release_at[copy] = after == kNever ? kNever : now_ + after.time_since_epoch();
    if (note.fate.lost[copy] == DropReason::none) ++packet.copies;
  }
  if (packet.is_damaged) {
    ++counts_.bad_checksums;
    table_.bad_checksum(view, side);
  } else {
    packet.connection = table_.arrive(view, side, now_).connection;
    if (!packet.connection) count_stray(view);
    table_.sent(packet.connection, view, side, packet.fate, now_);
  }
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
  if (!packet.is_damaged) follow(packet, note, view);
  if (--packet.copies == 0) travelling_.erase(found);
}

void CaptureAnalysis::follow(Travelling& packet, const CaptureNote& note, const PacketView& view) {
  if (note.kind == CaptureNote::Kind::lost) {
    table_.lost(packet.connection, view, packet.side, packet.arrived, note.reason, note.copy, now_);
    return;
  }
  packet.fate.release_at[note.copy] = packet.arrived + note.fate.release_at[note.copy].time_since_epoch();
  table_.delivered(packet.connection, view, packet.side, packet.arrived, packet.fate, note.copy, now_);
}

}  // namespace wobble::daemon
