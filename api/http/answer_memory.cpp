#include "api/http/answer_memory.h"

namespace wobble::api {

std::shared_ptr<MemoryShare> AnswerMemory::take(std::size_t bytes) const {
  for (const std::shared_ptr<MemoryBudget>& budget : {reserve_, budget_}) {
    try {
      if (budget) return std::make_shared<MemoryShare>(budget, bytes);
    } catch (const std::bad_alloc&) {
    }
  }
  return nullptr;
}

}  // namespace wobble::api
