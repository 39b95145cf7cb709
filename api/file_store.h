// The files that conditions name. Each is read when it is named, and its numbers are kept once for all who name it,
// by whatever path, link or step of a scenario; they are gone with the last conditions that use them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "api/units.h"
#include "emulator/memory_budget.h"
#include "emulator/shared_numbers.h"

namespace wobble::api {

/// A trace's numbers, or a table's, with the file that they stand in.
template <typename Number>
struct FileNumbers {
  SharedNumbers<Number> numbers{};
  NamedFile file{};
};
using FileTrace = FileNumbers<std::uint32_t>;
using FileTable = FileNumbers<std::int16_t>;

/// Any thread. One file is read at a time, so that many who name large ones at once do not fill the memory.
class FileStore {
 public:
  static constexpr std::size_t kLargestTrace = std::size_t{64} << 20;  ///< bytes of a file
  static constexpr std::size_t kLargestTable = std::size_t{1} << 20;

  /// What is kept is taken from `memory`; null: without a bound.
  explicit FileStore(std::shared_ptr<MemoryBudget> memory = nullptr) : memory_(std::move(memory)) {}

  /// Reads the regular file at an absolute path, of at most `allowance` bytes, and takes its size from that, even if it
  /// is read in vain. Throws Unavailable if others read for longer than 2 s.
  Parsed<FileTrace> read_trace(const std::string& path, std::size_t& allowance);
  Parsed<FileTable> read_table(const std::string& path, std::size_t& allowance);

  /// Null: no conditions use a file with this digest.
  SharedNumbers<std::uint32_t> find_trace(const std::string& sha256) { return find(traces_, sha256); }
  SharedNumbers<std::int16_t> find_table(const std::string& sha256) { return find(tables_, sha256); }

 private:
  template <typename Number>
  using Kept = std::map<std::string, std::weak_ptr<const std::vector<Number>>>;  // by digest

  template <typename Number>
  SharedNumbers<Number> find(const Kept<Number>& kept, const std::string& sha256);
  template <typename Number>
  SharedNumbers<Number> keep(Kept<Number>& kept, const std::string& sha256, std::vector<Number> numbers);
  template <std::size_t Largest, typename Number>
  Parsed<FileNumbers<Number>> read(Kept<Number>& kept, Parsed<std::vector<Number>> (*parse)(std::string_view),
                                   const std::string& path, std::size_t& allowance);

  const std::shared_ptr<MemoryBudget> memory_;
  std::timed_mutex reading_;
  std::mutex mutex_;
  Kept<std::uint32_t> traces_;  // guarded by mutex_
  Kept<std::int16_t> tables_;   // guarded by mutex_
};

}  // namespace wobble::api
