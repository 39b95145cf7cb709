// The two formats, each behind its first four bytes, which are given.
#pragma once

#include <array>

#include "daemon/capture/byte_order.h"
#include "daemon/capture/capture_reader.h"

namespace wobble::daemon {

/// pcap:  0 magic | 4 version major, minor | 8 reserved | 16 snap length | 20 link type      then for each frame
///        0 seconds | 4 micro- or nanoseconds | 8 captured length | 12 original length | bytes
class PcapReader final : public CaptureReader {
 public:
  PcapReader(CaptureInput input, ByteOrder order, bool nanoseconds);
  bool next(CapturedFrame& frame) override;

 private:
  CaptureInput input_;
  ByteOrder order_;
  bool nanoseconds_;
  bool is_swapped_version_ = false;  ///< before 2.4 the two lengths stood the other way round
};

/// pcapng: blocks of  0 type | 4 total length | body | total length, each with options at its end.
class PcapngReader final : public CaptureReader {
 public:
  explicit PcapngReader(CaptureInput input);
  bool next(CapturedFrame& frame) override;

 private:
  struct Clock {
    std::uint8_t resolution = 6;  ///< if_tsresol
    std::int64_t offset = 0;      ///< seconds
    std::int64_t nanoseconds(std::uint64_t ticks) const noexcept;
  };
  struct Packet {
    std::uint32_t interface = 0;
    std::uint64_t ticks = 0;
    std::uint32_t captured = 0;
    std::uint32_t original = 0;
    std::size_t bytes_at = 0;  ///< in body_
    bool has_time = true;
  };

  void begin_section(std::uint64_t at);
  void read_body(std::uint32_t total_length, std::uint64_t at);
  void add_interface(std::uint64_t at);
  bool read_packet(std::uint32_t type, CapturedFrame& frame, std::uint64_t at);
  void finish(const Packet& packet, CapturedFrame& frame, std::uint64_t at);
  template <typename Take>
  void each_option(std::size_t from, Take take) const;

  CaptureInput input_;
  ByteOrder order_;
  std::size_t first_interface_ = 0;  ///< of this section, in interfaces_
  std::vector<Clock> clocks_;        ///< beside interfaces_
  std::vector<std::uint8_t> body_;
  bool is_padded_ = true;  ///< of the block in body_: to four bytes
  std::int64_t last_ = 0;
};

inline constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;

}  // namespace wobble::daemon
