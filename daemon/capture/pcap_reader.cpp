#include "daemon/capture/pcap_reader.h"

#include <algorithm>
#include <array>

#include "daemon/capture/pcapng_reader.h"

namespace wobble::daemon {

PcapReader::PcapReader(CaptureInput input, ByteOrder order, bool nanoseconds)
    : input_(std::move(input)), order_(order), nanoseconds_(nanoseconds) {
  std::array<std::uint8_t, 20> header{};
  input_.read_whole(header, "the file header");
  const std::uint16_t major = order_.u16(header, 0);
  const std::uint16_t minor = order_.u16(header, 2);
  if (major != 2) throw CaptureError("pcap version " + std::to_string(major) + " is not known, only 2", 4);
  is_swapped_version_ = minor < 3;
  // The upper half says whether frames end with their check sequence, which the IP length leaves out by itself.
  interfaces_.push_back({static_cast<std::uint16_t>(order_.u32(header, 16)), order_.u32(header, 12), "", "", ""});
}

bool PcapReader::next(CapturedFrame& frame) {
  constexpr std::size_t kHeader = 16;
  const std::uint64_t at = input_.offset();
  const std::span<const std::uint8_t> header = input_.take(kHeader);
  if (header.empty()) return false;
  if (header.size() < kHeader) throw CaptureError("a frame's header is cut off", at);
  std::uint32_t captured = order_.u32(header, 8);
  std::uint32_t original = order_.u32(header, 12);
  if (is_swapped_version_) std::swap(captured, original);
  if (captured > kLongestRecord) {
    throw CaptureError("a frame says that it has " + std::to_string(captured) + " bytes", at);
  }
  const std::int64_t unit = nanoseconds_ ? 1 : 1000;
  frame.at = std::int64_t{order_.u32(header, 0)} * kNanosecondsPerSecond + std::int64_t{order_.u32(header, 4)} * unit;
  frame.interface = 0;
  frame.original_length = std::max(original, captured);
  frame.bytes = input_.take(captured);
  if (frame.bytes.size() < captured) throw CaptureError("a frame is cut off", at + kHeader);
  frame.comment = {};
  frame.missed = 0;
  return true;
}

std::unique_ptr<CaptureReader> read_capture(std::unique_ptr<ByteSource> source) {
  CaptureInput input(std::move(source));
  std::array<std::uint8_t, 4> magic{};
  const std::size_t n = input.read(magic);
  if (n == 0) throw CaptureError("it is empty", 0);
  constexpr ByteOrder kLittle{false}, kBig{true};
  if (n == magic.size()) {
    if (kLittle.u32(magic, 0) == kSectionHeader) return std::make_unique<PcapngReader>(std::move(input));
    for (const ByteOrder order : {kLittle, kBig}) {
      const std::uint32_t value = order.u32(magic, 0);
      if (value == 0xa1b2c3d4 || value == 0xa1b23c4d) {
        return std::make_unique<PcapReader>(std::move(input), order, value == 0xa1b23c4d);
      }
    }
  }
  throw CaptureError("it is no capture: pcap or pcapng is expected, plain or in gzip", 0);
}

}  // namespace wobble::daemon
