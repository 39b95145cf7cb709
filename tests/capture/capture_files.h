// Captures made by hand, in either byte order, by code that shares nothing with the readers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/capture/capture_reader.h"
#include "tests/emulator/packets.h"

namespace wobble::captures {

using packets::Bytes;
using packets::operator+;

/// Of an Ethernet frame, both.
inline const Bytes kMacs(12, 2);

/// What stands before the packet on a link of that type.
struct Framing {
  const char* name;
  std::uint16_t link_type;
  Bytes header;
};

/// Numbers in the byte order of the machine that wrote the capture.
struct Order {
  bool big = false;
  Bytes number(std::uint64_t value, int size) const {
    Bytes out;
    for (int i = 0; i < size; ++i) {
      const int shift = 8 * (big ? size - 1 - i : i);
      out.push_back(static_cast<std::uint8_t>(value >> shift & 0xff));
    }
    return out;
  }
  Bytes u16(std::uint64_t v) const { return number(v, 2); }
  Bytes u32(std::uint64_t v) const { return number(v, 4); }
  Bytes u64(std::uint64_t v) const { return number(v, 8); }
};

inline Bytes text(std::string_view value) { return {value.begin(), value.end()}; }
inline Bytes padded(Bytes bytes) {
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

inline Bytes pcap_header(Order o, std::uint32_t magic, std::uint32_t link_type, std::uint32_t snap = 65535) {
  return o.u32(magic) + o.u16(2) + o.u16(4) + o.u64(0) + o.u32(snap) + o.u32(link_type);
}
inline Bytes pcap_frame(Order o, std::uint32_t seconds, std::uint32_t fraction, const Bytes& frame,
                        std::size_t original = 0) {
  return o.u32(seconds) + o.u32(fraction) + o.u32(frame.size()) + o.u32(original == 0 ? frame.size() : original) +
         frame;
}

inline Bytes option(Order o, std::uint16_t code, const Bytes& value) {
  return o.u16(code) + o.u16(value.size()) + padded(value);
}
inline Bytes block(Order o, std::uint32_t type, const Bytes& body) {
  return o.u32(type) + o.u32(body.size() + 12) + body + o.u32(body.size() + 12);
}
inline Bytes section(Order o) { return block(o, 0x0a0d0d0a, o.u32(0x1a2b3c4d) + o.u16(1) + o.u16(0) + o.u64(~0ULL)); }
inline Bytes interface(Order o, std::uint16_t link_type, const Bytes& options = {}, std::uint32_t snap = 0) {
  return block(o, 1, o.u16(link_type) + o.u16(0) + o.u32(snap) + options);
}
inline Bytes enhanced(Order o, std::uint32_t interface, std::uint64_t ticks, const Bytes& frame,
                      const Bytes& options = {}, std::size_t original = 0) {
  return block(o, 6,
               o.u32(interface) + o.u32(ticks >> 32) + o.u32(ticks & 0xffffffff) + o.u32(frame.size()) +
                   o.u32(original == 0 ? frame.size() : original) + padded(frame) + options);
}

inline std::unique_ptr<daemon::CaptureReader> reader_of(const Bytes& bytes) {
  return daemon::read_capture(std::make_unique<daemon::MemorySource>(bytes));
}

struct Frame {
  std::int64_t at;
  std::uint32_t interface;
  std::uint32_t original_length;
  Bytes bytes;
  std::string comment;
  bool operator==(const Frame&) const = default;
};
/// Every frame, and the error at the end, if there is one ("what @offset").
struct Contents {
  std::vector<Frame> frames;
  std::string error;
};
inline Contents contents_of(const Bytes& bytes) {
  Contents out;
  try {
    const auto reader = reader_of(bytes);
    daemon::CapturedFrame frame;
    while (reader->next(frame)) {
      out.frames.push_back({frame.at, frame.interface, frame.original_length,
                            Bytes(frame.bytes.begin(), frame.bytes.end()), std::string(frame.comment)});
    }
  } catch (const daemon::CaptureError& error) {
    out.error = std::string(error.what()) + " @" + std::to_string(error.offset);
  }
  return out;
}

}  // namespace wobble::captures
