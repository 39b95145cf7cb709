#include "daemon/capture/pcapng_reader.h"

#include <algorithm>
#include <array>
#include <limits>

namespace wobble::daemon {
namespace {

constexpr std::uint32_t kInterface = 1, kOldPacket = 2, kSimplePacket = 3, kEnhancedPacket = 6;
constexpr std::uint16_t kIfName = 2, kIfDescription = 3, kDropCount = 4, kIfResolution = 9, kIfOffset = 14,
                        kIfHardware = 15;
constexpr std::size_t kMostInterfaces = 65'536;
constexpr std::size_t kFrame = 12;  // type, length, length again

constexpr std::size_t padded(std::size_t n) { return (n + 3) & ~std::size_t{3}; }

std::string text_before_zero(std::span<const std::uint8_t> value) {
  const auto end = std::find(value.begin(), value.end(), std::uint8_t{0});
  return {value.begin(), end};
}

std::uint64_t power_of_ten(unsigned exponent) {
  std::uint64_t power = 1;
  for (unsigned i = 0; i < exponent; ++i) power *= 10;
  return power;
}

}  // namespace

// What is beyond the years 1678 to 2262 is brought to their end.
std::int64_t PcapngReader::Clock::nanoseconds(std::uint64_t ticks) const noexcept {
  using Wide = __int128;
  const unsigned exponent = resolution & 0x7f;
  Wide time = 0;
  if ((resolution & 0x80) != 0) {
    time = exponent < 64 ? Wide{ticks} * kNanosecondsPerSecond >> exponent : 0;
  } else if (exponent <= 9) {
    time = Wide{ticks} * power_of_ten(9 - exponent);
  } else {
    time = exponent - 9 <= 19 ? Wide{ticks / power_of_ten(exponent - 9)} : 0;
  }
  time += Wide{offset} * kNanosecondsPerSecond;
  constexpr Wide kLeast = std::numeric_limits<std::int64_t>::min(), kMost = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::clamp(time, kLeast, kMost));
}

PcapngReader::PcapngReader(CaptureInput input) : input_(std::move(input)) { begin_section(0); }

// Behind the block's type, which reads the same in both byte orders.
void PcapngReader::begin_section(std::uint64_t at) {
  std::array<std::uint8_t, 8> head{};
  input_.read_whole(head, "a section header");
  constexpr std::uint32_t kMagic = 0x1a2b3c4d;
  if (ByteOrder{true}.u32(head, 4) == kMagic) {
    order_.big = true;
  } else if (ByteOrder{false}.u32(head, 4) == kMagic) {
    order_.big = false;
  } else {
    throw CaptureError("a section header has no byte-order magic", at);
  }
  const std::uint32_t total = order_.u32(head, 0);
  if (total < 28 || total > kLongestRecord) {
    throw CaptureError("a section header says that it has " + std::to_string(total) + " bytes", at);
  }
  body_.resize(total - 12);
  input_.read_whole(body_, "a section header");
  if (order_.u32(body_, body_.size() - 4) != total) throw CaptureError("a block's two lengths differ", at);
  const std::uint16_t major = order_.u16(body_, 0);
  if (major != 1) throw CaptureError("pcapng version " + std::to_string(major) + " is not known, only 1", at);
  first_interface_ = interfaces_.size();
}

void PcapngReader::read_body(std::uint32_t total_length, std::uint64_t at) {
  if (total_length > kLongestRecord) {
    throw CaptureError("a block says that it has " + std::to_string(total_length) + " bytes", at);
  }
  body_.resize(total_length - kFrame + 4);
  input_.read_whole(body_, "a block");
  // Some writers do not pad: neither the block, or the block but not its length.
  if (const std::size_t over = total_length % 4; over != 0 && order_.u32(body_, body_.size() - 4) != total_length) {
    body_.resize(body_.size() + 4 - over);
    input_.read_whole(std::span(body_).last(4 - over), "a block");
  }
  if (order_.u32(body_, body_.size() - 4) != total_length) throw CaptureError("a block's two lengths differ", at);
  body_.resize(body_.size() - 4);
  is_padded_ = body_.size() % 4 == 0;
}

template <typename Take>
void PcapngReader::each_option(std::size_t from, Take take) const {
  const std::span<const std::uint8_t> all(body_);
  while (from + 4 <= all.size()) {
    const std::uint16_t code = order_.u16(all, from);
    const std::size_t length = order_.u16(all, from + 2);
    if (code == 0 || length > all.size() - from - 4) return;
    take(code, all.subspan(from + 4, length));
    from += 4 + padded(length);
  }
}

// 0 link type | 2 reserved | 4 snap length | options
void PcapngReader::add_interface(std::uint64_t at) {
  if (body_.size() < 8) throw CaptureError("an interface description is too short", at);
  if (interfaces_.size() >= kMostInterfaces) throw CaptureError("there are too many interfaces", at);
  CaptureInterface description{order_.u16(body_, 0), order_.u32(body_, 4), "", "", ""};
  Clock clock;
  each_option(8, [&](std::uint16_t code, std::span<const std::uint8_t> value) {
    if (code == kIfName) description.name = text_before_zero(value);
    if (code == kIfDescription) description.description = text_before_zero(value);
    if (code == kIfHardware) description.hardware = text_before_zero(value);
    if (code == kIfResolution && value.size() == 1) clock.resolution = value[0];
    if (code == kIfOffset && value.size() == 8) clock.offset = static_cast<std::int64_t>(order_.u64(value, 0));
  });
  interfaces_.push_back(std::move(description));
  clocks_.push_back(clock);
}

// enhanced: 0 interface | 4 time, high | 8 low | 12 captured | 16 original | 20 bytes | options
// old:      0 interface | 2 drops | 4 time, high | 8 low | 12 captured | 16 original | 20 bytes | options
// simple:   0 original | 4 bytes; of the section's first interface, without a time
bool PcapngReader::read_packet(std::uint32_t type, CapturedFrame& frame, std::uint64_t at) {
  Packet packet;
  if (body_.size() < (type == kSimplePacket ? 4u : 20u)) throw CaptureError("a packet block is too short", at);
  if (type == kSimplePacket) {
    packet.original = order_.u32(body_, 0);
    packet.bytes_at = 4;
    packet.has_time = false;
    packet.captured = std::min(packet.original, static_cast<std::uint32_t>(body_.size() - 4));
    if (first_interface_ < interfaces_.size()) {
      const std::uint32_t snap = interfaces_[first_interface_].snap_length;
      if (snap != 0) packet.captured = std::min(packet.captured, snap);
    }
  } else {
    packet.interface = type == kOldPacket ? order_.u16(body_, 0) : order_.u32(body_, 0);
    packet.ticks = std::uint64_t{order_.u32(body_, 4)} << 32 | order_.u32(body_, 8);
    packet.captured = order_.u32(body_, 12);
    packet.original = order_.u32(body_, 16);
    packet.bytes_at = 20;
  }
  if (packet.captured > body_.size() - packet.bytes_at) {
    throw CaptureError("a packet is longer than its block", at);
  }
  finish(packet, frame, at);
  return true;
}

void PcapngReader::finish(const Packet& packet, CapturedFrame& frame, std::uint64_t at) {
  if (packet.interface >= interfaces_.size() - first_interface_) {
    throw CaptureError("a packet is of interface " + std::to_string(packet.interface) + ", which is not described", at);
  }
  const std::size_t interface = first_interface_ + packet.interface;
  if (packet.has_time) last_ = clocks_[interface].nanoseconds(packet.ticks);
  frame.at = last_;
  frame.interface = static_cast<std::uint32_t>(interface);
  frame.original_length = std::max(packet.original, packet.captured);
  frame.bytes = std::span<const std::uint8_t>(body_).subspan(packet.bytes_at, packet.captured);
  frame.comment = {};
  frame.missed = 0;
  const std::size_t behind = packet.bytes_at + (is_padded_ ? padded(packet.captured) : packet.captured);
  each_option(behind, [&](std::uint16_t code, std::span<const std::uint8_t> value) {
    if (code == kPcapngComment && frame.comment.empty()) {
      frame.comment = {reinterpret_cast<const char*>(value.data()), value.size()};
    }
    if (code == kDropCount && value.size() == 8) frame.missed = order_.u64(value, 0);
  });
}

bool PcapngReader::next(CapturedFrame& frame) {
  for (;;) {
    const std::uint64_t at = input_.offset();
    std::array<std::uint8_t, 4> word{};
    const std::size_t n = input_.read(word);
    if (n == 0) return false;
    if (n < word.size()) throw CaptureError("a block is cut off", at);
    const std::uint32_t type = order_.u32(word, 0);
    if (type == kSectionHeader) {
      begin_section(at);
      continue;
    }
    input_.read_whole(word, "a block");
    const std::uint32_t total = order_.u32(word, 0);
    if (total < kFrame) {
      throw CaptureError("a block says that it has " + std::to_string(total) + " bytes", at);
    }
    switch (type) {
      case kInterface:
        read_body(total, at);
        add_interface(at);
        break;
      case kOldPacket:
      case kSimplePacket:
      case kEnhancedPacket:
        read_body(total, at);
        if (type == kSimplePacket && first_interface_ >= interfaces_.size()) {
          throw CaptureError("a packet stands before any interface", at);
        }
        return read_packet(type, frame, at);
      default: read_body(total, at);
    }
  }
}

}  // namespace wobble::daemon
