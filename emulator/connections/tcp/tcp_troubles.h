// What most connections never need: the figures of loss, of closed windows and of oddities, and what measuring them
// takes. It is kept for each direction apart, as trouble is mostly with the data of one: what belongs to an endpoint's
// sending, and what its peer had to say of that. It is in blocks from pools, each taken when something of it is first
// to be kept: a direction without trouble costs a handle, one with losses the first block, and so on down the chain.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/connections/tcp/sequence_ranges.h"
#include "emulator/events/figures.h"
#include "emulator/lazy_array.h"
#include "emulator/packed.h"
#include "emulator/time.h"

namespace wobble {

/// What is counted of what an endpoint sends; see EndpointFigures and TcpFacts. In the order of the blocks.
enum class Trouble : std::uint8_t {
  // DataTroubles.
  retransmission,
  retransmission_by_us,
  lost_behind,  ///< retransmissions of what we had delivered and the peer had not acknowledged
  lost_before,  ///< retransmissions of what never passed here
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
  fin_retry,  ///< a FIN alone
  keep_alive,
  bad_checksum,
  gap,
  overtaken,    ///< out of order, before us
  zero_window,  ///< the peer's, as the next
  zero_window_segment,
  // DataOddities.
  invalid_flags,     ///< segments with impossible flags
  rst_implausible,   ///< row reset_implausible
  challenge_answer,  ///< row reset_challenged, answered
};
inline constexpr std::size_t kCommonTroubles = 12, kRareTroubles = 9, kOddTroubles = 3;
inline constexpr std::size_t kTroubles = kCommonTroubles + kRareTroubles + kOddTroubles;

/// The handle of the blocks of one direction, which is its sender's; 0: it needed none. Must be release()d before it is
/// forgotten.
using TroublesIndex = std::uint32_t;

/// Segments that nothing else confirms: a FIN or an acknowledgment ahead of what its sender has sent, or anything
/// beyond what the peer ever offered. It is believed when the peer acknowledges it, or when what is before it has come
/// too.
struct Claim {
  SequenceNumber begin = 0;  ///< of the lowest of them
  SequenceNumber end = 0;    ///< of the highest
  bool is_there = false;
  bool has_fin = false;  ///< the FIN is the last number before `end`
  bool is_beyond_offer = false;
};

/// Of a range that was sent again, in bits: how it was counted.
struct Repetition {
  static constexpr std::uint8_t kFast = 1, kLostBehind = 2, kLostBefore = 4, kSpurious = 8;
  static constexpr std::uint32_t kMost = 16;  ///< are remembered
};

/// What loss leaves behind.
struct DataTroubles {
  std::array<std::uint16_t, kCommonTroubles> counts{};
  std::uint32_t lists = 0;  ///< its DataLists
  std::uint32_t next = 0;   ///< its DataRarities; while the block is free, the pool's
};

/// What is being repaired: kept as long as there is something in it.
struct DataLists {
  RangeList out_of_order;  ///< delivered to the peer beyond its rcv_nxt
  RangeList dropped;       ///< of its segments: what we dropped or corrupted and it has not repeated yet
  RangeList holes;         ///< what it skipped and has not sent since
  RangeList sacked;        ///< what the peer has said that it has beyond its ack_sent
  RangeList repeated;      ///< what it sent again and may turn out to have been received twice; tags are Repetition's
  SequenceNumber repeated_until = 0;  ///< what it had sent by then: acknowledged beyond, nobody speaks of `repeated`
  SequenceNumber recover = 0;         ///< while TcpEndpoint::recovery goes on: it ends here (RFC 6582)
  Packed<TimePoint> repeated_at;      ///< the last of `repeated`
  Packed<TimePoint> gap_at;           ///< when it last skipped ahead
  std::uint32_t gap_timestamp = 0;    ///< what the segment that did so bears (RFC 7323); if has_gap_timestamp
  Claim claim;                        ///< what it says that it sent, and is not believed yet
  SequenceNumber acked = 0;           ///< what the peer says it has of what never passed here; if has_acked
  bool has_gap_timestamp = false;
  bool has_acked = false;
  bool is_acked_delivered = false;  ///< the segment that says so was
  std::uint32_t next = 0;           ///< while the block is free, the pool's

  bool is_empty() const noexcept {
    return out_of_order.count == 0 && dropped.count == 0 && holes.count == 0 && sacked.count == 0 &&
           repeated.count == 0 && !claim.is_there && !has_acked;
  }
};

/// Closed windows, what was lost before us, and what is counted seldom.
struct DataRarities {
  /// Of the peer's window; while it is closed, less the moment since which it is.
  Packed<Duration> zero_window_time;
  std::array<std::uint16_t, kRareTroubles> counts{};
  std::uint32_t next = 0;  ///< its DataOddities; while the block is free, the pool's
};

/// A SYN within a living connection (row syn_within), waiting to be understood.
struct PendingSyn {
  Role from = Role::client;
  std::uint8_t window_scale = 0;
  bool has_scale = false;
  bool is_scale_cut = false;  ///< TcpOptions::is_scale_unknown()
  SequenceNumber isn = 0;
};

struct DataOddities {
  PendingSyn pending;            ///< the client has that of either; if TcpConnection::has_pending_syn
  SequenceNumber other_isn = 0;  ///< of another SYN-ACK it sent; if TcpEndpoint::kTwoIsns
  std::array<std::uint16_t, kOddTroubles> counts{};
  std::uint32_t next = 0;  ///< its DataCarries; while the block is free, the pool's
};

/// Of all counts, what is beyond 16 bits.
struct DataCarries {
  std::array<std::uint16_t, kTroubles> counts{};
  std::uint32_t next = 0;  ///< the pool's
};
static_assert(sizeof(DataTroubles) == 32 && sizeof(DataRarities) == 32 && sizeof(DataOddities) == 24);

class TroublePool {
 public:
  /// For so many connections: there are blocks for both endpoints of each of them.
  explicit TroublePool(std::uint32_t connections)
      : troubles_(2 * connections),
        lists_(2 * connections),
        rarities_(2 * connections),
        oddities_(2 * connections),
        carries_(2 * connections) {}

  // To look at: all zeroes if there is no block.
  const DataTroubles& known(TroublesIndex index) const noexcept { return troubles_[index]; }
  const DataLists& known_lists(TroublesIndex index) const noexcept { return lists_[known(index).lists]; }
  const DataRarities& known_rarities(TroublesIndex index) const noexcept { return rarities_[known(index).next]; }
  const DataOddities& known_oddities(TroublesIndex index) const noexcept {
    return oddities_[known_rarities(index).next];
  }
  // To write to.
  DataTroubles& need(TroublesIndex& index) noexcept { return need(troubles_, index, overflow_); }
  DataLists& need_lists(TroublesIndex& index) noexcept { return need(lists_, need(index).lists, overflow_of_lists_); }
  DataRarities& need_rarities(TroublesIndex& index) noexcept {
    return need(rarities_, need(index).next, overflow_of_rarities_);
  }
  DataOddities& need_oddities(TroublesIndex& index) noexcept {
    return need(oddities_, need_rarities(index).next, overflow_of_oddities_);
  }

  /// Nothing of the lists is needed if they are empty.
  void tidy_lists(TroublesIndex index) noexcept {
    if (index == 0) return;
    std::uint32_t& lists = troubles_[index].lists;
    if (lists == 0 || !lists_[lists].is_empty()) return;
    lists_.give_back(lists);
    lists = 0;
  }

  /// Once less than it was counted.
  void take_back(TroublesIndex& index, Trouble what) noexcept;
  /// Once more; how often that is by now.
  std::uint32_t count(TroublesIndex& index, Trouble what) noexcept;
  std::uint32_t count_of(TroublesIndex index, Trouble what) const noexcept;

  /// What is counted of an endpoint, into its figures: with its own handle and its peer's.
  void fill(EndpointFigures& figures, TroublesIndex own, TroublesIndex peers) const noexcept;
  void release(TroublesIndex& index, RangePool& ranges) noexcept;

  /// Bytes in all blocks that are taken.
  std::size_t taken() const noexcept {
    return troubles_.taken() * sizeof(DataTroubles) + lists_.taken() * sizeof(DataLists) +
           rarities_.taken() * sizeof(DataRarities) + oddities_.taken() * sizeof(DataOddities) +
           carries_.taken() * sizeof(DataCarries);
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
  NodePool<DataLists> lists_;
  NodePool<DataRarities> rarities_;
  NodePool<DataOddities> oddities_;
  NodePool<DataCarries> carries_;
  // Written to if there are more connections than were announced; never read.
  DataTroubles overflow_;
  DataLists overflow_of_lists_;
  DataRarities overflow_of_rarities_;
  DataOddities overflow_of_oddities_;
  DataCarries overflow_of_carries_;
};

}  // namespace wobble
