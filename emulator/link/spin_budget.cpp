#include "emulator/link/spin_budget.h"

#include <algorithm>

namespace wobble {

Duration SpinBudget::lead(TimePoint now) noexcept {
  if (lead_ == Duration(0)) return lead_;
  forget_before(now);
  return total_ + lead_ <= kShare ? lead_ : Duration(0);
}

void SpinBudget::spent(TimePoint began, TimePoint ended) noexcept {
  forget_before(ended);
  slots_[static_cast<std::size_t>(slot_ % kSlots)] += ended - began;
  total_ += ended - began;
}

void SpinBudget::forget_before(TimePoint now) noexcept {
  const std::int64_t present = now.time_since_epoch() / kSlot;
  slot_ = std::max(slot_, present - kSlots);  // older ones are all forgotten anyway
  while (slot_ < present) {
    Duration& slot = slots_[static_cast<std::size_t>(++slot_ % kSlots)];
    total_ -= slot;
    slot = Duration(0);
  }
}

}  // namespace wobble
