#include "emulator/connections/tcp/tcp_figures.h"

#include <algorithm>
#include <optional>

#include "emulator/connections/tcp/tcp_window.h"
#include "emulator/connections/tcp/transition_conditions.h"

namespace wobble {
namespace {

// RFC 1122 4.2.3.6: an octet (or none) that was acknowledged long ago, to make the peer answer.
bool is_keep_alive(const Occasion& o) noexcept {
  const TcpEndpoint& x = o.x();
  return o.kind == SegmentKind::ack && o.segment.length <= 1 && x.has(TcpEndpoint::kHasSent) &&
         o.segment.seq == x.snd_max - 1 && x.una == x.snd_max;
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

void fill_endpoint(EndpointFigures& figures, const TcpEndpoint& x, const TcpEndpoint& y, const TroublePool& troubles,
                   TimePoint now) noexcept {
  figures.initial_window = x.initial_window;
  figures.max_window = max_window_of(x);
  figures.max_in_flight = x.max_in_flight;
  figures.unique_payload_bytes = x.unique_payload;
  const Duration known = troubles.known_rarities(y.troubles).zero_window_time.get();
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

}  // namespace

void measure_sent(const Occasion& o, const PacketView& packet, Sending& sending) noexcept {
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
  measure_window(o);
}

void measure_progress(const Occasion& o, SequenceNumber before) noexcept {
  TcpEndpoint& x = o.x();
  std::uint32_t advance = x.snd_max - before;
  if (advance > 0 && o.segment.has(tcp_flag::kFin)) --advance;
  x.unique_payload += advance;
  x.max_in_flight = std::max(x.max_in_flight, x.snd_max - x.una);
}

void time_sent(const Occasion& o, const PacketView& packet) noexcept {
  const bool is_own_syn = o.kind == SegmentKind::syn && o.who == Role::client && o.segment.seq == o.x().iss;
  if (!is_own_syn && o.kind != SegmentKind::syn_ack) return;
  const TcpOptions options = parse_tcp_options(packet);
  const auto if_there = [&](std::uint32_t value) {
    return options.has_timestamps ? std::optional(value) : std::nullopt;
  };
  if (is_own_syn) return o.connection.handshake.syn_sent(if_there(options.ts_value));
  o.connection.handshake.syn_ack_sent(if_there(options.ts_echo), o.now);
}

void time_delivered(TcpConnection& connection, SegmentKind kind, TimePoint arrived, TimePoint now) noexcept {
  if (kind == SegmentKind::syn && !connection.server.has(TcpEndpoint::kSentSyn)) {
    connection.handshake.syn_delivered(arrived, now);
  }
  if (kind == SegmentKind::syn_ack && connection.client.state == TcpState::syn_sent) {
    connection.handshake.syn_ack_delivered(now);
  }
}

void fill_figures(ConnectionFigures& figures, const TcpConnection& c, const TroublePool& troubles,
                  TimePoint now) noexcept {
  fill_endpoint(figures.client, c.client, c.server, troubles, now);
  fill_endpoint(figures.server, c.server, c.client, troubles, now);
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
    return troubles.count_of(c.client.troubles, what) + troubles.count_of(c.server.troubles, what);
  };
  facts.syn_retries = of_both(Trouble::syn_retry);
  facts.syn_ack_retries = of_both(Trouble::syn_ack_retry);
  facts.rst_implausible = of_both(Trouble::rst_implausible);
  facts.challenge_acks = of_both(Trouble::challenge_answer);
  facts.invalid_flags = of_both(Trouble::invalid_flags);
  facts.bad_checksum = of_both(Trouble::bad_checksum);
}

}  // namespace wobble
