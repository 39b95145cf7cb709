// Where packets come from and go to. Two of them make a link's ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "emulator/packet/offload.h"

namespace wobble {

/// What became of a read.
enum class ReadResult : std::uint8_t { packet, nothing, failed };

/// What a read has put into its buffer: a prefix (link_prefix.h), and the packet right behind it. In bytes.
struct ReadPacket {
  std::size_t prefix = 0;
  std::size_t length = 0;
  Offload offload;
};

/// A device that carries whole IP packets. Non-blocking. One thread.
class PacketDevice {
 public:
  using Prefix = std::span<const std::uint8_t>;

  virtual ~PacketDevice() = default;

  /// Reads one packet, or super-packet, into `buffer`; `out` is set with ReadResult::packet. What is longer than
  /// `buffer` is cut.
  virtual ReadResult read(std::span<std::uint8_t> buffer, ReadPacket& out) noexcept = 0;
  /// Writes one behind the prefix it came with; false if the device did not take it. A super-packet only to a device
  /// that hands out such.
  virtual bool write(std::span<const std::uint8_t> packet, const Offload& offload, Prefix prefix) noexcept = 0;
  /// Whether write_parts() is for super-packets of this kind.
  virtual bool takes(Offload::Kind) const noexcept { return false; }
  /// Writes one super-packet whose bytes lie in several places (at most kMostParts); false if the device did not take
  /// it.
  virtual bool write_parts(std::span<const std::span<const std::uint8_t>> parts, const Offload& offload,
                           Prefix prefix) noexcept;
  static constexpr std::size_t kMostParts = 128;
  /// To wait on with epoll; -1 if there is nothing to wait on.
  virtual int descriptor() const noexcept = 0;
};

/// A device made of two queues, for tests and replays.
class MemoryDevice final : public PacketDevice {
 public:
  struct Packet {
    std::vector<std::uint8_t> bytes;
    Offload offload;
    std::vector<std::uint8_t> prefix{};
  };

  ReadResult read(std::span<std::uint8_t> buffer, ReadPacket& out) noexcept override;
  bool write(std::span<const std::uint8_t> packet, const Offload& offload, Prefix prefix) noexcept override;
  bool takes(Offload::Kind) const noexcept override { return takes_super_packets; }
  bool write_parts(std::span<const std::span<const std::uint8_t>> parts, const Offload& offload,
                   Prefix prefix) noexcept override;
  int descriptor() const noexcept override { return -1; }

  std::deque<Packet> to_read;
  std::vector<Packet> written;
  bool takes_super_packets = false;
  bool refuses_parts = false;  ///< write_parts() fails, as an older kernel's may
};

}  // namespace wobble
