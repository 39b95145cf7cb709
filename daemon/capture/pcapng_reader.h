#pragma once

#include <vector>

#include "daemon/capture/byte_order.h"
#include "daemon/capture/capture_reader.h"

namespace wobble::daemon {

/// The type of the block with which a file begins; it reads the same in both byte orders.
inline constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;

/// pcapng, behind the type of its first block: blocks of  0 type | 4 total length | body | total length, each with
/// options at its end.
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

}  // namespace wobble::daemon
