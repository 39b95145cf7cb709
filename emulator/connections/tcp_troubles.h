// What most connections never need: the figures of loss, of closed windows and of oddities, and what measuring them
// takes. It is kept for each direction apart, as trouble is mostly with the data of one: what belongs to an endpoint's
// sending, and what its peer had to say of that. It is in blocks from pools, each taken when something of it is first
// to be kept: a direction without trouble costs a handle, one with losses the first block, and so on down the chain.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/connections/lazy_array.h"
#include "emulator/connections/packed.h"
#include "emulator/connections/sequence_ranges.h"
#include "emulator/figures.h"
#include "emulator/time.h"

namespace wobble {

/// What is counted of what an endpoint sends; see EndpointFigures and TcpFacts. In the order of the blocks.
enum class Trouble : std::uint8_t {
  // DataTroubles.
  retransmission,
  retransmission_by_us,
  dropped,
  duplicated,
  corrupted,
  reordered,
  out_of_order_by_us,
  fast,  ///< retransmissions, each in one class: by us before spurious before fast
  spurious,
  dup_ack,  ///< the peer's, of what this endpoint sends
  // DataRarities.
  syn_retry,
  syn_ack_retry,
  keep_alive,
  bad_checksum,
  gap,
  overtaken,    ///< out of order, before us
  zero_window,  ///< the peer's, as the next
  zero_window_segment,
  // DataOddities.
  invalid_flags,     ///< segments with impossible flags
  rst_implausible,   ///< row 31
  challenge_answer,  ///< row 35, answered
};
inline constexpr std::size_t kCommonTroubles = 10, kRareTroubles = 8, kOddTroubles = 3;
inline constexpr std::size_t kTroubles = kCommonTroubles + kRareTroubles + kOddTroubles;

/// The handle of the blocks of one direction, which is its sender's; 0: it needed none. Must be release()d before it is
/// forgotten.
using TroublesIndex = std::uint32_t;

/// What loss leaves behind, and its repair.
struct DataTroubles {
  std::array<std::uint16_t, kCommonTroubles> counts{};
  SequenceNumber recover = 0;  ///< a fast retransmission's recovery ends here (RFC 6582)
  RangeList out_of_order;      ///< delivered to the peer beyond its rcv_nxt
  RangeList dropped;           ///< of its segments: what we dropped or corrupted and it has not repeated yet
  std::uint32_t next = 0;      ///< its DataRarities; while the block is free, the pool's
};

/// Closed windows, what was lost before us, and what is counted seldom.
struct DataRarities {
  /// Of the peer's window; while it is closed, less the moment since which it is.
  Packed<Duration> zero_window_time;
  Packed<TimePoint> gap_at;  ///< when it last skipped ahead
  std::array<std::uint16_t, kRareTroubles> counts{};
  RangeList holes;         ///< what it skipped and has not sent since
  std::uint32_t next = 0;  ///< its DataOddities; while the block is free, the pool's
};

/// A SYN within a living connection (row 7), waiting to be understood.
struct PendingSyn {
  Role from = Role::client;
  std::uint8_t window_scale = 0;
  bool has_scale = false;
  SequenceNumber isn = 0;
  Packed<TimePoint> at;
};

struct DataOddities {
  PendingSyn pending;  ///< the client has that of either; if TcpConnection::has_pending_syn
  std::array<std::uint16_t, kOddTroubles> counts{};
  std::uint32_t next = 0;  ///< its DataCarries; while the block is free, the pool's
};

/// Of all counts, what is beyond 16 bits.
struct DataCarries {
  std::array<std::uint16_t, kTroubles> counts{};
  std::uint32_t next = 0;  ///< the pool's
};
static_assert(sizeof(DataTroubles) == 36 && sizeof(DataRarities) == 40 && sizeof(DataOddities) == 28);

class TroublePool {
 public:
  /// For so many connections: there are blocks for both endpoints of each of them.
  explicit TroublePool(std::uint32_t connections)
      : troubles_(2 * connections), rarities_(2 * connections), oddities_(2 * connections), carries_(2 * connections) {}

  // To look at: all zeroes if there is no block.
  const DataTroubles& known(TroublesIndex index) const noexcept { return troubles_[index]; }
  const DataRarities& known_rarities(TroublesIndex index) const noexcept { return rarities_[known(index).next]; }
  const DataOddities& known_oddities(TroublesIndex index) const noexcept {
    return oddities_[known_rarities(index).next];
  }
  // To write to.
  DataTroubles& need(TroublesIndex& index) noexcept { return need(troubles_, index, overflow_); }
  DataRarities& need_rarities(TroublesIndex& index) noexcept {
    return need(rarities_, need(index).next, overflow_of_rarities_);
  }
  DataOddities& need_oddities(TroublesIndex& index) noexcept {
    return need(oddities_, need_rarities(index).next, overflow_of_oddities_);
  }

  /// Once more; how often that is by now.
  std::uint32_t count(TroublesIndex& index, Trouble what) noexcept;
  std::uint32_t count_of(TroublesIndex index, Trouble what) const noexcept;

  /// What is counted of an endpoint, into its figures: with its own handle and its peer's.
  void fill(EndpointFigures& figures, TroublesIndex own, TroublesIndex peers) const noexcept;
  void release(TroublesIndex& index, RangePool& ranges) noexcept;

  /// Bytes in all blocks that are taken.
  std::size_t taken() const noexcept {
    return troubles_.taken() * sizeof(DataTroubles) + rarities_.taken() * sizeof(DataRarities) +
           oddities_.taken() * sizeof(DataOddities) + carries_.taken() * sizeof(DataCarries);
  }

 private:
  // The low 16 bits of a count, and the others.
  std::uint16_t& needed_count(TroublesIndex& index, std::size_t i) noexcept;
  std::uint16_t known_count(TroublesIndex index, std::size_t i) const noexcept;
  const DataCarries& known_carries(TroublesIndex index) const noexcept { return carries_[known_oddities(index).next]; }
  DataCarries& need_carries(TroublesIndex& index) noexcept {
    return need(carries_, need_oddities(index).next, overflow_of_carries_);
  }

  template <class Block>
  static Block& need(NodePool<Block>& pool, std::uint32_t& index, Block& overflow) noexcept {
    if (index == 0) {
      index = pool.take();
      if (index == 0) return overflow;
      pool[index] = Block{};
    }
    return pool[index];
  }

  NodePool<DataTroubles> troubles_;
  NodePool<DataRarities> rarities_;
  NodePool<DataOddities> oddities_;
  NodePool<DataCarries> carries_;
  // Written to if there are more connections than were announced; never read.
  DataTroubles overflow_;
  DataRarities overflow_of_rarities_;
  DataOddities overflow_of_oddities_;
  DataCarries overflow_of_carries_;
};

}  // namespace wobble
