#include "daemon/capture/link_capture.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "daemon/capture/pcap_writer.h"

namespace wobble::daemon {
namespace {

constexpr std::size_t kLongest = 65'536;
constexpr Duration kPause = std::chrono::milliseconds(2);  // between two looks into an empty ring
constexpr Duration kHeartbeat = std::chrono::seconds(1);
constexpr std::size_t kMaxChunk = std::size_t{256} << 10;  // bytes handed out at once

Side side_of(const PacketSighting& packet, bool is_leaving) {
  return is_leaving ? opposite(packet.arrived_on) : packet.arrived_on;
}

/// What is not known yet stays kNever.
void count_from(TimePoint arrived, Fate& fate) {
  for (TimePoint& release_at : fate.release_at) {
    if (release_at != kNever) release_at = TimePoint(std::max(release_at - arrived, Duration(0)));
  }
}

CaptureLane lane_of(Side side) { return side == Side::near ? CaptureLane::near : CaptureLane::far; }

}  // namespace

/// In the ring before each packet's bytes. Plain values of this process: copied as they are.
struct CaptureTap::Header {
  CaptureNote note;
  CaptureLane lane = CaptureLane::near;
  TimePoint at;
  std::uint64_t missed = 0;
  std::uint32_t original_length = 0;
  std::uint32_t kept = 0;
};

CaptureTap::CaptureTap(const api::CaptureOptions& options, std::size_t ring)
    : snap_length_(options.snap_length),
      port_(options.port.value_or(0)),
      mask_(ring - 1),
      ring_(new std::uint8_t[ring]),
      segment_(kLongest),
      bytes_(kLongest) {}

bool CaptureTap::is_wanted(const PacketSighting& packet) noexcept {
  if (port_ == 0) return true;
  if (packet.packet == nullptr) return false;
  const PacketView view = packet.packet->segment(packet.segment);
  const bool has_port = view.source_port == port_ || view.destination_port == port_;
  const std::optional<Fragment> fragment = Fragment::of(view);
  if (!fragment) return has_port;
  const bool is_known = std::ranges::find(wanted_, fragment->key) != wanted_.end();
  if (has_port && !is_known) wanted_[next_wanted_++ % wanted_.size()] = fragment->key;
  return has_port || (is_known && !view.has_transport);
}

/// The segment as it is on the wire: cut out of its super-packet, and summed.
std::span<const std::uint8_t> CaptureTap::wire_bytes(const PacketSighting& packet) noexcept {
  const bool is_plain =
      packet.packet == nullptr || (packet.packet->count() == 1 && !packet.packet->offload().needs_checksum);
  if (is_plain) return packet.bytes;
  const std::uint32_t size = packet.packet->run_size(packet.segment, 1);
  if (size == 0 || size > segment_.size()) return packet.bytes;
  const std::span<std::uint8_t> out = std::span(segment_).first(size);
  Offload offload = packet.packet->copy_run(packet.segment, 1, out);
  PacketView view;
  if (parse_packet(out, view) == ParseError::none) complete_checksum(view, out, offload);
  return out;
}

void CaptureTap::put(std::size_t at, const void* from, std::size_t size) noexcept {
  const std::size_t begin = at & mask_;
  const std::size_t first = std::min(size, mask_ + 1 - begin);
  std::memcpy(ring_.get() + begin, from, first);
  std::memcpy(ring_.get(), static_cast<const std::uint8_t*>(from) + first, size - first);
}

void CaptureTap::get(std::size_t at, void* to, std::size_t size) const noexcept {
  const std::size_t begin = at & mask_;
  const std::size_t first = std::min(size, mask_ + 1 - begin);
  std::memcpy(to, ring_.get() + begin, first);
  std::memcpy(static_cast<std::uint8_t*>(to) + first, ring_.get(), size - first);
}

void CaptureTap::record(const PacketSighting& packet, const Header& what) noexcept {
  const std::span<const std::uint8_t> bytes = wire_bytes(packet);
  Header header = what;
  header.note.number = packet.number;
  header.original_length = static_cast<std::uint32_t>(bytes.size());
  header.kept = std::min(header.original_length, snap_length_);
  header.missed = untold_missed_;
  const std::size_t head = head_.load(std::memory_order_relaxed);
  const std::size_t used = head - tail_.load(std::memory_order_acquire);
  if (mask_ + 1 - used < sizeof header + header.kept) {
    ++untold_missed_;
    missed_.store(missed_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return;
  }
  untold_missed_ = 0;
  put(head, &header, sizeof header);
  put(head + sizeof header, bytes.data(), header.kept);
  head_.store(head + sizeof header + header.kept, std::memory_order_release);
}

void CaptureTap::arrived(const PacketSighting& packet, const Fate& fate, TimePoint now) noexcept {
  if (!is_wanted(packet)) return;
  Header header;
  header.note.fate = fate;
  header.note.has_bad_checksum = packet.has_bad_checksum;
  count_from(now, header.note.fate);
  header.lane = lane_of(side_of(packet, false));
  header.at = now;
  record(packet, header);
}

void CaptureTap::left(const PacketSighting& packet, const PacketDeparture& copy, TimePoint now) noexcept {
  if (!is_wanted(packet)) return;
  Header header;
  header.note.kind = CaptureNote::Kind::left;
  header.note.fate = copy.fate;
  count_from(copy.arrived, header.note.fate);
  header.note.copy = copy.copy;
  header.note.word = word_for(copy.fate, copy.arrived);
  header.note.after = now - copy.arrived;
  header.lane = lane_of(side_of(packet, true));
  header.at = now;
  record(packet, header);
}

void CaptureTap::lost(const PacketSighting& packet, const PacketDeparture& copy, DropReason reason,
                      TimePoint now) noexcept {
  if (!is_wanted(packet)) return;
  Header header;
  header.note.kind = CaptureNote::Kind::lost;
  header.note.fate = copy.fate;
  count_from(copy.arrived, header.note.fate);
  header.note.copy = copy.copy;
  header.note.reason = reason;
  header.note.word = word_for(copy.fate, copy.arrived);
  header.note.after = now - copy.arrived;
  header.lane = CaptureLane::lost;
  header.at = now;
  record(packet, header);
}

bool CaptureTap::next(Sight& sight) {
  const std::size_t tail = tail_.load(std::memory_order_relaxed);
  if (head_.load(std::memory_order_acquire) == tail) return false;
  Header header;
  get(tail, &header, sizeof header);
  get(tail + sizeof header, bytes_.data(), header.kept);
  tail_.store(tail + sizeof header + header.kept, std::memory_order_release);
  sight = {header.note,   header.lane,
           header.at,     header.original_length,
           header.missed, std::span<const std::uint8_t>(bytes_).first(header.kept)};
  return true;
}

void write_link_preamble(std::string& out, const std::string& link, std::uint32_t snap_length, std::int64_t behind) {
  write_section_header(out, std::string("wobble ") + WOBBLE_VERSION,
                       "Each packet stands where it arrived, and once more for each copy where it left; one that was "
                       "lost in between stands on the interface 'lost'. The comments say what was done to it.");
  const auto describe = [&](CaptureLane lane, const char* name, std::string_view description) {
    const std::string mark = lane_mark(lane, link, behind);
    const std::string label = link + " " + name;
    write_interface(out, snap_length, {label, description, mark});
  };
  describe(CaptureLane::near, "near", "the link's near side: what arrives from there, and what leaves towards it");
  describe(CaptureLane::far, "far", "the link's far side: what arrives from there, and what leaves towards it");
  describe(CaptureLane::lost, "lost", "what was on its way and was dropped after all");
}

void write_sight(std::string& out, api::WallTime at, const CaptureTap::Sight& sight) {
  FrameText text;
  if (sight.note.kind == CaptureNote::Kind::arrived) text.direction = FrameDirection::in;
  if (sight.note.kind == CaptureNote::Kind::left) text.direction = FrameDirection::out;
  text.missed = sight.missed;
  const std::string comment = print_note(sight.note);
  text.comment = comment;
  write_packet(out, static_cast<std::uint32_t>(sight.lane), at, sight.bytes, sight.original_length, text);
}

LinkCapture::LinkCapture(std::string link, const api::CaptureOptions& options, std::shared_ptr<CaptureTap> tap,
                         std::function<api::WallTime(TimePoint)> wall_clock, std::function<void()> detach)
    : link_(std::move(link)),
      options_(options),
      tap_(std::move(tap)),
      wall_clock_(std::move(wall_clock)),
      detach_(std::move(detach)),
      began_(std::chrono::steady_clock::now()) {}

LinkCapture::~LinkCapture() {
  if (!has_ended_) detach_();
}

void LinkCapture::write(std::string& out, const CaptureTap::Sight& sight) {
  const api::WallTime at = wall_clock_(sight.at);
  const std::int64_t offset = at - sight.at.time_since_epoch().count();
  if (!offset_) offset_ = offset;
  if (const std::int64_t behind = *offset_ - offset; behind != behind_) {
    behind_ = behind;
    write_link_preamble(out, link_, options_.snap_length, behind);
  }
  write_sight(out, at, sight);
  ++written_[static_cast<std::size_t>(sight.lane)];
  if (sight.note.kind == CaptureNote::Kind::arrived) ++arrivals_;
}

bool LinkCapture::is_over() const {
  if (tap_->has_ended()) return true;
  if (options_.lasts && std::chrono::steady_clock::now() - began_ >= *options_.lasts) return true;
  return options_.packets && arrivals_ >= *options_.packets;
}

// What the link saw up to here is still in the ring.
void LinkCapture::end(std::string& out) {
  has_ended_ = true;
  detach_();
  CaptureTap::Sight sight;
  while (!(options_.packets && arrivals_ >= *options_.packets) && tap_->next(sight)) write(out, sight);
  const api::WallTime at = wall_clock_(std::chrono::steady_clock::now());
  for (const std::uint32_t lane : {0u, 1u, 2u})
    write_statistics(out, lane, at, written_[lane], lane == 0 ? tap_->missed() : 0);
}

bool LinkCapture::read(std::string& out, Duration at_most) {
  if (has_ended_) return false;
  if (!has_begun_) {
    has_begun_ = true;
    write_link_preamble(out, link_, options_.snap_length);
    return true;
  }
  const TimePoint until = std::chrono::steady_clock::now() + at_most;
  for (;;) {
    CaptureTap::Sight sight;
    while (!is_over() && out.size() < kMaxChunk && tap_->next(sight)) write(out, sight);
    if (is_over()) {
      end(out);
      return true;
    }
    const TimePoint now = std::chrono::steady_clock::now();
    if (out.empty() && now - spoke_ >= kHeartbeat)
      write_statistics(out, 0, wall_clock_(now), written_[0], tap_->missed());
    if (!out.empty()) spoke_ = now;
    if (!out.empty() || now >= until) return true;
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace wobble::daemon
