#include "emulator/connections/sequence_ranges.h"

namespace wobble {

void RangePool::add(RangeList& list, SequenceNumber begin, SequenceNumber end) noexcept {
  std::uint32_t* link = &list.head;
  while (*link != 0 && is_before(nodes_[*link].end, begin)) link = &nodes_[*link].next;
  if (*link == 0 || is_before(end, nodes_[*link].begin)) {
    if (list.count >= kMaxRanges) return;
    const std::uint32_t index = nodes_.take();
    if (index == 0) return;
    nodes_[index] = {begin, end, *link};
    *link = index;
    ++list.count;
    return;
  }
  Node& node = nodes_[*link];
  node.begin = earlier_of(node.begin, begin);
  node.end = later_of(node.end, end);
  while (node.next != 0 && !is_after(nodes_[node.next].begin, node.end)) {
    const std::uint32_t swallowed = node.next;
    node.end = later_of(node.end, nodes_[swallowed].end);
    node.next = nodes_[swallowed].next;
    nodes_.give_back(swallowed);
    --list.count;
  }
}

std::uint32_t RangePool::unlink_head(RangeList& list) noexcept {
  const std::uint32_t index = list.head;
  list.head = nodes_[index].next;
  --list.count;
  return index;
}

void RangePool::forget_below(RangeList& list, SequenceNumber edge) noexcept {
  while (list.head != 0 && !is_after(nodes_[list.head].end, edge)) nodes_.give_back(unlink_head(list));
  if (list.head != 0) nodes_[list.head].begin = later_of(nodes_[list.head].begin, edge);
}

bool RangePool::remove(RangeList& list, SequenceNumber begin, SequenceNumber end) noexcept {
  bool found = false;
  std::uint32_t* link = &list.head;
  while (*link != 0 && is_before(nodes_[*link].begin, end)) {
    Node& node = nodes_[*link];
    if (!is_after(node.end, begin)) {
      link = &node.next;
      continue;
    }
    found = true;
    const SequenceNumber old_end = node.end;
    const bool is_left = is_before(node.begin, begin);
    const bool is_right = is_after(old_end, end);
    if (is_left) {
      node.end = begin;
      if (is_right) add(list, end, old_end);
      link = &nodes_[*link].next;
    } else if (is_right) {
      node.begin = end;
      link = &node.next;
    } else {
      const std::uint32_t gone = *link;
      *link = node.next;
      nodes_.give_back(gone);
      --list.count;
    }
  }
  return found;
}

SequenceNumber RangePool::absorb(RangeList& list, SequenceNumber edge) noexcept {
  while (list.head != 0 && !is_after(nodes_[list.head].begin, edge)) {
    edge = later_of(edge, nodes_[list.head].end);
    nodes_.give_back(unlink_head(list));
  }
  return edge;
}

bool RangePool::covers(const RangeList& list, SequenceNumber begin, SequenceNumber end) const noexcept {
  for (std::uint32_t index = list.head; index != 0; index = nodes_[index].next) {
    if (!is_before(begin, nodes_[index].begin) && !is_after(end, nodes_[index].end)) return true;
  }
  return false;
}

bool RangePool::has_end_at(const RangeList& list, SequenceNumber edge) const noexcept {
  for (std::uint32_t index = list.head; index != 0; index = nodes_[index].next) {
    if (nodes_[index].end == edge) return true;
  }
  return false;
}

void RangePool::release(RangeList& list) noexcept {
  while (list.head != 0) nodes_.give_back(unlink_head(list));
  list = {};
}

}  // namespace wobble
