#include "emulator/connections/close_list.h"

namespace wobble {

void ClosePool::add(CloseList& list, const CloseSegment& segment) noexcept {
  const std::uint32_t index = list.count < CloseSegments::kMax ? nodes_.take() : 0;
  if (index == 0) {
    if (list.left_out < 0xffff) ++list.left_out;
    return;
  }
  nodes_[index].set(segment);
  nodes_[index].next = 0;
  ++list.count;
  if (list.head == 0) {
    list.head = index & kMostListNodes;
    return;
  }
  std::uint32_t last = list.head;
  while (nodes_[last].next != 0) last = nodes_[last].next;
  nodes_[last].next = index;
}

void ClosePool::deliver(const CloseList& list, Role side, TimePoint at) noexcept {
  for (std::uint32_t index = list.head; index != 0; index = nodes_[index].next) {
    CloseSegment segment = nodes_[index].segment();
    if (segment.side != side || segment.at != at) continue;
    segment.is_delivered = true;
    nodes_[index].set(segment);
  }
}

CloseSegments ClosePool::read(const CloseList& list) const noexcept {
  CloseSegments segments;
  for (std::uint32_t index = list.head; index != 0; index = nodes_[index].next) {
    segments.add(nodes_[index].segment());
  }
  segments.add_left_out(list.left_out);
  return segments;
}

void ClosePool::release(CloseList& list) noexcept {
  while (list.head != 0) {
    const std::uint32_t index = list.head;
    list.head = nodes_[index].next & kMostListNodes;
    nodes_.give_back(index);
  }
  list = {};
}

}  // namespace wobble
