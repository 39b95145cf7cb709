#include "emulator/connections/tcp_troubles.h"

namespace wobble {
namespace {

constexpr std::size_t kFirstOdd = kCommonTroubles + kRareTroubles;
static_assert(static_cast<std::size_t>(Trouble::gap) == kCommonTroubles);
static_assert(static_cast<std::size_t>(Trouble::invalid_flags) == kFirstOdd);
static_assert(static_cast<std::size_t>(Trouble::challenge_answer) + 1 == kFirstOdd + kOddTroubles);

}  // namespace

std::uint32_t TroublePool::count(TroublesIndex& index, Trouble what) noexcept {
  const auto i = static_cast<std::size_t>(what);
  if (i >= kFirstOdd) return ++need_oddities(index).counts[i - kFirstOdd];
  if (i >= kCommonTroubles) return ++need_rarities(index).counts[i - kCommonTroubles];
  std::uint16_t& n = need(index).counts[i];
  if (++n == 0) ++need_oddities(index).beyond[i];
  return count_of(index, what);
}

std::uint32_t TroublePool::count_of(TroublesIndex index, Trouble what) const noexcept {
  const auto i = static_cast<std::size_t>(what);
  if (i >= kFirstOdd) return known_oddities(index).counts[i - kFirstOdd];
  if (i >= kCommonTroubles) return known_rarities(index).counts[i - kCommonTroubles];
  return known(index).counts[i] | std::uint32_t{known_oddities(index).beyond[i]} << 16;
}

void TroublePool::fill(EndpointFigures& figures, TroublesIndex own, TroublesIndex peers) const noexcept {
  figures.retransmissions = count_of(own, Trouble::retransmission);
  figures.retransmissions_by_us = count_of(own, Trouble::retransmission_by_us);
  figures.retransmissions_fast = count_of(own, Trouble::fast);
  figures.retransmissions_spurious = count_of(own, Trouble::spurious);
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
  ranges.release(troubles.out_of_order);
  ranges.release(troubles.dropped);
  if (const std::uint32_t rare = troubles.next; rare != 0) {
    ranges.release(rarities_[rare].holes);
    if (rarities_[rare].next != 0) oddities_.give_back(rarities_[rare].next);
    rarities_.give_back(rare);
  }
  troubles_.give_back(index);
  index = 0;
}

}  // namespace wobble
