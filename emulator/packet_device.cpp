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

bool PacketDevice::write_parts(std::span<const std::span<const std::uint8_t>>, const Offload&) noexcept {
  return false;
}

bool MemoryDevice::write_parts(std::span<const std::span<const std::uint8_t>> parts, const Offload& offload) noexcept {
  if (refuses_parts) return false;
  Packet packet{{}, offload};
  for (const auto& part : parts) packet.bytes.insert(packet.bytes.end(), part.begin(), part.end());
  written.push_back(std::move(packet));
  return true;
}

}  // namespace wobble
