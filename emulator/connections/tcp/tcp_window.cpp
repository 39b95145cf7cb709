#include "emulator/connections/tcp/tcp_window.h"

#include <algorithm>

namespace wobble {
namespace {

constexpr std::uint8_t kMaxWindowScale = 14;  // RFC 7323 2.3

}  // namespace

std::uint32_t window_of(const TcpEndpoint& x, const TcpEndpoint& y, const TcpSegment& segment) noexcept {
  const bool is_scaled = x.has(TcpEndpoint::kHasScale) && y.has(TcpEndpoint::kHasScale) && !segment.has(tcp_flag::kSyn);
  return std::uint32_t{segment.window} << (is_scaled ? std::min(x.window_scale, kMaxWindowScale) : 0);
}

void note_window(TcpEndpoint& x, const TcpSegment& segment, std::uint32_t window) noexcept {
  x.window_sent = segment.window;
  if (window <= max_window_of(x)) return;
  x.max_window = segment.window;
  x.seen &= ~TcpEndpoint::kMaxIsScaled;
  if (window != segment.window) x.seen |= TcpEndpoint::kMaxIsScaled;
}

std::uint32_t max_window_of(const TcpEndpoint& x) noexcept {
  return std::uint32_t{x.max_window} << (x.has(TcpEndpoint::kMaxIsScaled) ? std::min(x.window_scale, kMaxWindowScale)
                                                                          : 0);
}

void measure_window(const Occasion& o) noexcept {
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
    Packed<Duration>& closed = o.pool.need_rarities(o.y().troubles).zero_window_time;
    closed = closed.get() - o.now.time_since_epoch();
  } else if (window != 0 && x.is_window_closed) {
    x.is_window_closed = false;
    Packed<Duration>& closed = o.pool.need_rarities(o.y().troubles).zero_window_time;
    closed = closed.get() + o.now.time_since_epoch();
  }
}

}  // namespace wobble
