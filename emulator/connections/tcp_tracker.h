// Moves a TcpConnection through RFC 9293's states: asks the transition table, keeps the sequence numbers that its
// conditions look at, and knows which time-out a pair of states is waiting for.
//
// One thread. No allocation. Every function takes any segment whatever, also forged ones.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/connections/connection_table.h"
#include "emulator/connections/tcp_connection.h"
#include "emulator/connections/transition_table.h"
#include "emulator/packet/icmp_error.h"
#include "emulator/packet/packet.h"

namespace wobble {

/// One row that applied. from == to where the row leaves the state as it is.
struct Step {
  Role side = Role::client;
  TcpState from = TcpState::none;
  TcpState to = TcpState::none;
  Evidence evidence = Evidence::sent;
  Rule rule = Rule::timer;
};

/// All rows that one segment or timer made apply, in order.
struct Steps {
  static constexpr std::size_t kMax = 8;
  std::array<Step, kMax> items{};
  std::uint8_t count = 0;

  void add(const Step& step) noexcept {
    if (count < kMax) items[count++] = step;
  }
  const Step* begin() const noexcept { return items.data(); }
  const Step* end() const noexcept { return items.data() + count; }
  bool has_change() const noexcept;
};

/// What a connection is waiting for, by the states of both its endpoints: its time-out and its turn to be evicted.
enum class Awaited : std::uint8_t {
  half_open,     ///< SYN_SENT without an answer, or one side of a connection that was picked up
  syn_received,  ///< SYN_RECEIVED
  established,
  closing,      ///< FIN_WAIT_1, CLOSING or LAST_ACK on either side
  half_closed,  ///< FIN_WAIT_2 or CLOSE_WAIT; or one side CLOSED and the other not
  time_wait,    ///< TIME_WAIT, the other side TIME_WAIT or CLOSED
  closed,       ///< both CLOSED (or never seen): kept for stray segments
};

/// What sent() found besides the rows.
struct Sending {
  bool retransmission = false;
  bool retransmission_by_us = false;  ///< of those: we had dropped or corrupted (some of) what it carries
  bool is_filler = false;             ///< its payload is none: a keep-alive's, or that of a probe of a closed window
  bool is_close = false;              ///< the first FIN of its side, or a RST
};

class TcpTracker {
 public:
  /// The pools must outlive the tracker.
  TcpTracker(RangePool& ranges, TroublePool& troubles, const ConnectionTimeouts& timeouts)
      : ranges_(ranges), troubles_(troubles), timeouts_(timeouts) {}

  /// S: the endpoint `who` sent this. `is_lost`: no copy of it will reach the peer in one piece.
  Sending sent(TcpConnection& connection, Role who, const PacketView& packet, bool is_lost, TimePoint now,
               Steps& steps) const noexcept;
  /// D: an intact copy was released to the endpoint `who`. `arrived` is the time of its sent().
  void delivered(TcpConnection& connection, Role who, const TcpSegment& segment, TimePoint arrived, TimePoint now,
                 Steps& steps) const noexcept;
  /// Both for a segment, neither lost nor a copy, that only carries an established stream on, as nearly every one does:
  /// the same for less. False, and nothing done, if there is more to it.
  bool sent_on(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept;
  bool delivered_on(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept;
  /// An ICMP error was released to the endpoint `who`, about a segment of its own.
  void icmp_error(TcpConnection& connection, Role who, const IcmpError& error, TimePoint now,
                  Steps& steps) const noexcept;
  /// The same of the segments behind it in one super-packet, seen as one; false, and nothing done, unless all of them
  /// only carry the established stream on.
  bool sent_rest(TcpConnection& connection, Role who, const TcpSegment& rest) const noexcept;
  bool delivered_rest(TcpConnection& connection, Role who, const TcpSegment& rest) const noexcept;
  /// A segment of `who` that sent() thought would be delivered was not.
  void lost(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept;

  /// The figures so far of what the tracker measures, into `figures`.
  void fill(ConnectionFigures& figures, const TcpConnection& connection, TimePoint now) const noexcept;

  /// The time-outs that are over at `now`, the last segment having passed at `last`. True if the connection is to be
  /// given up: nothing more is expected of it.
  bool time_out(TcpConnection& connection, TimePoint last, TimePoint now, Steps& steps) const noexcept;
  TimePoint deadline(const TcpConnection& connection, TimePoint last) const noexcept;

  /// Makes `connection` the one that `pending` has begun: its client has sent a SYN that was not believed.
  static void begin_with_pending(TcpConnection& connection, Role client, const PendingSyn& pending) noexcept;

  static Awaited waiting(const TcpConnection& connection) noexcept;
  /// Both endpoints are past their last segment: CLOSED, TIME_WAIT, or (one of them) never seen.
  static bool is_over(const TcpConnection& connection) noexcept;
  /// How it ended, if it ends now.
  static End end_of(const TcpConnection& connection) noexcept;
  /// The same if nothing ends it but that nobody looks any longer.
  static End end_if_open(const TcpConnection& connection) noexcept;

 private:
  /// Why a FIN is believed.
  struct Ground {
    Evidence evidence;
    Rule rule;
  };
  enum class Filling : std::uint8_t { nothing, overtaken, late };

  bool is_stream(const TcpConnection& connection, SegmentKind kind) const noexcept;
  bool awaits_what_is_missing(const TcpEndpoint& x) const noexcept;
  void change(TcpConnection& connection, Role side, TcpState to, const Step& because, TimePoint now,
              Steps& steps) const noexcept;
  void apply(const Row& row, const Occasion& occasion, Steps& steps) const noexcept;
  bool run(std::span<const Row> rows, std::uint64_t (*candidates)(SegmentKind, TcpState), const Occasion& occasion,
           Steps& steps) const noexcept;
  // tcp_claims.cpp
  /// What the segment shows of what never passed here: before anything else of it counts.
  void settle_claims(const Occasion& occasion, Steps& steps) const noexcept;
  void settle_acked(const Occasion& occasion) const noexcept;
  void hear_of_unseen(const Occasion& occasion, Steps& steps) const noexcept;
  /// The segment is not believed by itself.
  void claim(const Occasion& occasion, bool is_beyond_offer) const noexcept;
  void settle_own_claim(const Occasion& occasion, Steps& steps) const noexcept;
  void believe_fin(const Occasion& occasion, Role who, Ground ground, Steps& steps) const noexcept;
  void take_back_implied_fin(const Occasion& occasion, Steps& steps) const noexcept;
  void count_gap(TcpConnection& connection, Role who) const noexcept;
  // tcp_repairs.cpp
  void skip_ahead(const Occasion& occasion, const PacketView& packet) const noexcept;
  Filling fills_hole(const Occasion& occasion, const PacketView& packet, SequenceNumber end) const noexcept;
  bool is_overtaken_by_its_repetition(const Occasion& occasion, const PacketView& packet,
                                      SequenceNumber end) const noexcept;
  void classify(const Occasion& occasion, const PacketView& packet, Sending& sending) const noexcept;
  bool is_told_of_loss(const Occasion& occasion, SequenceNumber end) const noexcept;
  void repeat(const Occasion& occasion, SequenceNumber end, Filling filling, Sending& sending) const noexcept;
  void remember_repetition(const Occasion& occasion, std::uint8_t tag) const noexcept;
  void hear_sack(const Occasion& occasion, const PacketView& packet) const noexcept;
  void hear_of_duplicate(const Occasion& occasion, const SackBlock& block) const noexcept;
  void take_for_spurious(const Occasion& occasion, std::uint8_t tag) const noexcept;
  void forget_repaired(TcpConnection& connection, Role who) const noexcept;
  // tcp_figures.cpp
  /// What a segment is of what was sent before: called before anything of it was noted.
  void measure_sent(const Occasion& occasion, const PacketView& packet, Sending& sending) const noexcept;
  void measure_window(const Occasion& occasion, const PacketView& packet) const noexcept;
  /// Behind the states: sequence space and options.
  void measure_progress(const Occasion& occasion, SequenceNumber before) const noexcept;
  void measure_delivered(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept;
  void account_sent(const Occasion& occasion, const PacketView& packet) const noexcept;
  void account_delivered(const Occasion& occasion) const noexcept;
  /// X's acknowledgement, on its way from it; with the window it offers.
  void note_acknowledgement(TcpConnection& connection, Role who, SequenceNumber ack,
                            std::uint32_t window) const noexcept;
  /// One that has reached X.
  void note_delivered_ack(TcpConnection& connection, Role who, SequenceNumber ack) const noexcept;
  /// Data, or a FIN, that has reached X.
  void receive(TcpConnection& connection, Role who, SequenceNumber seq, std::uint32_t length) const noexcept;
  void time_sent(const Occasion& occasion, const PacketView& packet) const noexcept;
  void time_delivered(TcpConnection& connection, SegmentKind kind, TimePoint arrived, TimePoint now) const noexcept;
  /// What was delivered to `who` reaches so far, together with what lay beyond `edge`.
  SequenceNumber absorb(TcpConnection& connection, Role who, SequenceNumber edge) const noexcept;
  void fill_endpoint(EndpointFigures& figures, const TcpEndpoint& x, const TcpEndpoint& y,
                     TimePoint now) const noexcept;
  Duration timeout(const TcpConnection& connection) const noexcept;

  RangePool& ranges_;
  TroublePool& troubles_;
  ConnectionTimeouts timeouts_;
};

}  // namespace wobble
