// The tracker's part that measures: what a segment is of what was sent before it, and what endpoints advertise. It
// changes no state. Definitions and sources: api/FIGURES.md.
#include "emulator/connections/tcp_figures.h"

#include <algorithm>

#include "emulator/connections/tcp_tracker.h"
#include "emulator/connections/transition_conditions.h"

namespace wobble {
namespace {

constexpr std::uint8_t kMaxWindowScale = 14;  // RFC 7323 2.3
// RFC 3168 6.1.1, RFC 9768 3.1.1 (table 2): in a SYN what is asked for, in a SYN-ACK what was agreed to.
Ecn ecn_of(const TcpSegment& segment) noexcept {
  const bool ae = segment.has(tcp_flag::kAe), cwr = segment.has(tcp_flag::kCwr), ece = segment.has(tcp_flag::kEce);
  if (!segment.has(tcp_flag::kAck)) {
    if (ae && cwr && ece) return Ecn::accurate;
    return cwr && ece && !ae ? Ecn::classic : Ecn::none;
  }
  if (!ae && !cwr && ece) return Ecn::classic;
  return (cwr && !(ae && ece)) || (ae && !cwr && !ece) ? Ecn::accurate : Ecn::none;
}

FastOpen fast_open_of(const TcpOptions& options) noexcept {
  if (!options.fast_open) return FastOpen::none;
  return options.fast_open_cookie ? FastOpen::cookie : FastOpen::request;
}

// RFC 5681 2: a pure ACK that repeats the last one while data is outstanding.
bool is_dup_ack(const Occasion& o, const PacketView& packet) noexcept {
  const TcpEndpoint& x = o.x();
  const TcpEndpoint& y = o.y();
  if (o.kind != SegmentKind::ack || o.segment.length != 0) return false;
  if (!x.has(TcpEndpoint::kHasAcked) || o.segment.ack != x.ack_sent) return false;
  if (!y.has(TcpEndpoint::kHasSent) || !is_after(y.snd_max, o.segment.ack) || is_keep_alive(o)) return false;
  if (x.has_window && o.segment.window == x.window_sent) return true;
  return parse_tcp_options(packet).has_sack_blocks;
}

// RFC 9293 3.8.6.1: the one byte that is sent into a closed window, once more.
bool probes_again(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  return o.kind == SegmentKind::ack && o.segment.length == 1 && x.has(TcpEndpoint::kHasSent) &&
         o.segment.seq == x.una && x.snd_max == x.una + 1;
}

void note_closer(const Occasion& o) noexcept {
  TcpConnection& c = o.connection;
  const ClosedBy mine = o.who == Role::client ? ClosedBy::client : ClosedBy::server;
  if (c.closed_first == ClosedBy::nobody) {
    c.closed_first = mine;
  } else if (o.kind == SegmentKind::fin && c.closed_first != mine && o.y().has(TcpEndpoint::kSentFin) &&
             !condition::has_acked_peer_fin(o)) {
    c.closed_first = ClosedBy::both;
  }
}

}  // namespace

std::uint32_t max_window_of(const TcpEndpoint& x) noexcept {
  return std::uint32_t{x.max_window} << (x.has(TcpEndpoint::kMaxIsScaled) ? std::min(x.window_scale, kMaxWindowScale)
                                                                          : 0);
}

void note_window(TcpEndpoint& x, const TcpSegment& segment, std::uint32_t window) noexcept {
  x.window_sent = segment.window;
  if (window <= max_window_of(x)) return;
  x.max_window = segment.window;
  x.seen &= ~TcpEndpoint::kMaxIsScaled;
  if (window != segment.window) x.seen |= TcpEndpoint::kMaxIsScaled;
}

std::uint32_t window_of(const TcpEndpoint& x, const TcpEndpoint& y, const TcpSegment& segment) noexcept {
  const bool is_scaled = x.has(TcpEndpoint::kHasScale) && y.has(TcpEndpoint::kHasScale) && !segment.has(tcp_flag::kSyn);
  return std::uint32_t{segment.window} << (is_scaled ? std::min(x.window_scale, kMaxWindowScale) : 0);
}

bool may_carry_sack(const PacketView& packet) noexcept {
  constexpr std::uint16_t kHeader = 20, kOneBlock = 12;
  return packet.payload_offset - packet.transport_offset >= kHeader + kOneBlock;
}

bool is_keep_alive(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  return o.kind == SegmentKind::ack && o.segment.length <= 1 && x.has(TcpEndpoint::kHasSent) &&
         o.segment.seq == x.snd_max - 1 && x.una == x.snd_max;
}

void note_offer(const Occasion& o, const TcpOptions& options) noexcept {
  KeptOffer& offer = o.x().offer;
  const bool had_data = offer.data_in_syn;  // a repeated SYN leaves its data out
  offer.mss = options.mss;
  offer.has_window_scale = options.has_window_scale;
  offer.sack = options.sack_permitted;
  offer.timestamps = options.has_timestamps;
  offer.multipath = options.multipath;
  offer.data_in_syn = had_data || o.segment.length > 0;
  if (fast_open_of(options) > offer.fast_open) offer.fast_open = fast_open_of(options);
  offer.ecn = ecn_of(o.segment);
  const TcpEndpoint& y = o.y();
  if (o.kind == SegmentKind::syn_ack && y.offer.data_in_syn && is_after(o.segment.ack, y.iss + 1)) {
    o.connection.fast_open_accepted = true;
  }
}

void TcpTracker::measure_sent(const Occasion& o, const PacketView& packet, Sending& sending) const noexcept {
  if (sending.is_close) note_closer(o);
  if (o.kind == SegmentKind::rst) return;
  if (is_dup_ack(o, packet)) o.count_of_y(Trouble::dup_ack);
  if (may_carry_sack(packet)) hear_sack(o, packet);
  const TcpEndpoint& peer = o.y();
  const bool is_probed = peer.has(TcpEndpoint::kWindowDelivered) && peer.window_delivered == 0;
  if (is_keep_alive(o)) {
    if (!is_probed) o.count(Trouble::keep_alive);
    sending.is_filler = o.segment.length > 0;
  } else if (is_probed && probes_again(o)) {
    sending.is_filler = true;
  } else {
    classify(o, packet, sending);
  }
  measure_window(o, packet);
}

void TcpTracker::measure_window(const Occasion& o, const PacketView&) const noexcept {
  TcpEndpoint& x = o.x();
  if (o.kind == SegmentKind::syn && x.has(TcpEndpoint::kSentSyn)) return;  // within a connection: not believed yet
  const std::uint32_t window = window_of(x, o.y(), o.segment);
  if (!x.has_window) x.initial_window = o.segment.window;
  x.has_window = true;
  note_window(x, o.segment, window);
  if (o.kind == SegmentKind::ack && window == 0) {
    o.connection.facts.tell(o.who, 'W', o.count_of_y(Trouble::zero_window_segment));
    if (x.is_window_closed) return;
    o.count_of_y(Trouble::zero_window);
    x.is_window_closed = true;
    Packed<Duration>& closed = troubles_.need_rarities(o.y().troubles).zero_window_time;
    closed = closed.get() - o.now.time_since_epoch();
  } else if (window != 0 && x.is_window_closed) {
    x.is_window_closed = false;
    Packed<Duration>& closed = troubles_.need_rarities(o.y().troubles).zero_window_time;
    closed = closed.get() + o.now.time_since_epoch();
  }
}

void TcpTracker::measure_progress(const Occasion& o, SequenceNumber before) const noexcept {
  TcpEndpoint& x = o.x();
  std::uint32_t advance = x.snd_max - before;
  if (advance > 0 && o.segment.has(tcp_flag::kFin)) --advance;
  x.unique_payload += advance;
  x.max_in_flight = std::max(x.max_in_flight, x.snd_max - x.una);
}

// An ACK on its way to X: three of a kind make it repeat what it thinks is lost (RFC 5681 3.2).
void TcpTracker::measure_delivered(TcpConnection& connection, Role who, const TcpSegment& segment) const noexcept {
  TcpEndpoint& x = connection.of(who);
  TcpEndpoint& sender = connection.of(peer_of(who));
  const bool is_same_window = sender.has(TcpEndpoint::kWindowDelivered) && sender.window_delivered == segment.window;
  sender.window_delivered = segment.window;
  sender.seen |= TcpEndpoint::kWindowDelivered;
  if (!segment.has(tcp_flag::kAck) || !x.has(TcpEndpoint::kHasSent)) return;
  const bool is_sacked = x.troubles != 0 && troubles_.known_lists(x.troubles).sacked.count > 0;
  if (is_after(segment.ack, x.una)) {
    x.dup_acks_delivered = is_sacked ? 1 : 0;
    const bool is_over =
        x.recovery != Recovery::none && !is_before(segment.ack, troubles_.known_lists(x.troubles).recover);
    if (is_over) x.recovery = Recovery::none;
  } else if (segment.length == 0 && segment.ack == x.una && (is_same_window || is_sacked) &&
             is_after(x.snd_max, x.una) && x.dup_acks_delivered < 3 && kind_of(segment) == SegmentKind::ack) {
    ++x.dup_acks_delivered;
  }
}

void TcpTracker::fill_endpoint(EndpointFigures& figures, const TcpEndpoint& x, const TcpEndpoint& y,
                               TimePoint now) const noexcept {
  figures.initial_window = x.initial_window;
  figures.max_window = max_window_of(x);
  figures.max_in_flight = x.max_in_flight;
  figures.unique_payload_bytes = x.unique_payload;
  const Duration known = troubles_.known_rarities(y.troubles).zero_window_time.get();
  figures.zero_window_time = known + (x.is_window_closed ? now.time_since_epoch() : Duration{0});
  const KeptOffer& offer = x.offer;
  figures.offer.mss = static_cast<std::uint16_t>(offer.mss);
  figures.offer.has_window_scale = offer.has_window_scale;
  if (offer.has_window_scale) figures.offer.window_scale = x.window_scale;
  figures.offer.sack = offer.sack;
  figures.offer.timestamps = offer.timestamps;
  figures.offer.multipath = offer.multipath;
  figures.offer.data_in_syn = offer.data_in_syn;
  figures.offer.fast_open = offer.fast_open;
  figures.offer.ecn = offer.ecn;
}

void TcpTracker::fill(ConnectionFigures& figures, const TcpConnection& c, TimePoint now) const noexcept {
  fill_endpoint(figures.client, c.client, c.server, now);
  fill_endpoint(figures.server, c.server, c.client, now);
  const Handshake& h = c.handshake;
  figures.handshake_rtt_server = h.rtt_server();
  figures.handshake_rtt_client = h.rtt_client();
  figures.initial_rtt = h.rtt_initial();
  TcpFacts& facts = figures.tcp;
  facts.syn = c.facts.has_syn();
  facts.syn_ack = c.facts.has_syn_ack();
  facts.closed_first = c.closed_first;
  facts.conn_state = c.facts.conn_state();
  facts.history = c.facts.history();
  facts.handshake_rtt_server_net = h.rtt_server_net();
  const bool is_net_known =
      h.rtt_initial() != Duration{0} && h.rtt_server_net() != Duration{0} && h.rtt_client() != Duration{0};
  facts.initial_rtt_net = is_net_known ? h.rtt_server_net() + h.rtt_client() : Duration{0};
  facts.fast_open_accepted = c.fast_open_accepted;
  const auto of_both = [&](Trouble what) {
    return troubles_.count_of(c.client.troubles, what) + troubles_.count_of(c.server.troubles, what);
  };
  facts.syn_retries = of_both(Trouble::syn_retry);
  facts.syn_ack_retries = of_both(Trouble::syn_ack_retry);
  facts.rst_implausible = of_both(Trouble::rst_implausible);
  facts.challenge_acks = of_both(Trouble::challenge_answer);
  facts.invalid_flags = of_both(Trouble::invalid_flags);
  facts.bad_checksum = of_both(Trouble::bad_checksum);
}

}  // namespace wobble
