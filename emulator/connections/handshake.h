// The clock of a handshake: how long each side took to answer. Each measure begins as a moment and becomes a span when
// the answer comes, in the same eight bytes.
//
// Source of the definitions: api/FIGURES.md.
#pragma once

#include <cstdint>

#include "emulator/time.h"

namespace wobble {

class Handshake {
 public:
  /// The client's SYN arrived here; the first one counts.
  void syn_sent(TimePoint now) noexcept {
    if (!has(kOpened) && !has(kInitial)) initial_ = now.time_since_epoch(), flags_ |= kOpened;
  }
  /// A SYN was released to the server, which has not answered yet. A copy of the one before does not count as another.
  void syn_delivered(TimePoint arrived, TimePoint now) noexcept {
    if (has(kServer)) return;
    const bool is_copy = syns_ > 0 && arrived.time_since_epoch() == server_;
    if (!is_copy && syns_ < 255) ++syns_;
    server_ = arrived.time_since_epoch();
    if (!is_copy) server_net_ = now.time_since_epoch();
  }
  /// The SYN-ACK arrived here. Karn: of a SYN that was repeated nobody knows which one it answers.
  void syn_ack_sent(TimePoint now) noexcept {
    if (syns_ != 1 || has(kServer)) return;
    server_ = now.time_since_epoch() - server_;
    server_net_ = now.time_since_epoch() - server_net_;
    flags_ |= kServer;
  }
  /// A SYN-ACK was released to the client, which still waits for it.
  void syn_ack_delivered(TimePoint now) noexcept {
    if (syn_acks_ < 255) ++syn_acks_;
    if (syn_acks_ == 1) client_ = now.time_since_epoch();
  }
  /// The client is through.
  void completed(TimePoint now) noexcept {
    if (has(kOpened)) {
      initial_ = now.time_since_epoch() - initial_;
      flags_ = static_cast<std::uint8_t>((flags_ & ~kOpened) | kInitial);
    }
    if (syn_acks_ == 1 && !has(kClient)) {
      client_ = now.time_since_epoch() - client_;
      flags_ |= kClient;
    }
  }

  // 0: not known.
  Duration rtt_server() const noexcept { return has(kServer) ? server_ : Duration{0}; }
  Duration rtt_server_net() const noexcept { return has(kServer) ? server_net_ : Duration{0}; }  ///< from its delivery
  Duration rtt_client() const noexcept { return has(kClient) ? client_ : Duration{0}; }
  Duration rtt_initial() const noexcept { return has(kInitial) ? initial_ : Duration{0}; }

 private:
  enum : std::uint8_t { kOpened = 1, kInitial = 2, kServer = 4, kClient = 8 };
  bool has(std::uint8_t what) const noexcept { return (flags_ & what) != 0; }

  Duration server_{0};      ///< since the arrival of the SYN that was delivered
  Duration server_net_{0};  ///< since its delivery
  Duration client_{0};      ///< since the delivery of the SYN-ACK
  Duration initial_{0};     ///< since the first SYN
  std::uint8_t syns_ = 0;
  std::uint8_t syn_acks_ = 0;
  std::uint8_t flags_ = 0;
};

}  // namespace wobble
