#include "api/conditions/reading.h"

#include <utility>

namespace wobble::api {

void Reading::push_back(FieldError error) {
  check();
  if (is_muted_) return;
  ++count_;
  if (!is_full()) errors_.push_back(std::move(error));
}

void Reading::append(const std::vector<FieldError>& errors) {
  for (const FieldError& error : errors) push_back(error);
}

std::vector<FieldError> Reading::listed() const {
  std::vector<FieldError> out = errors_;
  if (count_ > out.size()) out.push_back({"", "and " + std::to_string(count_ - out.size()) + " more"});
  return out;
}

void Reading::check() const {
  if (is_given_up_ && is_given_up_()) throw GivenUp();
}

template <typename Number, typename Find, typename Read>
Parsed<FileNumbers<Number>> Reading::numbers(Known<Number>& known, const std::string& path, const std::string& sha256,
                                             Find find, Read read) {
  if (const auto adopted = known.by_digest.find(sha256); !sha256.empty() && adopted != known.by_digest.end()) {
    return {{adopted->second, {path, sha256}}, {}};
  }
  if (!sha256.empty()) {
    if (const auto in_use = find(sha256)) return {{in_use, {path, sha256}}, {}};
  }
  auto found = known.by_path.find(path);
  if (found == known.by_path.end()) {
    check();
    found = known.by_path.emplace(path, read(path)).first;
  }
  const Parsed<FileNumbers<Number>>& file = found->second;
  if (file.ok() && !sha256.empty() && file.value.file.sha256 != sha256) {
    return {{}, "has changed: its sha256 is another by now; leave \"sha256\" out to take the file as it is"};
  }
  return file;
}

Parsed<FileTrace> Reading::trace(const std::string& path, const std::string& sha256) {
  return numbers(
      traces_, path, sha256, [this](const std::string& digest) { return files_->find_trace(digest); },
      [this](const std::string& file) { return files_->read_trace(file, allowance_, is_given_up_); });
}

Parsed<FileTable> Reading::table(const std::string& path, const std::string& sha256) {
  return numbers(
      tables_, path, sha256, [this](const std::string& digest) { return files_->find_table(digest); },
      [this](const std::string& file) { return files_->read_table(file, allowance_, is_given_up_); });
}

void Reading::adopt(const DirectionConditions& present) {
  if (!present.trace.file.empty()) traces_.by_digest[present.trace.file.sha256] = present.trace.ms;
  for (const JitterTable* table : {&present.delay.table, &present.slot.table}) {
    if (!table->file.empty()) tables_.by_digest[table->file.sha256] = table->values;
  }
}

void Reading::adopt(const LinkConditions& present) {
  adopt(present.up);
  adopt(present.down);
  for (const ScenarioStep& step : present.scenario) {
    if (step.up) adopt(*step.up);
    if (step.down) adopt(*step.down);
  }
}

}  // namespace wobble::api
