// What a TCP connection's segments were, whatever became of its states: Zeek's view, a tap where segments arrive. Fed
// with every segment as it is sent, believed or not, it says the one word (conn_state) and the letters (history) that
// readers of Zeek's conn.log know. Pure: no clock, no packets, no table.
//
// Source: Zeek's documentation of conn.log (base/protocols/conn/main.zeek); where Zeek is known to be wrong the
// tracker's records differ from its (a repeated SYN never begins another record, for one), the words do not.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/events/figures.h"
#include "emulator/packet/packet.h"

namespace wobble {

class WireFacts {
 public:
  /// One segment, as it arrived from `from`. True if it belongs among the closing segments: the first FIN of its side,
  /// or a RST.
  bool see(Role from, const TcpSegment& segment) noexcept;
  /// Whether see() would learn nothing from one more segment with ACK, with or without payload, and without SYN, FIN
  /// and RST.
  bool knows(Role from, bool has_payload) const noexcept {
    const SideFacts& x = sides_[index(from)];
    const std::uint8_t facts = (from == Role::client ? kClientMore : kServerAny) | (has_payload ? kPayload : 0);
    return (facts_ & facts) == facts && (has_payload ? x.has_told_data : x.has_told_ack);
  }
  /// Something that is told when it has happened once, ten times, a hundred times, ...: T retransmission, W zero
  /// window, C bad checksum, G gap. `count` includes this one.
  void tell(Role of, char letter, std::uint64_t count) noexcept;
  /// The first segment came from the endpoint that is taken for the server.
  void flip() noexcept { history_.add('^'); }

  bool has_syn() const noexcept { return has(kClientSyn); }      ///< the client's SYN
  bool has_syn_ack() const noexcept { return has(kServerSyn); }  ///< the server's SYN-ACK, or SYN
  bool has_fin(Role of) const noexcept { return sides_[index(of)].has_fin; }
  const History& history() const noexcept { return history_; }
  ConnState conn_state() const noexcept;

 private:
  /// What was seen, whenever: the client's SYN, the server's, payload, a segment of the client that is neither SYN nor
  /// RST, anything of the server.
  enum : std::uint8_t { kClientSyn = 1, kServerSyn = 2, kPayload = 4, kClientMore = 8, kServerAny = 16 };
  enum class Ending : std::uint8_t { none, closed, reset };
  struct SideFacts {
    Ending ending : 2 = Ending::none;
    bool has_fin : 1 = false;
    // What nearly every segment says again.
    bool has_told_data : 1 = false;
    bool has_told_ack : 1 = false;
  };
  /// Sequence numbers, of which the low halves tell a repetition from another one.
  struct SideMarks {
    std::uint16_t syn = 0;
    std::uint16_t fin = 0;
    std::uint16_t rst = 0;
  };

  static std::size_t index(Role of) noexcept { return static_cast<std::size_t>(of); }
  bool has(std::uint8_t fact) const noexcept { return (facts_ & fact) != 0; }
  void add_once(Role of, char letter) noexcept;
  /// Once, and again when `mark` differs from the one before.
  void add_if_new(Role of, char letter, std::uint16_t& last, std::uint16_t mark) noexcept;
  bool see_fin(Role from, const TcpSegment& segment) noexcept;
  void see_rst(Role from, const TcpSegment& segment) noexcept;
  ConnState state_of_reset() const noexcept;

  History history_;
  std::array<SideMarks, 2> marks_{};
  std::array<SideFacts, 2> sides_{};
  std::uint8_t facts_ = 0;
};

}  // namespace wobble
