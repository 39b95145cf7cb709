// Where packets come from and go to. Two of them make a link's ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace wobble {

/// What became of a read.
enum class ReadResult : std::uint8_t { packet, nothing, failed };

/// A device that carries whole IP packets. Non-blocking. One thread.
class PacketDevice {
 public:
  virtual ~PacketDevice() = default;

  /// Reads one packet into `buffer`; `length` is set with ReadResult::packet. A packet longer than `buffer` is cut.
  virtual ReadResult read(std::span<std::uint8_t> buffer, std::size_t& length) noexcept = 0;
  /// Writes one packet; false if the device did not take it.
  virtual bool write(std::span<const std::uint8_t> packet) noexcept = 0;
  /// To wait on with epoll; -1 if there is nothing to wait on.
  virtual int descriptor() const noexcept = 0;
};

/// A device made of two queues, for tests and replays.
class MemoryDevice final : public PacketDevice {
 public:
  using Packet = std::vector<std::uint8_t>;

  ReadResult read(std::span<std::uint8_t> buffer, std::size_t& length) noexcept override;
  bool write(std::span<const std::uint8_t> packet) noexcept override;
  int descriptor() const noexcept override { return -1; }

  std::deque<Packet> to_read;
  std::vector<Packet> written;
};

}  // namespace wobble
