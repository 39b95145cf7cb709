#include "emulator/connections/tcp/tcp_offer.h"

namespace wobble {
namespace {

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

}  // namespace

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

}  // namespace wobble
