// What was asked of a link at its last revisions, so that a change can be undone.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "api/backend.h"

namespace wobble::daemon {

/// Not safe by itself.
class PastConditions {
 public:
  static constexpr std::size_t kMost = 100;                        ///< revisions
  static constexpr std::size_t kMostBytes = std::size_t{1} << 20;  ///< of text, but for the newest two

  /// `conditions` (JSON as text) are in force since `revision`, which is one more than the last.
  void add(std::uint64_t revision, std::string conditions) {
    bytes_ += conditions.size();
    kept_.emplace_back(revision, std::move(conditions));
    while (kept_.size() > kMost || (kept_.size() > 2 && bytes_ > kMostBytes)) {
      bytes_ -= kept_.front().second.size();
      kept_.pop_front();
    }
  }

  /// Throws api::NotFound if there was no such revision, api::Gone if it is not kept any more.
  const std::string& at(std::uint64_t revision) const {
    for (const auto& [known, conditions] : kept_) {
      if (known == revision) return conditions;
    }
    const std::string name = "revision " + std::to_string(revision);
    const std::uint64_t newest = kept_.empty() ? 0 : kept_.back().first;
    if (revision == 0 || revision > newest) {
      throw api::NotFound("the link never had " + name + ": it is at revision " + std::to_string(newest));
    }
    throw api::Gone(name + " of the link is not kept any more: the oldest that is, is " +
                    std::to_string(kept_.front().first));
  }

 private:
  std::deque<std::pair<std::uint64_t, std::string>> kept_;
  std::size_t bytes_ = 0;
};

}  // namespace wobble::daemon
