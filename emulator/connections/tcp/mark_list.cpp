#include "emulator/connections/tcp/mark_list.h"

namespace wobble {

void MarkPool::add(MarkList& list, TimePoint arrived, SequenceNumber seq, std::uint8_t copies, Mark mark) noexcept {
  if (list.count >= kMaxMarks) unlink_behind(list, list.tail);
  const std::uint32_t index = nodes_.take();
  if (index == 0) return;
  const std::uint32_t head = list.count > 0 ? nodes_[list.tail].next : index;
  nodes_[index] = {arrived, seq, head, mark, copies};
  if (list.count > 0) nodes_[list.tail].next = index;
  list.tail = index & kMostListNodes;
  ++list.count;
}

Mark MarkPool::take(MarkList& list, TimePoint arrived, SequenceNumber seq) noexcept {
  std::uint32_t before = list.tail;
  for (std::uint32_t left = list.count; left > 0; --left) {
    const std::uint32_t index = nodes_[before].next;
    Node& node = nodes_[index];
    if (node.arrived > arrived) break;
    if (node.arrived != arrived || node.seq != seq) {
      before = index;
      continue;
    }
    const Mark mark = node.mark;
    if (--node.copies == 0) unlink_behind(list, before);
    return mark;
  }
  return {};
}

void MarkPool::unlink_behind(MarkList& list, std::uint32_t before) noexcept {
  const std::uint32_t index = nodes_[before].next;
  nodes_[before].next = nodes_[index].next;
  if (list.tail == index) list.tail = before & kMostListNodes;
  nodes_.give_back(index);
  if (--list.count == 0) list.tail = 0;
}

void MarkPool::release(MarkList& list) noexcept {
  while (list.count > 0) unlink_behind(list, list.tail);
}

}  // namespace wobble
