#include "emulator/device/packet_device.h"

#include <algorithm>

namespace wobble {

ReadResult MemoryDevice::read(std::span<std::uint8_t> buffer, ReadPacket& out) noexcept {
  if (to_read.empty()) return ReadResult::nothing;
  const Packet& packet = to_read.front();
  out.prefix = packet.prefix.size();
  out.length = std::min(packet.bytes.size(), buffer.size() - out.prefix);
  std::copy(packet.prefix.begin(), packet.prefix.end(), buffer.begin());
  std::copy_n(packet.bytes.begin(), out.length, buffer.subspan(out.prefix).begin());
  out.offload = packet.offload;
  to_read.pop_front();
  return ReadResult::packet;
}

bool MemoryDevice::write(std::span<const std::uint8_t> packet, const Offload& offload, Prefix prefix) noexcept {
  written.push_back({{packet.begin(), packet.end()}, offload, {prefix.begin(), prefix.end()}});
  return true;
}

bool PacketDevice::write_parts(std::span<const std::span<const std::uint8_t>>, const Offload&, Prefix) noexcept {
  return false;
}

bool MemoryDevice::write_parts(std::span<const std::span<const std::uint8_t>> parts, const Offload& offload,
                               Prefix prefix) noexcept {
  if (refuses_parts) return false;
  Packet packet{{}, offload, {prefix.begin(), prefix.end()}};
  for (const auto& part : parts) packet.bytes.insert(packet.bytes.end(), part.begin(), part.end());
  written.push_back(std::move(packet));
  return true;
}

}  // namespace wobble
