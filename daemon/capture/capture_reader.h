// A capture file as a stream of frames, whatever its format: pcap (both byte orders, micro- and nanoseconds) and pcapng
// (sections of both byte orders, several interfaces, if_tsresol, if_tsoffset; enhanced, simple and the old packet
// blocks; what is not known is skipped).
//
// Sources: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/capture/byte_source.h"

namespace wobble::daemon {

/// LINKTYPE_ values, as the two formats write them.
namespace link_type {
inline constexpr std::uint16_t kNull = 0, kEthernet = 1, kRawOpenBsd = 14, kRawBsd = 12, kRaw = 101, kLoop = 108,
                               kCooked = 113, kIpv4 = 228, kIpv6 = 229, kCooked2 = 276, kPpp = 9, kPppHdlc = 50,
                               kPppoe = 51, kCiscoHdlc = 104, kWifi = 105, kPrism = 119, kRadiotap = 127, kAvs = 163,
                               kPpi = 192, kPppWithDirection = 204, kNflog = 239;
}

struct CaptureInterface {
  std::uint16_t link_type = 0;
  std::uint32_t snap_length = 0;  ///< 0: no limit
  std::string name;               ///< if_name, or empty
  std::string description;
  std::string hardware;
};

struct CapturedFrame {
  std::int64_t at = 0;                  ///< nanoseconds since the Unix epoch
  std::uint32_t interface = 0;          ///< index into interfaces()
  std::uint32_t original_length = 0;    ///< on the wire; never below bytes.size()
  std::span<const std::uint8_t> bytes;  ///< what was kept of it; valid until the next call
  std::string_view comment;             ///< its first comment, or empty; valid as long
  std::uint64_t missed = 0;             ///< epb_dropcount: packets the capture lost before this one
};

inline constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;
inline constexpr std::uint16_t kPcapngComment = 1;  ///< the option's code

/// Longer records are taken for damage.
inline constexpr std::uint32_t kLongestRecord = 16u << 20;

class CaptureReader {
 public:
  virtual ~CaptureReader() = default;
  /// The next frame; false at the end. CaptureError for damage: nothing can be read behind it.
  virtual bool next(CapturedFrame& frame) = 0;
  /// Over all sections; grows while reading.
  const std::vector<CaptureInterface>& interfaces() const noexcept { return interfaces_; }

 protected:
  std::vector<CaptureInterface> interfaces_;
};

/// By the file's first bytes. CaptureError if it is neither format.
std::unique_ptr<CaptureReader> read_capture(std::unique_ptr<ByteSource> source);

}  // namespace wobble::daemon
