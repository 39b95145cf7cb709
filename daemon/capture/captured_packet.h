// An IP packet out of a capture, as the emulator would have seen it on the wire: what the capture cut off is zeros,
// lengths are those of the IP header, and a super-packet that a host captured before it was cut has the length that the
// frame says.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "emulator/packet/packet.h"

namespace wobble::daemon {

struct CapturedPacket {
  PacketView view;       ///< of the capture's bytes, or of a copy: valid until the next read()
  bool is_whole = true;  ///< no byte of it was cut off, so that checksums can be looked at
};

class PacketRestorer {
 public:
  PacketRestorer() : space_(kLongest) {}

  /// `original_length` is that of `bytes` on the wire. An error if it is no IP packet, or not even the ports and, of
  /// TCP, the first 20 bytes of the header were captured; or if it was shorter on the wire than it says, so that no
  /// receiver takes it. Some tools write a wrong length on the wire beside what they have cut off: a packet is taken
  /// for shortened only if one that is as long as this one says was seen whole.
  ParseError read(std::span<const std::uint8_t> bytes, std::uint32_t original_length, CapturedPacket& out);

 private:
  static constexpr std::size_t kLongest = 65'535;
  std::vector<std::uint8_t> space_;
  std::uint32_t longest_whole_ = 0;  ///< of the packets so far
};

}  // namespace wobble::daemon
