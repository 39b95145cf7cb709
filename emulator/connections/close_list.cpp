#include "emulator/connections/close_list.h"

namespace wobble {

void ClosePool::add(CloseList& list, const CloseSegment& segment) noexcept {
  const std::uint32_t index = list.count < CloseSegments::kMax ? nodes_.take() : 0;
  if (index == 0) {
    if (list.left_out < 0xffff) ++list.left_out;
    return;
  }
  nodes_[index] = {CloseSegments::pack(segment), 0};
  std::uint32_t* link = &list.head;
  while (*link != 0) link = &nodes_[*link].next;
  *link = index;
  ++list.count;
}

void ClosePool::deliver(const CloseList& list, Role side, TimePoint at) noexcept {
  for (std::uint32_t index = list.head; index != 0; index = nodes_[index].next) {
    CloseSegment segment = CloseSegments::unpack(nodes_[index].word);
    if (segment.side != side || segment.at != at) continue;
    segment.is_delivered = true;
    nodes_[index].word = CloseSegments::pack(segment);
  }
}

CloseSegments ClosePool::read(const CloseList& list) const noexcept {
  CloseSegments segments;
  for (std::uint32_t index = list.head; index != 0; index = nodes_[index].next) {
    segments.add(CloseSegments::unpack(nodes_[index].word));
  }
  segments.add_left_out(list.left_out);
  return segments;
}

void ClosePool::release(CloseList& list) noexcept {
  while (list.head != 0) {
    const std::uint32_t index = list.head;
    list.head = nodes_[index].next;
    nodes_.give_back(index);
  }
  list = {};
}

}  // namespace wobble
