#include "emulator/connections/tcp/segment_kind.h"

namespace wobble {

SegmentKind kind_of(const TcpSegment& segment) noexcept {
  using namespace tcp_flag;
  switch (segment.flags & (kSyn | kFin | kRst | kAck)) {
    case kSyn: return SegmentKind::syn;
    case kSyn | kAck:
    case kSyn | kAck | kFin: return SegmentKind::syn_ack;
    case kRst:
    case kRst | kAck:
    case kRst | kFin:
    case kRst | kFin | kAck: return SegmentKind::rst;
    case kFin | kAck: return SegmentKind::fin;
    case kAck: return SegmentKind::ack;
    default: return SegmentKind::invalid;
  }
}

bool has_odd_flags(const TcpSegment& segment) noexcept {
  return kind_of(segment) == SegmentKind::invalid || (segment.has(tcp_flag::kRst) && segment.has(tcp_flag::kFin));
}

}  // namespace wobble
