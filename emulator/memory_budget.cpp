#include "emulator/memory_budget.h"

namespace wobble {

bool MemoryBudget::take(std::size_t bytes) noexcept {
  std::size_t taken = taken_.load(std::memory_order_relaxed);
  do {
    if (bytes > limit_ - taken) return false;
  } while (!taken_.compare_exchange_weak(taken, taken + bytes, std::memory_order_relaxed));
  return true;
}

}  // namespace wobble
