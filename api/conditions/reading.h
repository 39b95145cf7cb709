// What one reading of a stranger's JSON has found and used: the errors, of which only the first are kept, and the files
// that were named, each of which is read once. So what one request costs is bounded by its own length and by
// kMostFileBytes, whatever stands in it.
//
// One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/conditions/field_error.h"
#include "api/conditions/file_store.h"
#include "api/given_up.h"
#include "emulator/conditions/conditions.h"

namespace wobble::api {

class Reading {
 public:
  static constexpr std::size_t kMostErrors = 100;                          ///< kept; the others are counted
  static constexpr std::size_t kMostFileBytes = FileStore::kLargestTrace;  ///< of all files together
  using Question = std::function<bool()>;

  /// With files of its own, which nobody bounds: for a reading within a program that is trusted.
  Reading() : files_(&own_files_) {}
  /// `files` outlives the reading. `is_given_up` is asked now and then; true: GivenUp is thrown. It may be empty.
  explicit Reading(FileStore& files, Question is_given_up = {})
      : files_(&files), is_given_up_(std::move(is_given_up)) {}
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  /// While it lives, errors are neither kept nor counted.
  class Muted {
   public:
    explicit Muted(Reading& reading) : reading_(reading) { reading_.is_muted_ = true; }
    ~Muted() { reading_.is_muted_ = false; }
    Muted(const Muted&) = delete;
    Muted& operator=(const Muted&) = delete;

   private:
    Reading& reading_;
  };

  void push_back(FieldError error);
  void append(const std::vector<FieldError>& errors);
  /// The object at `pointer` asks for settings that stand in place of each other. Noted even while errors are muted.
  void note_exclusion(const std::string& pointer) { exclusions_.insert(pointer); }
  bool has_exclusion(const std::string& pointer) const { return exclusions_.contains(pointer); }
  /// One more that nobody will read.
  void count_one() noexcept { count_ += is_muted_ ? 0 : 1; }
  /// Enough errors are kept; to word more is in vain.
  bool is_full() const noexcept { return errors_.size() >= kMostErrors; }
  bool has_errors() const noexcept { return count_ > 0; }
  std::size_t count() const noexcept { return count_; }
  /// The first kMostErrors.
  const std::vector<FieldError>& errors() const noexcept { return errors_; }
  /// Lets the errors from the n-th on point elsewhere.
  void point_to(const std::string& pointer, std::size_t n) {
    for (std::size_t i = n; i < errors_.size(); ++i) errors_[i].pointer = pointer;
  }
  /// Those, and if there are more a last one, without a pointer, that says how many.
  std::vector<FieldError> listed() const;

  /// Throws GivenUp if nobody waits.
  void check() const;

  /// `sha256`: the digest that the file must have; empty: whatever it has. What adopt() was given is not read.
  Parsed<FileTrace> trace(const std::string& path, const std::string& sha256);
  Parsed<FileTable> table(const std::string& path, const std::string& sha256);
  /// The files that `present` uses count as read, whatever became of them since.
  void adopt(const LinkConditions& present);

 private:
  template <typename Number>
  struct Known {
    std::map<std::string, Parsed<FileNumbers<Number>>> by_path;  // as read now
    std::map<std::string, SharedNumbers<Number>> by_digest;      // adopted
  };
  template <typename Number, typename Find, typename Read>
  Parsed<FileNumbers<Number>> numbers(Known<Number>& known, const std::string& path, const std::string& sha256,
                                      Find find, Read read);
  void adopt(const DirectionConditions& present);

  FileStore own_files_;
  FileStore* files_;
  Question is_given_up_;
  std::vector<FieldError> errors_;
  std::set<std::string> exclusions_;
  std::size_t count_ = 0;
  bool is_muted_ = false;
  std::size_t allowance_ = kMostFileBytes;  // bytes of files that may still be read
  Known<std::uint32_t> traces_;
  Known<std::int16_t> tables_;
};

}  // namespace wobble::api
