#include "emulator/connections/record_store.h"

namespace wobble {

void PacketCounters::fill(EndpointFigures& figures) const noexcept {
  figures.packets_sent = packets_sent;
  figures.bytes_sent = bytes_sent;
  figures.packets_delivered = packets_delivered;
  figures.bytes_delivered = bytes_delivered;
  figures.payload_bytes = payload_bytes;
}

std::uint32_t RecordStore::find(const FlowKey& key) const noexcept {
  std::uint32_t& recent = recent_[(key.near_port ^ key.far_port) % recent_.size()];
  if (recent != 0 && (*this)[recent].is_used && (*this)[recent].key == key) return recent;
  return recent = KeyedStore::find(key);
}

}  // namespace wobble
