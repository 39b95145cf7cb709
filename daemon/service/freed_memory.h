// Much that was in flight and is so no more leaves memory behind that the C library keeps. It goes back to the system.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstddef>

#include "emulator/memory_budget.h"

namespace wobble::daemon {

/// One thread, which asks a few times a second.
class FreedMemory {
 public:
  explicit FreedMemory(const MemoryBudget& budget) : budget_(budget) {}

  void look() {
    const std::size_t taken = budget_.taken();
    highest_ = std::max(highest_, taken);
    const bool still_falls = taken < last_;
    last_ = taken;
    if (highest_ - taken < kMuch || still_falls) return;
    highest_ = taken;
    ::malloc_trim(0);
  }

 private:
  static constexpr std::size_t kMuch = std::size_t{16} << 20;

  const MemoryBudget& budget_;
  std::size_t highest_ = 0;  ///< since memory was returned
  std::size_t last_ = 0;
};

}  // namespace wobble::daemon
