// What a device puts before each packet, where it has anything to put there: it is kept with the packet, and given back
// to the device that writes it. So a frame leaves with the header it came with.
//
//   1 byte    which interface of its device the packet came by (DeviceBundle): its answer, and the packet itself, go by
//             the one of the same number on the other side
//   0, or 14 and more bytes    the header of its Ethernet frame (IEEE 802.3), with its VLAN tags (802.1Q)
//
// Nothing in a link looks at it, but for answers that it sends itself.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace wobble {

/// The longest prefix, in bytes: the number, and an Ethernet header with two VLAN tags.
inline constexpr std::size_t kLongestPrefix = 1 + 14 + 2 * 4;

/// What stands before an answer to a packet with `prefix`: the same, with the Ethernet addresses changed about.
class AnswerPrefix {
 public:
  explicit AnswerPrefix(std::span<const std::uint8_t> prefix) noexcept
      : size_(std::min(prefix.size(), kLongestPrefix)) {
    std::copy_n(prefix.begin(), size_, bytes_.begin());
    constexpr std::size_t kNumber = 1, kAddress = 6;
    if (size_ < kNumber + 2 * kAddress) return;
    const auto destination = bytes_.begin() + kNumber;
    std::swap_ranges(destination, destination + kAddress, destination + kAddress);
  }
  std::span<const std::uint8_t> bytes() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<std::uint8_t, kLongestPrefix> bytes_{};
  std::size_t size_;
};

}  // namespace wobble
