// What most connections never need: the figures of loss, of closed windows and of oddities, and what measuring them
// takes. One block a connection, from a pool, taken when first something of it is to be kept; a connection without
// trouble pays for a handle.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/connections/lazy_array.h"
#include "emulator/connections/sequence_ranges.h"
#include "emulator/figures.h"
#include "emulator/time.h"

namespace wobble {

/// Of one endpoint; the figures are of its sending, and their names EndpointFigures'.
struct EndpointTroubles {
  // Counted of any protocol.
  std::uint32_t retransmissions = 0;
  std::uint32_t retransmissions_by_us = 0;
  std::uint32_t dropped_packets = 0;
  std::uint32_t duplicated = 0;
  std::uint32_t corrupted = 0;
  std::uint32_t reordered = 0;
  std::uint32_t out_of_order_by_us = 0;
  // TCP's.
  std::uint32_t fast = 0;  ///< retransmissions, each in one class: by us before spurious before fast
  std::uint32_t spurious = 0;
  std::uint32_t overtaken = 0;  ///< out of order, before us
  std::uint32_t gaps = 0;
  std::uint32_t dup_acks = 0;
  std::uint32_t keep_alives = 0;
  std::uint32_t zero_windows = 0;
  std::uint32_t zero_window_segments = 0;
  SequenceNumber recover = 0;  ///< a fast retransmission's recovery ends here (RFC 6582)
  RangeList out_of_order;      ///< delivered to it beyond rcv_nxt
  RangeList dropped;           ///< of its segments: what we dropped or corrupted and it has not repeated yet
  RangeList holes;             ///< what it skipped and has not sent since
  /// While the window is closed, less the moment since which it is.
  Duration zero_window_time{0};
  TimePoint gap_at{};  ///< when it last skipped ahead
};

/// A SYN within a living connection (row 7), waiting to be understood.
struct PendingSyn {
  bool is_set = false;
  Role from = Role::client;
  std::uint8_t window_scale = 0;
  bool has_scale = false;
  SequenceNumber isn = 0;
  TimePoint at{};
};

struct Troubles {
  EndpointTroubles client;
  EndpointTroubles server;
  PendingSyn pending;
  std::uint16_t invalid_flags = 0;    ///< segments with impossible flags
  std::uint16_t rst_implausible = 0;  ///< row 31
  std::uint16_t challenge_acks = 0;   ///< row 35, answered
  std::uint16_t bad_checksum = 0;
  std::uint16_t syn_retries = 0;
  std::uint16_t syn_ack_retries = 0;
  std::uint32_t next = 0;  ///< the pool's

  EndpointTroubles& of(Role role) noexcept { return role == Role::client ? client : server; }
  const EndpointTroubles& of(Role role) const noexcept { return role == Role::client ? client : server; }
};

/// The handle of one block; 0: none was needed. Must be release()d before it is forgotten.
using TroublesIndex = std::uint32_t;

class TroublePool {
 public:
  /// For so many connections: there is a block for each of them.
  explicit TroublePool(std::uint32_t connections) : blocks_(connections) {}

  /// To look at: all zeroes if there is no block. Valid until the next need().
  const Troubles& known(TroublesIndex index) const noexcept { return blocks_[index]; }
  /// To write to.
  Troubles& need(TroublesIndex& index) noexcept {
    if (index == 0) {
      index = blocks_.take();
      if (index == 0) return overflow_;
      blocks_[index] = Troubles{};
    }
    return blocks_[index];
  }
  void release(TroublesIndex& index, RangePool& ranges) noexcept {
    if (index == 0) return;
    for (EndpointTroubles* x : {&blocks_[index].client, &blocks_[index].server}) {
      for (RangeList* list : {&x->out_of_order, &x->dropped, &x->holes}) ranges.release(*list);
    }
    blocks_.give_back(index);
    index = 0;
  }

  std::uint32_t taken() const noexcept { return blocks_.taken(); }

 private:
  NodePool<Troubles> blocks_;
  Troubles overflow_;  ///< written to if there are more connections than were announced; never read
};

}  // namespace wobble
