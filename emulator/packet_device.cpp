#include "emulator/packet_device.h"

#include <algorithm>

namespace wobble {

ReadResult MemoryDevice::read(std::span<std::uint8_t> buffer, std::size_t& length, Offload& offload) noexcept {
  if (to_read.empty()) return ReadResult::nothing;
  const Packet& packet = to_read.front();
  length = std::min(packet.bytes.size(), buffer.size());
  std::copy_n(packet.bytes.begin(), length, buffer.begin());
  offload = packet.offload;
  to_read.pop_front();
  return ReadResult::packet;
}

bool MemoryDevice::write(std::span<const std::uint8_t> packet, const Offload& offload) noexcept {
  written.push_back({{packet.begin(), packet.end()}, offload});
  return true;
}

}  // namespace wobble
