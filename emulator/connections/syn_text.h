// What a SYN says, as far as anything is kept of it, in 16 bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "emulator/connections/tcp/sequence.h"
#include "emulator/packet/packet.h"

namespace wobble {

struct SynText {
  SequenceNumber seq = 0;
  std::uint16_t packet_length = 0;
  std::uint16_t payload = 0;
  std::uint16_t window = 0;
  std::uint16_t mss = 0;
  std::uint16_t flags = 0;
  std::uint8_t window_scale = 0;
  std::uint8_t options = 0;  ///< which of TcpOptions' are there

  /// Nothing if the packet is too large to be written down so, came in fragments, or is no SYN.
  static std::optional<SynText> of(const PacketView& packet) noexcept;
  bool operator==(const SynText&) const = default;
};
static_assert(sizeof(SynText) == 16);

/// A packet that says the same to whoever asks for its segment and its options; it has neither addresses nor ports.
class SynPacket {
 public:
  /// `timestamp`: its own, if it bears one.
  explicit SynPacket(const SynText& text, std::uint32_t timestamp = 0) noexcept;
  SynPacket(const SynPacket&) = delete;
  SynPacket& operator=(const SynPacket&) = delete;

  const PacketView& view() const noexcept { return view_; }

 private:
  static constexpr std::size_t kMaxHeader = 60;
  std::array<std::uint8_t, kMaxHeader> header_{};
  PacketView view_;
};

}  // namespace wobble
