// Records in a few classes, each class in the order of last use: so that the one that was idle longest in the class
// that matters least is found at once when the table is full.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/connections/lazy_array.h"

namespace wobble {

class IdleLists {
 public:
  static constexpr std::size_t kClasses = 8;

  /// For records 1 to `capacity`.
  explicit IdleLists(std::uint32_t capacity) : nodes_(std::size_t{capacity} + 1) {}

  /// The record was used just now, and is in `list` from now on.
  void touch(std::uint32_t index, std::uint8_t list) noexcept {
    Node& node = nodes_[index];
    if (node.linked) {
      if (node.list == list && newest_[list] == index) return;
      unlink(index);
    }
    node = {newest_[list], 0, list, true};
    (newest_[list] != 0 ? nodes_[newest_[list]].newer : oldest_[list]) = index;
    newest_[list] = index;
    ++counts_[list];
  }
  void remove(std::uint32_t index) noexcept {
    if (nodes_[index].linked) unlink(index);
  }
  std::uint8_t list_of(std::uint32_t index) const noexcept { return nodes_[index].list; }
  /// 0 if the class is empty.
  std::uint32_t oldest(std::uint8_t list) const noexcept { return oldest_[list]; }
  std::uint32_t count(std::uint8_t list) const noexcept { return counts_[list]; }

 private:
  struct Node {
    std::uint32_t older;
    std::uint32_t newer;
    std::uint8_t list;
    bool linked;
  };

 public:
  static constexpr std::size_t kBytesPerRecord = sizeof(Node);

 private:
  void unlink(std::uint32_t index) noexcept {
    Node& node = nodes_[index];
    (node.older != 0 ? nodes_[node.older].newer : oldest_[node.list]) = node.newer;
    (node.newer != 0 ? nodes_[node.newer].older : newest_[node.list]) = node.older;
    node.linked = false;
    --counts_[node.list];
  }

  LazyArray<Node> nodes_;
  std::array<std::uint32_t, kClasses> oldest_{};
  std::array<std::uint32_t, kClasses> newest_{};
  std::array<std::uint32_t, kClasses> counts_{};
};

}  // namespace wobble
