#include "emulator/link/arrival.h"

#include <utility>

namespace wobble {

// A large packet keeps the block it was read into; a small one must not pin it.
PacketBuffer Arrival::keep(std::uint32_t first, std::uint32_t n, BufferPool& pool, Offload& offload) noexcept {
  const std::uint32_t size = packet.run_size(first, n);
  if (n == packet.count() && storage && size > storage.footprint() / 3 * 2) {
    storage.shrink(size);
    offload = packet.offload();
    return std::move(storage);
  }
  PacketBuffer buffer = pool.allocate(size, prefix);
  if (buffer) offload = packet.copy_run(first, n, buffer.bytes());
  return buffer;
}

PacketBuffer Arrival::wire_packet(std::uint32_t segment, BufferPool& pool) const noexcept {
  PacketBuffer buffer = pool.allocate(packet.run_size(segment, 1));
  if (!buffer) return buffer;
  Offload offload = packet.copy_run(segment, 1, buffer.bytes());
  PacketView view;
  parse_packet(buffer.bytes(), view);
  complete_checksum(view, buffer.bytes(), offload);
  return buffer;
}

}  // namespace wobble
