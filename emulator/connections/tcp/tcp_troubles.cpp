#include "emulator/connections/tcp/tcp_troubles.h"

namespace wobble {
namespace {

constexpr std::size_t kFirstOdd = kCommonTroubles + kRareTroubles;
static_assert(static_cast<std::size_t>(Trouble::syn_retry) == kCommonTroubles);
static_assert(static_cast<std::size_t>(Trouble::invalid_flags) == kFirstOdd);
static_assert(static_cast<std::size_t>(Trouble::challenge_answer) + 1 == kTroubles);

}  // namespace

std::uint16_t& TroublePool::needed_count(TroublesIndex& index, std::size_t i) noexcept {
  if (i < kCommonTroubles) return need(index).counts[i];
  if (i < kFirstOdd) return need_rarities(index).counts[i - kCommonTroubles];
  return need_oddities(index).counts[i - kFirstOdd];
}

std::uint16_t TroublePool::known_count(TroublesIndex index, std::size_t i) const noexcept {
  if (i < kCommonTroubles) return known(index).counts[i];
  if (i < kFirstOdd) return known_rarities(index).counts[i - kCommonTroubles];
  return known_oddities(index).counts[i - kFirstOdd];
}

std::uint32_t TroublePool::count(TroublesIndex& index, Trouble what) noexcept {
  const auto i = static_cast<std::size_t>(what);
  if (++needed_count(index, i) == 0) ++need_carries(index).counts[i];
  return count_of(index, what);
}

void TroublePool::take_back(TroublesIndex& index, Trouble what) noexcept {
  const auto i = static_cast<std::size_t>(what);
  if (count_of(index, what) == 0) return;
  if (needed_count(index, i)-- == 0) --need_carries(index).counts[i];
}

std::uint32_t TroublePool::count_of(TroublesIndex index, Trouble what) const noexcept {
  const auto i = static_cast<std::size_t>(what);
  return known_count(index, i) | std::uint32_t{known_carries(index).counts[i]} << 16;
}

void TroublePool::fill(EndpointFigures& figures, TroublesIndex own, TroublesIndex peers) const noexcept {
  figures.retransmissions = count_of(own, Trouble::retransmission);
  figures.retransmissions_by_us = count_of(own, Trouble::retransmission_by_us);
  figures.retransmissions_fast = count_of(own, Trouble::fast);
  figures.retransmissions_spurious = count_of(own, Trouble::spurious);
  figures.retransmissions_lost_behind = count_of(own, Trouble::lost_behind);
  figures.retransmissions_lost_before = count_of(own, Trouble::lost_before);
  figures.dropped = count_of(own, Trouble::dropped);
  figures.duplicated = count_of(own, Trouble::duplicated);
  figures.corrupted = count_of(own, Trouble::corrupted);
  figures.reordered = count_of(own, Trouble::reordered);
  figures.out_of_order = count_of(own, Trouble::overtaken);
  figures.out_of_order_by_us = count_of(own, Trouble::out_of_order_by_us);
  figures.gaps = count_of(own, Trouble::gap);
  figures.dup_acks = count_of(peers, Trouble::dup_ack);
  figures.keep_alives = count_of(own, Trouble::keep_alive);
  figures.zero_windows = count_of(peers, Trouble::zero_window);
}

void TroublePool::release(TroublesIndex& index, RangePool& ranges) noexcept {
  if (index == 0) return;
  DataTroubles& troubles = troubles_[index];
  if (troubles.lists != 0) {
    DataLists& lists = lists_[troubles.lists];
    for (RangeList* list : {&lists.out_of_order, &lists.dropped, &lists.holes, &lists.sacked, &lists.repeated})
      ranges.release(*list);
    lists_.give_back(troubles.lists);
  }
  if (const std::uint32_t rare = troubles.next; rare != 0) {
    if (const std::uint32_t odd = rarities_[rare].next; odd != 0) {
      if (oddities_[odd].next != 0) carries_.give_back(oddities_[odd].next);
      oddities_.give_back(odd);
    }
    rarities_.give_back(rare);
  }
  troubles_.give_back(index);
  index = 0;
}

}  // namespace wobble
