#include "emulator/connections/flow_counters.h"

#include <bit>

namespace wobble {

FlowCounters::FlowCounters(std::uint32_t capacity)
    : entries_(std::size_t{capacity} + 1), buckets_(std::bit_ceil(std::size_t{capacity} + 1)) {}

std::uint32_t FlowCounters::find(std::uint64_t name) const noexcept {
  std::uint32_t index = buckets_[name & (buckets_.size() - 1)];
  while (index != 0 && entries_[index].name != name) index = entries_[index].chain;
  return index;
}

void FlowCounters::unlink(std::uint32_t index) noexcept {
  Entry& entry = entries_[index];
  (entry.older != 0 ? entries_[entry.older].newer : oldest_) = entry.newer;
  (entry.newer != 0 ? entries_[entry.newer].older : newest_) = entry.older;
}

void FlowCounters::append(std::uint32_t index) noexcept {
  entries_[index].older = newest_;
  entries_[index].newer = 0;
  (newest_ != 0 ? entries_[newest_].newer : oldest_) = index;
  newest_ = index;
}

std::uint32_t FlowCounters::forget_oldest() noexcept {
  const std::uint32_t index = oldest_;
  unlink(index);
  std::uint32_t* link = &bucket(entries_[index].name);
  while (*link != index) link = &entries_[*link].chain;
  *link = entries_[index].chain;
  return index;
}

std::uint32_t FlowCounters::next(std::uint64_t name) noexcept {
  std::uint32_t index = find(name);
  if (index != 0) {
    unlink(index);
  } else {
    index = used_ + 1 < entries_.size() ? ++used_ : forget_oldest();
    Entry& entry = entries_[index];
    entry.name = name;
    entry.count = 0;
    entry.chain = bucket(name);
    bucket(name) = index;
  }
  append(index);
  return ++entries_[index].count;
}

}  // namespace wobble
