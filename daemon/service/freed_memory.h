// Much that was in flight and is so no more leaves memory behind that the links and the C library keep. It goes back to
// the system.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "emulator/memory_budget.h"

namespace wobble::daemon {

/// One thread, which asks a few times a second.
class FreedMemory {
 public:
  explicit FreedMemory(const MemoryBudget& budget) : budget_(budget) {}

  /// `release_unused` makes the links give back theirs; until the next look at the latest.
  template <typename F>
  void look(const F& release_unused) {
    if (std::exchange(is_released_, false)) ::malloc_trim(0);
    const std::size_t taken = budget_.taken();
    highest_ = std::max(highest_, taken);
    const bool still_falls = taken < last_;
    last_ = taken;
    if (highest_ - taken < kMuch || still_falls) return;
    highest_ = taken;
    release_unused();
    is_released_ = true;
  }

 private:
  static constexpr std::size_t kMuch = std::size_t{16} << 20;

  const MemoryBudget& budget_;
  std::size_t highest_ = 0;  ///< since memory was returned
  std::size_t last_ = 0;
  bool is_released_ = false;
};

}  // namespace wobble::daemon
