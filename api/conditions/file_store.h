// The files that conditions name. Each is read when it is named, and its numbers are kept once for all who name it,
// by whatever path, link or step of a scenario; they are gone with the last conditions that use them.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/conditions/named_file.h"
#include "api/conditions/units.h"
#include "api/given_up.h"
#include "emulator/memory_budget.h"
#include "emulator/mutex.h"
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

/// Any thread. One file is read at a time, so that many who name large ones at once do not fill the memory; and once
/// for all who name it meanwhile.
class FileStore {
 public:
  using Question = std::function<bool()>;
  static constexpr std::size_t kLargestTrace = std::size_t{64} << 20;  ///< bytes of a file
  static constexpr std::size_t kLargestTable = std::size_t{1} << 20;

  /// What is kept is taken from `memory`; null: without a bound.
  explicit FileStore(std::shared_ptr<MemoryBudget> memory = nullptr) : memory_(std::move(memory)) {}

  /// Reads the regular file at an absolute path, of at most `allowance` bytes, and takes its size from that, even if it
  /// is read in vain. Throws Unavailable if other files are read for longer than 2 s; GivenUp soon after `is_given_up`,
  /// which is asked all the time and may be empty, has said true, unless others wait for the same file.
  Parsed<FileTrace> read_trace(const std::string& path, std::size_t& allowance, const Question& is_given_up = {});
  Parsed<FileTable> read_table(const std::string& path, std::size_t& allowance, const Question& is_given_up = {});

  /// Null: no conditions use a file with this digest.
  SharedNumbers<std::uint32_t> find_trace(const std::string& sha256) { return find(traces_.kept, sha256); }
  SharedNumbers<std::int16_t> find_table(const std::string& sha256) { return find(tables_.kept, sha256); }

 private:
  template <typename Number>
  using Kept = std::map<std::string, std::weak_ptr<const std::vector<Number>>>;  // by digest

  template <typename Number>
  SharedNumbers<Number> find(const Kept<Number>& kept, const std::string& sha256);
  template <typename Number>
  SharedNumbers<Number> keep(Kept<Number>& kept, const std::string& sha256, std::vector<Number> numbers);
  /// A reading that is under way. Guarded by mutex_, which the analysis cannot be told: it is another object's.
  template <typename Number>
  struct Underway {
    OpenedFile::Identity file{};
    std::size_t waiting = 0;                           // others, for what it finds
    std::optional<Parsed<FileNumbers<Number>>> found;  // none: it was given up
  };

  template <typename Number>
  struct Shelf {
    Kept<Number> kept;
    std::shared_ptr<Underway<Number>> reading;
  };

  template <typename Number>
  using Parse = Parsed<std::vector<Number>> (*)(std::string_view text, const Pause& pause);

  template <typename Number>
  Parsed<FileNumbers<Number>> read(Shelf<Number>& shelf, Parse<Number> parse, const std::string& path,
                                   const Parsed<OpenedFile>& file, const Question& is_given_up);
  template <typename Number>
  Parsed<FileNumbers<Number>> read_now(Shelf<Number>& shelf, Parse<Number> parse, const std::string& path,
                                       const OpenedFile& file, const Pause& pause);
  /// What another's reading of the same file has found; none, and nobody reads any file.
  template <typename Number>
  std::optional<Parsed<FileNumbers<Number>>> wait_for_others(UniqueLock& lock, Shelf<Number>& shelf,
                                                             const OpenedFile& file, const Question& is_given_up)
      WOBBLE_REQUIRES(mutex_);

  const std::shared_ptr<MemoryBudget> memory_;
  Mutex mutex_;
  std::condition_variable over_;
  bool is_reading_ WOBBLE_GUARDED_BY(mutex_) = false;
  // Guarded by mutex_ as well; they are handed on by reference before it is taken.
  Shelf<std::uint32_t> traces_;
  Shelf<std::int16_t> tables_;
};

}  // namespace wobble::api
