// Long lists of numbers that conditions name, such as a recorded link or a table of jitter. They never change, so all
// who name the same numbers share them, and they are gone with the last of these. Plain values; any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace wobble {

/// Null: none.
template <typename Number>
using SharedNumbers = std::shared_ptr<const std::vector<Number>>;

/// The same numbers, or none in both.
template <typename Number>
bool are_equal(const SharedNumbers<Number>& a, const SharedNumbers<Number>& b) {
  return a == b || (a && b && *a == *b);
}

/// A file that was named in place of its numbers, as it was when it was read.
struct NamedFile {
  std::string path{};    ///< absolute; empty: the numbers were given themselves
  std::string sha256{};  ///< of its bytes, as 64 hexadecimal digits
  bool empty() const { return path.empty(); }
  bool operator==(const NamedFile&) const = default;
};

/// The values of a distribution of one's own.
struct JitterTable {
  SharedNumbers<std::int16_t> values{};
  NamedFile file{};

  JitterTable() = default;
  JitterTable(SharedNumbers<std::int16_t> numbers, NamedFile from)
      : values(std::move(numbers)), file(std::move(from)) {}
  explicit JitterTable(std::vector<std::int16_t> numbers)
      : values(std::make_shared<const std::vector<std::int16_t>>(std::move(numbers))) {}
  JitterTable(std::initializer_list<std::int16_t> numbers) : JitterTable(std::vector<std::int16_t>(numbers)) {}

  std::size_t size() const noexcept { return values ? values->size() : 0; }
  bool empty() const noexcept { return size() == 0; }
  /// Lives as long as `values`.
  std::span<const std::int16_t> view() const noexcept { return {values ? values->data() : nullptr, size()}; }
  bool operator==(const JitterTable& other) const { return file == other.file && are_equal(values, other.values); }
};

}  // namespace wobble
