// An nftables table of ours, of family inet, that is looked after: whoever loads a ruleset anew takes away all others.
//
// All functions are for one thread at a time, inside the network namespace, and throw std::runtime_error if nft(8)
// fails.
#pragma once

#include <string>

namespace wobble::daemon {

class KeptTable {
 public:
  /// `rules` is what stands in it. It is not made yet.
  KeptTable(std::string name, std::string rules) : name_(std::move(name)), rules_(std::move(rules)) {}

  const std::string& name() const { return name_; }
  /// Makes it, in place of one of that name that stands, in one step.
  void make();
  /// Whether it is not as it was made any more, or gone; it is then made again.
  bool mend();

 private:
  std::string name_;
  std::string rules_;
  std::string as_made_;  ///< as nft(8) lists it
};

/// For `nft -f`: whatever stood in the table is gone, and there is no moment without it.
std::string in_place_of(const std::string& table, const std::string& rules);

}  // namespace wobble::daemon
