// Several devices as one, each with a number: what comes from it bears the number as the first byte of its prefix
// (link_prefix.h), and what bears it leaves by it. So one link serves all interfaces of a host, and each packet goes
// back to where it was taken.
//
// One thread, the link's: members come and go between two packets (Forwarder::call()).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "emulator/device/packet_device.h"
#include "emulator/unique_fd.h"

namespace wobble {

class DeviceBundle final : public PacketDevice {
 public:
  /// Throws std::system_error if the kernel has no descriptor to spare.
  DeviceBundle();

  /// Takes a device up under a number that none of those there has. Throws std::system_error.
  void add(std::uint8_t number, std::unique_ptr<PacketDevice> device);
  /// Ends the device of that number, if there is one. What is on its way to it will be refused.
  void remove(std::uint8_t number) noexcept;

  /// A member that failed is not asked again, and does not end the others.
  ReadResult read(std::span<std::uint8_t> buffer, ReadPacket& out) noexcept override;
  bool write(std::span<const std::uint8_t> packet, const Offload& offload, Prefix prefix) noexcept override;
  /// Whether each of them does.
  bool takes(Offload::Kind kind) const noexcept override;
  bool write_parts(std::span<const std::span<const std::uint8_t>> parts, const Offload& offload,
                   Prefix prefix) noexcept override;
  /// What has been read from a member so far.
  struct Reading {
    std::uint8_t number;
    std::uint64_t packets;
    bool is_empty;  ///< there was nothing more, when it was last asked
  };
  /// Of the i-th of size() members, in no order.
  Reading reading(std::size_t i) const noexcept { return members_[i].reading; }
  std::size_t size() const noexcept { return members_.size(); }

  /// Readable as soon as one of them is.
  int descriptor() const noexcept override { return epoll_.get(); }

 private:
  struct Member {
    Reading reading;
    bool has_failed = false;
    std::unique_ptr<PacketDevice> device;
  };

  Member* find(Prefix prefix) noexcept;
  void turn_to_next() noexcept;

  UniqueFd epoll_;
  std::vector<Member> members_;
  std::size_t turn_ = 0;  ///< whose turn it is to be read
  int in_a_row_ = 0;      ///< how many were read from it in this turn
};

}  // namespace wobble
