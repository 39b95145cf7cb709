// Records in a few classes, each class in the order of last use: so that the one that was idle longest in the class
// that matters least is found at once when the table is full.
#pragma once

#include <array>
#include <cstdint>

#include "emulator/lazy_array.h"

namespace wobble {

class IdleLists {
 public:
  static constexpr std::size_t kClasses = 9;
  static constexpr std::uint32_t kMostRecords = (1u << 28) - 1;

  /// For records 1 to `capacity`, which is at most kMostRecords.
  explicit IdleLists(std::uint32_t capacity) : nodes_(std::size_t{capacity} + 1) {}

  /// The record was used just now, and is in `list` from now on.
  void touch(std::uint32_t index, std::uint8_t list) noexcept {
    if (is_in(index, list) && newest_[list] == index) return;
    remove(index);
    append(index, list);
  }
  /// The same, in the list that it is in.
  void touch(std::uint32_t index) noexcept {
    const std::uint32_t list = nodes_[index].place - 1u;
    if (newest_[list] == index) return;
    unlink(index);
    append(index, list);
  }
  void remove(std::uint32_t index) noexcept {
    if (nodes_[index].place != 0) unlink(index);
  }
  bool is_in(std::uint32_t index, std::uint8_t list) const noexcept { return nodes_[index].place == list + 1u; }
  /// 0 if the class is empty.
  std::uint32_t oldest(std::uint8_t list) const noexcept { return oldest_[list]; }
  std::uint32_t count(std::uint8_t list) const noexcept { return counts_[list]; }

 private:
  static constexpr std::uint32_t kClassBits = 0xf;
  struct Node {
    std::uint32_t older;
    std::uint32_t newer : 28;
    std::uint32_t place : 4;  ///< the list and one; 0: in none
  };

 public:
  static constexpr std::size_t kBytesPerRecord = sizeof(Node);

 private:
  void append(std::uint32_t index, std::uint32_t list) noexcept {
    Node& node = nodes_[index];
    node.older = newest_[list];
    node.newer = 0;
    node.place = (list + 1) & kClassBits;
    if (newest_[list] != 0) {
      nodes_[newest_[list]].newer = index & kMostRecords;
    } else {
      oldest_[list] = index;
    }
    newest_[list] = index;
    ++counts_[list];
  }
  void unlink(std::uint32_t index) noexcept {
    Node& node = nodes_[index];
    const std::uint32_t list = node.place - 1;
    if (node.older != 0) {
      nodes_[node.older].newer = node.newer;
    } else {
      oldest_[list] = node.newer;
    }
    (node.newer != 0 ? nodes_[node.newer].older : newest_[list]) = node.older;
    node.place = 0;
    --counts_[list];
  }

  LazyArray<Node> nodes_;
  std::array<std::uint32_t, kClasses> oldest_{};
  std::array<std::uint32_t, kClasses> newest_{};
  std::array<std::uint32_t, kClasses> counts_{};
};

}  // namespace wobble
