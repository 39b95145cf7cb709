#include "daemon/capture/replay.h"

#include <algorithm>
#include <charconv>
#include <exception>

#include "daemon/capture/capture_clock.h"
#include "daemon/capture/capture_notes.h"
#include "daemon/capture/duplicate_frames.h"
#include "daemon/capture/link_capture.h"
#include "daemon/capture/link_layer.h"
#include "daemon/capture/pcap_writer.h"
#include "daemon/capture/sorted_frames.h"
#include "emulator/chance/random.h"

namespace wobble::daemon {
namespace {

constexpr std::size_t kMostHosts = 65'536;
constexpr std::uint32_t kSnapLength = 65'535;
constexpr std::size_t kFlush = std::size_t{256} << 10;
constexpr char kName[] = "replay";

/// Nobody asks a replay for its connections; `wobble analyze` tells them from its output.
class Unobserved final : public ConnectionObserver {
 public:
  void on(const ConnectionOpened&) noexcept override {}
  void on(const Transition&) noexcept override {}
  void on(const ConnectionClosed&) noexcept override {}
  void on(const SegmentRecord&) noexcept override {}
};

LinkOptions link_options(const ReplayOptions& options) {
  LinkOptions out;
  out.seed = options.seed;
  out.connections.capacity = options.connections;
  return out;
}

class Run {
 public:
  Run(const ReplayOptions& options, const std::function<void(std::string_view)>& write)
      : options_(options), write_(write), link_(link_options(options), observer_, now_) {
    link_.apply(options.conditions, now_);
    if (options.format == ReplayFormat::pcap) {
      write_pcap_header(out_, kSnapLength);
      return;
    }
    tap_ = std::make_shared<CaptureTap>(api::CaptureOptions{});
    link_.add_tap(tap_);
    write_link_preamble(out_, kName, kSnapLength);
  }

  void admit(const PacketView& packet, Side side, std::int64_t at) {
    if (!has_begun_) clock_ = CaptureClock(at);
    has_begun_ = true;
    move_to(std::max(now_, clock_.moment(at)));
    link_.admit(packet.bytes, side, now_);
    write_sights();
  }
  /// Until nothing is in flight.
  void drain() {
    const auto in_flight = [&] {
      const LinkStats stats = link_.stats(now_);
      return stats.up.packets_in_flight + stats.down.packets_in_flight;
    };
    while (in_flight() > 0) move_to(std::max(now_, link_.next_due()));
    flush();
  }
  ReplayCounts finish(ReplayCounts counts) {
    const LinkStats stats = link_.stats(now_);
    counts.up = stats.up.total;
    counts.down = stats.down.total;
    return counts;
  }
  std::uint64_t left() const { return left_; }

 private:
  void move_to(TimePoint then) {
    for (TimePoint due = link_.next_due(); due <= then; due = link_.next_due()) {
      now_ = std::max(now_, due);
      link_.advance(now_);
      for (const Direction direction : {Direction::up, Direction::down}) {
        while (auto packet = link_.pop_due(direction, now_)) {
          if (!tap_) write_pcap_frame(out_, clock_.wall_time(now_), packet->buffer.bytes(), packet->wire_bytes);
          link_.complete(*packet, direction, true, now_);
          ++left_;
        }
      }
      write_sights();
    }
    now_ = then;
  }
  void write_sights() {
    CaptureTap::Sight sight;
    while (tap_ && tap_->next(sight)) write_sight(out_, clock_.wall_time(sight.at), sight);
    if (out_.size() > kFlush) flush();
  }
  void flush() {
    write_(out_);
    out_.clear();
  }

  const ReplayOptions& options_;
  const std::function<void(std::string_view)>& write_;
  TimePoint now_{CaptureClock::kBefore};  ///< the first packet's
  Unobserved observer_;
  Link link_;
  std::shared_ptr<CaptureTap> tap_;
  std::string out_;
  CaptureClock clock_;
  bool has_begun_ = false;
  std::uint64_t left_ = 0;
};

}  // namespace

std::optional<AddressPrefix> AddressPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned before = address->is_v4() ? 96 : 0;  // IPv4 stands behind twelve bytes
  AddressPrefix prefix{*address, 128};
  if (slash == std::string_view::npos) return prefix;
  const std::string_view number = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), bits);
  if (error != std::errc() || end != number.data() + number.size() || bits > 128 - before) return std::nullopt;
  prefix.bits = before + bits;
  return prefix;
}

bool AddressPrefix::holds(const IpAddress& other) const noexcept {
  for (unsigned i = 0; i < 16 && i * 8 < bits; ++i) {
    const unsigned kept = std::min(8u, bits - i * 8);
    const auto mask = static_cast<std::uint8_t>(0xff00u >> kept);
    if (((address.bytes[i] ^ other.bytes[i]) & mask) != 0) return false;
  }
  return true;
}

std::optional<Side> HostSides::known(const IpAddress& host) const {
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Side> HostSides::arrival_of(const PacketView& packet, std::int64_t at) {
  if (near_) {
    const bool from_near = near_->holds(packet.source);
    if (from_near == near_->holds(packet.destination)) return std::nullopt;
    return from_near ? Side::near : Side::far;
  }
  if (packet.source == packet.destination) {
    const std::optional<Side> side = fragments_.side_or_keep(packet, at);
    return side ? std::optional(opposite(*side)) : std::nullopt;  // there the lower port is near
  }
  std::optional<Side> source = known(packet.source);
  std::optional<Side> destination = known(packet.destination);
  if (source && destination) return *source == *destination ? std::nullopt : source;
  if (!source && destination) source = opposite(*destination);
  if (!source) {
    const bool is_syn = packet.is_tcp() && packet.tcp.has(tcp_flag::kSyn);
    const bool opens = is_syn ? !packet.tcp.has(tcp_flag::kAck) : packet.source_port >= packet.destination_port;
    source = opens ? Side::near : Side::far;
  }
  if (hosts_.size() + 2 <= kMostHosts) {
    hosts_.try_emplace(packet.source, *source);
    hosts_.try_emplace(packet.destination, opposite(*source));
  }
  return source;
}

namespace {

/// Of a capture, what a link would have been given: which packets, and on which side each arrived.
class Arrivals {
 public:
  Arrivals(const ReplayOptions& options, ReplayCounts& counts) : sides_(options.near), counts_(counts) {}

  /// `at`: steady. True if `packet` and `side` are those of an arrival.
  bool take(const CaptureReader& reader, const CapturedFrame& frame, std::int64_t at, CapturedPacket& packet,
            Side& side) {
    const CaptureInterface& interface = reader.interfaces()[frame.interface];
    const std::optional<LaneMark> lane = parse_lane_mark(interface.hardware);
    const std::optional<CaptureNote> note = lane ? parse_note(frame.comment) : std::nullopt;
    if (note && note->kind != CaptureNote::Kind::arrived) return leave_out(counts_.departures);
    FramedPacket framed;
    if (find_packet(interface.link_type, frame.bytes, frame.original_length, framed) != FrameContent::ip ||
        restorer_.read(framed.bytes, framed.original_length, packet) != ParseError::none ||
        packet.view.length != packet.view.bytes.size()) {
      return leave_out(counts_.not_read);
    }
    const std::uint64_t way = mix64(std::uint64_t{frame.interface} << 32 | framed.seen_at) ^ framed.tags;
    if (!lane && duplicates_.is_second_view(packet.view, way, at)) return leave_out(counts_.second_views);
    const auto arrived_on =
        note && !sides_.has_prefix() ? std::optional(side_of(*lane)) : sides_.arrival_of(packet.view, at);
    if (!arrived_on) return leave_out(counts_.one_sided);
    side = *arrived_on;
    return true;
  }

 private:
  static Side side_of(const LaneMark& lane) { return lane.lane == CaptureLane::far ? Side::far : Side::near; }
  bool leave_out(std::uint64_t& why) {
    ++why;
    ++counts_.left_out;
    return false;
  }

  HostSides sides_;
  PacketRestorer restorer_;
  DuplicateFrames duplicates_;
  ReplayCounts& counts_;
};

}  // namespace

ReplayCounts replay(CaptureReader& reader, const ReplayOptions& options,
                    const std::function<void(std::string_view)>& write) {
  ReplayCounts counts;
  Arrivals arrivals(options, counts);
  SortedFrames frames(reader);
  Run run(options, write);
  std::exception_ptr damage;
  CapturedFrame frame;
  try {
    while (frames.next(frame)) {
      ++counts.frames;
      CapturedPacket packet;
      Side side{};
      const std::int64_t at = frames.steady_time();
      if (!arrivals.take(reader, frame, at, packet, side)) continue;
      ++counts.admitted;
      run.admit(packet.view, side, at);
    }
  } catch (const CaptureError&) {
    damage = std::current_exception();
  }
  run.drain();
  if (damage) std::rethrow_exception(damage);
  counts.left = run.left();
  return run.finish(counts);
}

}  // namespace wobble::daemon
