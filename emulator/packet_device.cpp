#include "emulator/packet_device.h"

#include <algorithm>

namespace wobble {

ReadResult MemoryDevice::read(std::span<std::uint8_t> buffer, std::size_t& length) noexcept {
  if (to_read.empty()) return ReadResult::nothing;
  const Packet& packet = to_read.front();
  length = std::min(packet.size(), buffer.size());
  std::copy_n(packet.begin(), length, buffer.begin());
  to_read.pop_front();
  return ReadResult::packet;
}

bool MemoryDevice::write(std::span<const std::uint8_t> packet) noexcept {
  written.emplace_back(packet.begin(), packet.end());
  return true;
}

}  // namespace wobble
