#include "emulator/connections/mark_list.h"

namespace wobble {

void MarkPool::add(MarkList& list, TimePoint arrived, SequenceNumber seq, std::uint8_t copies, Mark mark) noexcept {
  if (list.count >= kMaxMarks) drop_head(list);
  const std::uint32_t index = nodes_.take();
  if (index == 0) return;
  nodes_[index] = {arrived, seq, 0, mark, copies};
  (list.tail != 0 ? nodes_[list.tail].next : list.head) = index;
  list.tail = index;
  ++list.count;
}

Mark MarkPool::take(MarkList& list, TimePoint arrived, SequenceNumber seq) noexcept {
  std::uint32_t before = 0;
  for (std::uint32_t index = list.head; index != 0 && nodes_[index].arrived <= arrived; index = nodes_[index].next) {
    Node& node = nodes_[index];
    if (node.arrived != arrived || node.seq != seq) {
      before = index;
      continue;
    }
    const Mark mark = node.mark;
    if (--node.copies == 0) {
      (before != 0 ? nodes_[before].next : list.head) = node.next;
      if (list.tail == index) list.tail = before;
      nodes_.give_back(index);
      --list.count;
    }
    return mark;
  }
  return {};
}

void MarkPool::drop_head(MarkList& list) noexcept {
  const std::uint32_t index = list.head;
  list.head = nodes_[index].next;
  if (list.head == 0) list.tail = 0;
  nodes_.give_back(index);
  --list.count;
}

void MarkPool::release(MarkList& list) noexcept {
  while (list.head != 0) drop_head(list);
}

}  // namespace wobble
