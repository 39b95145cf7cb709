#include "emulator/connections/tcp/sequence_ranges.h"

namespace wobble {

void RangePool::insert_behind(RangeList& list, std::uint32_t previous, SequenceNumber begin,
                              SequenceNumber end) noexcept {
  if (list.count >= kMaxRanges) return;
  const std::uint32_t index = nodes_.take();
  if (index == 0) return;
  if (previous == 0) previous = index;
  nodes_[index] = {begin, end, (previous == index ? index : nodes_[previous].next) & kMostListNodes, 0};
  nodes_[previous].next = index & kMostListNodes;
  ++list.count;
  if (list.last == 0 || (previous == list.last && !is_before(begin, nodes_[list.last].begin)))
    list.last = index & kMostListNodes;
}

void RangePool::add(RangeList& list, SequenceNumber begin, SequenceNumber end) noexcept {
  if (list.last == 0 || is_before(nodes_[list.last].end, begin)) return insert_behind(list, list.last, begin, end);
  if (!is_before(begin, nodes_[list.last].begin)) {
    nodes_[list.last].end = later_of(nodes_[list.last].end, end);
    return;
  }
  std::uint32_t previous = list.last, index = nodes_[list.last].next;
  while (is_before(nodes_[index].end, begin)) {
    previous = index;
    index = nodes_[index].next;
  }
  if (is_before(end, nodes_[index].begin)) return insert_behind(list, previous, begin, end);
  Node& node = nodes_[index];
  node.begin = earlier_of(node.begin, begin);
  node.end = later_of(node.end, end);
  while (index != list.last && !is_after(nodes_[node.next].begin, node.end)) {
    const std::uint32_t swallowed = node.next;
    node.end = later_of(node.end, nodes_[swallowed].end);
    unlink(list, index, swallowed);
    nodes_.give_back(swallowed);
  }
}

void RangePool::unlink(RangeList& list, std::uint32_t previous, std::uint32_t index) noexcept {
  nodes_[previous].next = nodes_[index].next;
  if (index == list.last) list.last = previous == index ? 0 : previous & kMostListNodes;
  --list.count;
}

void RangePool::drop_first(RangeList& list) noexcept {
  const std::uint32_t index = first(list);
  unlink(list, list.last, index);
  nodes_.give_back(index);
}

void RangePool::forget_below(RangeList& list, SequenceNumber edge) noexcept {
  while (list.last != 0 && !is_after(nodes_[first(list)].end, edge)) drop_first(list);
  if (list.last != 0) nodes_[first(list)].begin = later_of(nodes_[first(list)].begin, edge);
}

bool RangePool::remove(RangeList& list, SequenceNumber begin, SequenceNumber end) noexcept {
  bool found = false;
  std::uint32_t previous = list.last, index = first(list);
  for (std::uint32_t left = list.count; left > 0 && is_before(nodes_[index].begin, end); --left) {
    Node& node = nodes_[index];
    const std::uint32_t next = node.next;
    if (is_after(node.end, begin)) {
      found = true;
      const SequenceNumber old_end = node.end;
      const bool is_left = is_before(node.begin, begin), is_right = is_after(old_end, end);
      if (is_left) node.end = begin;
      if (is_left && is_right) insert_behind(list, index, end, old_end);
      if (!is_left && is_right) node.begin = end;
      if (is_right) return true;
      if (!is_left) {
        unlink(list, previous, index);
        nodes_.give_back(index);
        index = previous;  // which stays the one before the next
      }
    }
    previous = index;
    index = next;
  }
  return found;
}

SequenceNumber RangePool::absorb(RangeList& list, SequenceNumber edge) noexcept {
  while (list.last != 0 && !is_after(nodes_[first(list)].begin, edge)) {
    edge = later_of(edge, nodes_[first(list)].end);
    drop_first(list);
  }
  return edge;
}

bool RangePool::covers(const RangeList& list, SequenceNumber begin, SequenceNumber end) const noexcept {
  std::uint32_t index = first(list);
  for (std::uint32_t left = list.count; left > 0; --left, index = nodes_[index].next) {
    if (is_before(begin, nodes_[index].begin)) return false;
    if (!is_after(end, nodes_[index].end)) return true;
  }
  return false;
}

bool RangePool::has_end_at(const RangeList& list, SequenceNumber edge) const noexcept {
  std::uint32_t index = first(list);
  for (std::uint32_t left = list.count; left > 0; --left, index = nodes_[index].next) {
    if (nodes_[index].end == edge) return true;
  }
  return false;
}

void RangePool::append(RangeList& list, SequenceNumber begin, SequenceNumber end, std::uint8_t tag,
                       std::uint32_t most) noexcept {
  if (list.count >= most) drop_first(list);
  const std::uint32_t index = nodes_.take();
  if (index == 0) return;
  nodes_[index] = {begin, end, (list.last == 0 ? index : first(list)) & kMostListNodes, tag};
  if (list.last != 0) nodes_[list.last].next = index & kMostListNodes;
  list.last = index & kMostListNodes;
  ++list.count;
}

bool RangePool::has_within(const RangeList& list, SequenceNumber begin, SequenceNumber end,
                           std::uint8_t tags) const noexcept {
  std::uint32_t index = first(list);
  for (std::uint32_t left = list.count; left > 0; --left, index = nodes_[index].next) {
    const Node& node = nodes_[index];
    if ((node.tag & tags) != 0 && !is_before(node.begin, begin) && !is_after(node.end, end)) return true;
  }
  return false;
}

std::optional<RangePool::Tagged> RangePool::take_within(RangeList& list, SequenceNumber begin,
                                                        SequenceNumber end) noexcept {
  std::uint32_t previous = list.last, before_newest = 0;
  for (std::uint32_t left = list.count; left > 0; --left) {
    const Node& node = nodes_[nodes_[previous].next];
    if (!is_before(node.begin, begin) && !is_after(node.end, end)) before_newest = previous;
    previous = nodes_[previous].next;
  }
  if (before_newest == 0) return std::nullopt;
  const std::uint32_t index = nodes_[before_newest].next;
  const Tagged taken{nodes_[index].begin, nodes_[index].end, static_cast<std::uint8_t>(nodes_[index].tag)};
  unlink(list, before_newest, index);
  nodes_.give_back(index);
  return taken;
}

void RangePool::release(RangeList& list) noexcept {
  while (list.last != 0) drop_first(list);
}

}  // namespace wobble
