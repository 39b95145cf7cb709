// The Internet checksum (RFC 1071) over the transport and its pseudo-header (RFC 9293 3.1, RFC 768, RFC 8200 8.1).
// An IPv4 packet under source routing is summed with the destination in its header, which is wrong until it arrives
// there; nobody routes such packets any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "emulator/packet/packet.h"

namespace wobble {

/// Whether the transport checksum (TCP, UDP, ICMP, ICMPv6) is right; true if there is none to check: another protocol,
/// UDP over IPv4 without one, or a fragment, whose checksum covers bytes that are not here.
bool is_checksum_right(const PacketView& packet) noexcept;

/// Writes the right transport checksum into `bytes`, which must be the bytes `packet` was parsed from. Nothing is
/// written if there is no place for one (another protocol, a fragment).
void write_checksum(const PacketView& packet, std::span<std::uint8_t> bytes) noexcept;

/// Whether the checksum is the sum of the pseudo-header alone: the kernel leaves the rest to a device. TCP and UDP.
bool is_checksum_partial(const PacketView& packet) noexcept;

/// Writes the sum of the pseudo-header alone, as the kernel does where the rest is left to a device; for TCP and UDP.
void write_partial_checksum(const PacketView& packet, std::span<std::uint8_t> bytes) noexcept;
/// The same for a packet whose transport header and payload are `length` bytes, of which only the headers are here.
void write_partial_checksum(const PacketView& packet, std::span<std::uint8_t> bytes, std::size_t length) noexcept;

/// Writes the IPv4 header's own checksum.
void write_ipv4_header_checksum(std::span<std::uint8_t> packet) noexcept;

}  // namespace wobble
