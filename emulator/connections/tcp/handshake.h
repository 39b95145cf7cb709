// The clock of a handshake: how long each side took to answer. Each measure begins as a moment and becomes a span when
// the answer comes, in the same eight bytes.
//
// Source of the definitions: api/FIGURES.md.
#pragma once

#include <cstdint>
#include <optional>

#include "emulator/connections/tcp/sequence.h"
#include "emulator/packed.h"
#include "emulator/time.h"

namespace wobble {

class Handshake {
 public:
  /// The client has sent its SYN, or has sent it again, with this timestamp (RFC 7323) if there is one.
  void syn_sent(std::optional<std::uint32_t> timestamp) noexcept {
    if (syn_acks_ > 0) return;
    const auto before = static_cast<SequenceNumber>(client_.get().count());
    is_last_told_apart_ = timestamp && is_after(*timestamp, before);
    client_ = Duration{timestamp.value_or(0)};
  }
  /// A SYN was released to the server, which has not answered yet. A copy of the one before does not count as another.
  void syn_delivered(TimePoint arrived, TimePoint now) noexcept {
    if (has_server_) return;
    const Duration at = arrived.time_since_epoch();
    if (syns_ > 0 && at == server_.get()) return;
    const bool is_last = syns_ == 0 || at > server_.get();
    if (syns_ < kMany) ++syns_;
    if (!is_last) return;
    server_ = at;
    server_net_ = now.time_since_epoch();
  }
  /// The SYN-ACK arrived here. Karn: of a SYN that was delivered twice nobody knows which one it answers, unless it
  /// echoes the timestamp of the last.
  void syn_ack_sent(std::optional<std::uint32_t> echo, TimePoint now) noexcept {
    const bool answers_last = syn_acks_ == 0 && is_last_told_apart_ && echo && Duration{*echo} == client_.get();
    if ((syns_ != 1 && !(syns_ > 1 && answers_last)) || has_server_) return;
    initial_ = server_.get();
    server_ = now.time_since_epoch() - server_.get();
    server_net_ = now.time_since_epoch() - server_net_.get();
    has_server_ = true;
  }
  /// A SYN-ACK was released to the client, which still waits for it.
  void syn_ack_delivered(TimePoint now) noexcept {
    if (syn_acks_ < kMany) ++syn_acks_;
    if (syn_acks_ == 1) client_ = now.time_since_epoch();
  }
  /// The client is through.
  void completed(TimePoint now) noexcept {
    if (!has_initial_ && (has_server_ || syns_ == 1)) {
      initial_ = now.time_since_epoch() - (has_server_ ? initial_.get() : server_.get());
      has_initial_ = true;
    }
    if (syn_acks_ == 1 && !has_client_) {
      client_ = now.time_since_epoch() - client_.get();
      has_client_ = true;
    }
  }

  // 0: not known.
  Duration rtt_server() const noexcept { return has_server_ ? server_.get() : Duration{0}; }
  Duration rtt_server_net() const noexcept {
    return has_server_ ? server_net_.get() : Duration{0};
  }  ///< from its delivery
  Duration rtt_client() const noexcept { return has_client_ ? client_.get() : Duration{0}; }
  Duration rtt_initial() const noexcept { return has_initial_ ? initial_.get() : Duration{0}; }

 private:
  static constexpr std::uint8_t kMany = 2;

  Packed<Duration> server_;      ///< since the arrival of the SYN that was delivered
  Packed<Duration> server_net_;  ///< since its delivery
  Packed<Duration> client_;      ///< since the delivery of the SYN-ACK; until then the timestamp of the last SYN sent
  Packed<Duration> initial_;     ///< since the arrival of the SYN that was answered
  std::uint8_t syns_ : 2 = 0;    ///< kMany: or more
  std::uint8_t syn_acks_ : 2 = 0;
  bool has_initial_ : 1 = false;
  bool has_server_ : 1 = false;
  bool has_client_ : 1 = false;
  bool is_last_told_apart_ : 1 = false;  ///< the timestamp of the last SYN sent is newer than that of the one before
};

}  // namespace wobble
