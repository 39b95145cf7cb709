// Fragments of IP datagrams (RFC 791 3.2, RFC 8200 4.5): where one belongs, and which of a datagram's are there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "emulator/packet/address.h"
#include "emulator/packet/packet.h"

namespace wobble {

/// What all fragments of one datagram have in common, and no other datagram's have at the same time.
struct DatagramKey {
  IpAddress source;
  IpAddress destination;
  std::uint32_t identification = 0;
  std::uint8_t protocol = 0;  ///< of IPv6 always that of the fragment header: the first alone says what follows

  bool operator==(const DatagramKey&) const = default;
};

/// One fragment's place in its datagram. Lengths and offsets are in bytes.
struct Fragment {
  DatagramKey key;
  std::uint32_t offset = 0;  ///< of its payload in the datagram's
  std::uint32_t length = 0;  ///< of its payload
  bool is_last = false;
  std::uint32_t unfragmentable = 0;  ///< the headers that every fragment repeats
  std::uint32_t payload_at = 0;      ///< behind those, and behind the fragment header of IPv6
  std::uint32_t next_header_at = 0;  ///< IPv6: where the protocol behind the fragment header is to be written
  std::uint8_t next_header = 0;

  std::uint32_t end() const noexcept { return offset + length; }

  /// Of a packet that is_fragment; nothing of another one.
  static std::optional<Fragment> of(const PacketView& packet) noexcept;
};

/// Which bytes of a datagram's payload are there, in the units of 8 in which fragments come. All zeroes is none of
/// them.
class DatagramCoverage {
 public:
  static constexpr std::uint32_t kLongest = 65'535;  ///< a datagram's payload, in bytes

  enum class Outcome : std::uint8_t {
    fresh,     ///< it was not there
    repeated,  ///< all of it was: ignored
    conflict,  ///< a part of it was (RFC 5722: the datagram is to be discarded), or it cannot belong to what is there
  };
  Outcome add(const Fragment& fragment) noexcept;

  /// Whether all of it is there.
  bool has(const Fragment& fragment) const noexcept { return count(fragment) == units_of(fragment); }
  bool is_complete() const noexcept { return total_ != 0 && units_ == (total_ + kUnit - 1) / kUnit; }
  /// Of the whole payload in bytes; 0: the last fragment has not come.
  std::uint32_t total() const noexcept { return total_; }
  void clear() noexcept;

 private:
  static constexpr std::uint32_t kUnit = 8;
  static constexpr std::uint32_t kWord = 64;

  static std::uint32_t units_of(const Fragment& fragment) noexcept { return (fragment.length + kUnit - 1) / kUnit; }
  bool fits(const Fragment& fragment) const noexcept;
  /// Units of it that are there.
  std::uint32_t count(const Fragment& fragment) const noexcept;
  /// Calls `each(word, mask)` for each word of units_there_ that the fragment lies in.
  template <typename Each>
  static void for_words(const Fragment& fragment, Each each) noexcept;

  std::array<std::uint64_t, (kLongest + kUnit * kWord) / (kUnit * kWord)> units_there_{};
  std::uint32_t end_ = 0;  ///< just past the highest byte there
  std::uint32_t total_ = 0;
  std::uint32_t units_ = 0;  ///< how many are there
};

}  // namespace wobble
