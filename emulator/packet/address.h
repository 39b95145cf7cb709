// Network addresses as values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace wobble {

/// An IPv4 or IPv6 address. IPv4 is kept as IPv4-mapped IPv6 (RFC 4291 2.5.5.2), so that one key fits both.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  /// From four or sixteen bytes in network order.
  static IpAddress v4(const std::uint8_t* four) noexcept;
  static IpAddress v6(const std::uint8_t* sixteen) noexcept;
  /// From text as inet_pton(3) reads it; nothing if it is no address.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const noexcept;
  /// "10.77.0.1" or "fd77::1" (RFC 5952).
  std::string to_string() const;

  auto operator<=>(const IpAddress&) const = default;  // NOLINT(modernize-use-nullptr): it takes <=>'s 0 for one
  /// Two comparisons of words: every packet asks.
  bool operator==(const IpAddress& other) const noexcept {
    std::uint64_t mine[2], others[2];
    std::memcpy(mine, bytes.data(), sizeof mine);
    std::memcpy(others, other.bytes.data(), sizeof others);
    return ((mine[0] ^ others[0]) | (mine[1] ^ others[1])) == 0;
  }
};

/// An address and a port: one end of a connection. Port 0 where the protocol has none.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  auto operator<=>(const Endpoint&) const = default;  // NOLINT(modernize-use-nullptr)
};

}  // namespace wobble
