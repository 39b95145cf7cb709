// Any bytes: the parser answers within them, and what it claims of a packet holds.
#include <cstdlib>
#include <vector>

#include "emulator/impairments/corrupt.h"
#include "emulator/link/pipeline.h"
#include "emulator/packet/icmp_error.h"
#include "emulator/packet/packet.h"
#include "emulator/packet/packet_checksum.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wobble;
  PacketView view;
  if (parse_packet({data, size}, view) != ParseError::none) return 0;
  if (view.bytes.size() > size || view.payload_offset > view.bytes.size()) std::abort();
  if (view.has_transport && view.transport_offset > view.payload_offset) std::abort();
  if (view.is_tcp()) {
    if (view.tcp.length != view.payload().size()) std::abort();
    parse_tcp_options(view);
  }
  if (const auto error = parse_icmp_error(view); error && (!view.has_transport || error->about.protocol != kTcp))
    std::abort();
  std::vector<std::uint8_t> copy(view.bytes.begin(), view.bytes.end());
  PacketView again;
  if (parse_packet(copy, again) != ParseError::none) std::abort();
  write_checksum(again, copy);
  if (!is_checksum_right(again)) std::abort();
  corrupt_packet(copy, again, {Probability{Probability::kOne}, 3, false}, size * 0x9e3779b97f4a7c15ULL);
  if (parse_packet(copy, again) == ParseError::empty) std::abort();
  return 0;
}
