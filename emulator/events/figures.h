// What is measured of a connection, and what its segments were, whatever became of its states. Each figure is defined,
// with its source, in api/FIGURES.md. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "emulator/time.h"

namespace wobble {

/// The two endpoints of a connection. The client is the one that opened it (sent the first SYN, or the first packet).
enum class Role : std::uint8_t { client, server };
constexpr Role peer_of(Role r) { return r == Role::client ? Role::server : Role::client; }

/// One endpoint, both, or neither.
enum class ClosedBy : std::uint8_t { nobody, client, server, both };

/// Of ECN: RFC 3168, or AccECN (RFC 9768).
enum class Ecn : std::uint8_t { none, classic, accurate };

/// RFC 7413's option in a SYN: asking for a cookie (or giving none), or with one.
enum class FastOpen : std::uint8_t { none, request, cookie };

/// What an endpoint's SYN or SYN-ACK offered. All absent: no SYN of it was seen, or it was bare.
struct TcpOffer {
  std::uint16_t mss = 0;  ///< 0: absent
  std::uint8_t window_scale = 0;
  bool has_window_scale = false;
  bool sack = false;
  bool timestamps = false;
  bool multipath = false;    ///< RFC 8684: MPTCP
  bool data_in_syn = false;  ///< its SYN carried payload
  FastOpen fast_open = FastOpen::none;
  Ecn ecn = Ecn::none;  ///< a SYN-ACK's is what it agreed to
  bool operator==(const TcpOffer&) const = default;
};

/// What holds for the connection: offered by both.
struct TcpAgreement {
  bool window_scale = false;
  bool sack = false;
  bool timestamps = false;
  bool multipath = false;
  bool fast_open = false;  ///< the SYN-ACK acknowledged data that the SYN carried
  Ecn ecn = Ecn::none;
  bool operator==(const TcpAgreement&) const = default;
};

/// Figures of one endpoint's sending, as seen from the middle.
struct EndpointFigures {
  std::uint64_t packets_sent = 0;       ///< arrived at the emulator from it
  std::uint64_t bytes_sent = 0;         ///< of those, IP bytes
  std::uint64_t packets_delivered = 0;  ///< released towards its peer, copies included
  std::uint64_t bytes_delivered = 0;
  std::uint64_t payload_bytes = 0;  ///< transport payload sent, retransmissions included
  std::uint32_t retransmissions = 0;
  std::uint32_t retransmissions_by_us = 0;  ///< of those, the ones whose earlier copy we dropped or corrupted
  std::uint32_t dropped = 0;                ///< by us
  std::uint32_t duplicated = 0;
  std::uint32_t corrupted = 0;
  std::uint32_t reordered = 0;

  // TCP alone. Of retransmissions, what is neither by us nor one of these was a time-out or anything else.
  std::uint32_t retransmissions_fast = 0;
  std::uint32_t retransmissions_spurious = 0;  ///< the peer had it all
  /// Of those that are neither by us nor spurious: where what they carry was lost, if it can be seen.
  std::uint32_t retransmissions_lost_behind = 0;  ///< delivered by us, and not acknowledged: between us and the peer
  std::uint32_t retransmissions_lost_before = 0;  ///< it had never passed here
  std::uint32_t out_of_order = 0;                 ///< before us
  std::uint32_t out_of_order_by_us = 0;           ///< delivered after one that it had sent later
  std::uint32_t gaps = 0;                         ///< skipped ahead: lost, or late, before us
  std::uint32_t dup_acks = 0;
  std::uint32_t keep_alives = 0;
  std::uint32_t zero_windows = 0;          ///< times its window closed
  std::uint32_t initial_window = 0;        ///< bytes; the first it advertised, as written
  std::uint32_t max_window = 0;            ///< bytes, scaled
  std::uint32_t max_in_flight = 0;         ///< bytes of sequence space sent and not known (to it) to be acknowledged
  std::uint64_t unique_payload_bytes = 0;  ///< sequence space
  Duration zero_window_time{0};            ///< how long its window was closed, up to now
  TcpOffer offer;

  std::uint32_t retransmissions_timeout() const noexcept {
    return retransmissions - retransmissions_by_us - retransmissions_fast - retransmissions_spurious;
  }
  bool operator==(const EndpointFigures&) const = default;
};

enum class CloseKind : std::uint8_t { fin, rst };

/// A segment that closed, or meant to.
struct CloseSegment {
  TimePoint at;  ///< arrived at the emulator
  Role side = Role::client;
  CloseKind kind = CloseKind::fin;
  bool is_delivered = false;  ///< it reached the peer
  bool operator==(const CloseSegment&) const = default;
};

/// The first FIN of each side and every RST, in order of arrival; at most kMax are kept.
class CloseSegments {
 public:
  static constexpr std::size_t kMax = 16;

  void add(const CloseSegment& segment) noexcept {
    if (count_ < kMax) {
      words_[count_++] = pack(segment);
    } else if (left_out_ < 0xffff) {
      ++left_out_;
    }
  }
  /// Those that did not fit; 65,535: or more.
  std::uint32_t left_out() const noexcept { return left_out_; }
  std::size_t size() const noexcept { return count_; }
  CloseSegment operator[](std::size_t i) const noexcept { return unpack(words_[i]); }
  bool operator==(const CloseSegments&) const = default;

  /// Eight bytes: nanoseconds (up to 36 years of a steady clock's time) and three bits.
  static std::uint64_t pack(const CloseSegment& s) noexcept {
    return static_cast<std::uint64_t>(s.at.time_since_epoch().count()) << 3 | (s.is_delivered ? 4u : 0u) |
           static_cast<std::uint64_t>(s.kind) << 1 | static_cast<std::uint64_t>(s.side);
  }
  static CloseSegment unpack(std::uint64_t word) noexcept {
    return {TimePoint(Duration(static_cast<std::int64_t>(word) >> 3)), static_cast<Role>(word & 1),
            static_cast<CloseKind>(word >> 1 & 1), (word & 4) != 0};
  }
  void add_left_out(std::uint32_t n) noexcept { left_out_ = static_cast<std::uint16_t>(left_out_ + n); }

 private:
  std::array<std::uint64_t, kMax> words_{};
  std::uint16_t count_ = 0;
  std::uint16_t left_out_ = 0;
};

/// Zeek's one word for how a TCP connection went; none: not TCP.
enum class ConnState : std::uint8_t { none, s0, s1, s2, s3, sf, rej, rsto, rstr, rstos0, rstrh, sh, shr, oth };

/// Zeek's letters, in the order in which they were earned; upper case is the client. At most kMax are kept.
class History {
 public:
  static constexpr std::size_t kMax = 24;

  void add(char letter) noexcept;
  bool has(char letter) const noexcept;
  std::string text() const;
  bool operator==(const History&) const = default;

 private:
  static constexpr std::size_t kPerWord = 6;  // five bits a letter
  std::uint32_t code(std::size_t i) const noexcept { return words_[i / kPerWord] >> (5 * (i % kPerWord)) & 31; }
  std::array<std::uint32_t, kMax / kPerWord> words_{};
};

/// What is known of a TCP connection as a whole; of other flows all of it is absent.
struct TcpFacts {
  bool syn = false;      ///< the client's SYN passed here
  bool syn_ack = false;  ///< the server's SYN-ACK (or SYN) passed here
  ClosedBy closed_first = ClosedBy::nobody;
  ConnState conn_state = ConnState::none;
  History history;
  Duration handshake_rtt_server_net{0};  ///< from the SYN's delivery; 0 if unknown
  Duration initial_rtt_net{0};           ///< both sides' round trips, without what we added; 0 if unknown
  bool fast_open_accepted = false;       ///< the SYN-ACK acknowledged data that the SYN carried
  std::uint32_t syn_retries = 0;
  std::uint32_t syn_ack_retries = 0;
  std::uint32_t rst_implausible = 0;
  std::uint32_t challenge_acks = 0;
  std::uint32_t invalid_flags = 0;
  std::uint32_t bad_checksum = 0;
  bool operator==(const TcpFacts&) const = default;
};

struct ConnectionFigures {
  EndpointFigures client;
  EndpointFigures server;
  /// From the SYN that was answered to the SYN-ACK, both as they arrived, and from the SYN-ACK's delivery to the third
  /// ACK; 0 if unknown.
  Duration handshake_rtt_server{0};
  Duration handshake_rtt_client{0};  ///< nothing of ours is in it
  /// From the first SYN to the third ACK, both at the emulator's ingress (Wireshark's initial RTT); 0 if unknown.
  Duration initial_rtt{0};
  TimePoint last_packet_at;  ///< arrived here; the clock's epoch: unknown
  TcpFacts tcp;
  CloseSegments closes;
  bool operator==(const ConnectionFigures&) const = default;
};

const char* to_string(Role role) noexcept;        ///< "client", "server"
const char* to_string(ClosedBy who) noexcept;     ///< "", "client", "server", "both"
const char* to_string(Ecn ecn) noexcept;          ///< "", "ecn", "accecn"
const char* to_string(FastOpen what) noexcept;    ///< "", "request", "cookie"
const char* to_string(CloseKind kind) noexcept;   ///< "fin", "rst"
const char* to_string(ConnState state) noexcept;  ///< "", "S0", "SF", "RSTO", ...

/// What both offered. `fast_open_accepted` is seen from the SYN-ACK's acknowledgment number alone.
TcpAgreement agreement_of(const TcpOffer& client, const TcpOffer& server, bool fast_open_accepted) noexcept;

}  // namespace wobble
