// What requests' bodies and answers take while they wait for their clients. It counts in --memory, as packets in flight
// do, but for the first part, which is kept for them alone: also while packets have taken all the rest, the API
// answers.
//
// Thread: any.
#pragma once

#include <cstddef>
#include <memory>

#include "emulator/memory_budget.h"

namespace wobble::api {

class AnswerMemory {
 public:
  /// In bytes, beside the budget.
  static constexpr std::size_t kReserved = std::size_t{16} << 20;

  /// `budget`: null, and nothing but the reserve is there.
  explicit AnswerMemory(std::shared_ptr<MemoryBudget> budget)
      : budget_(std::move(budget)), reserve_(std::make_shared<MemoryBudget>(kReserved)) {}

  /// So many bytes, until what is returned goes; null if there is no room for them now.
  std::shared_ptr<MemoryShare> take(std::size_t bytes) const;

 private:
  std::shared_ptr<MemoryBudget> budget_;
  std::shared_ptr<MemoryBudget> reserve_;
};

}  // namespace wobble::api
