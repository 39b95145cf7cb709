// Captures as bytes, little-endian, raw IP, nanoseconds. Each function appends one whole block to `out`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace wobble::daemon {

/// pcap (LINKTYPE_RAW).
void write_pcap_header(std::string& out, std::uint32_t snap_length);
/// `at`: nanoseconds since the Unix epoch, 0 to the year 2106.
void write_pcap_frame(std::string& out, std::int64_t at, std::span<const std::uint8_t> bytes,
                      std::uint32_t original_length);

/// pcapng.
void write_section_header(std::string& out, std::string_view application, std::string_view comment);

struct InterfaceText {
  std::string_view name;
  std::string_view description;
  std::string_view hardware;
};
void write_interface(std::string& out, std::uint32_t snap_length, const InterfaceText& text);

enum class FrameDirection : std::uint32_t { unknown = 0, in = 1, out = 2 };  ///< epb_flags

struct FrameText {
  FrameDirection direction = FrameDirection::unknown;
  std::uint64_t missed = 0;  ///< before this one
  std::string_view comment;
};
void write_packet(std::string& out, std::uint32_t interface, std::int64_t at, std::span<const std::uint8_t> bytes,
                  std::uint32_t original_length, const FrameText& text);

/// What an interface received, and what the capture missed of it, up to `at`.
void write_statistics(std::string& out, std::uint32_t interface, std::int64_t at, std::uint64_t received,
                      std::uint64_t missed);

}  // namespace wobble::daemon
