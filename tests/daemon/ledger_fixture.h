// A ledger in a folder of its own, and a network namespace in which it changes something.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "daemon/system/network_namespace.h"
#include "daemon/ways_in/ledger.h"
#include "daemon/ways_in/ledger_recovery.h"

namespace wobble::test {

using namespace wobble::daemon;

/// A parameter that each namespace has, and that is 0 in a new one.
inline constexpr char kForward[] = "ipv4/conf/lo/forwarding";

/// Skips where namespaces cannot be made, which takes root.
class LedgerTest : public testing::Test {
 protected:
  LedgerTest();
  ~LedgerTest() override;
  void SetUp() override;

  /// On a thread inside the namespace.
  void inside(const std::function<void()>& work) const { netns_->run(work); }
  /// `ip WORDS`, inside; its output.
  std::string ip(const std::string& words) const;
  std::string output_inside(const std::vector<std::string>& command) const;
  /// The value of a parameter, inside.
  std::string value(const std::string& name) const;
  void set(const std::string& name, const std::string& value) const;

  std::string folder() const { return folder_ + "/ledger"; }
  std::string ledger_text() const;
  void write_file(const std::string& name, const std::string& text) const;
  bool has_file(const std::string& name) const;

  /// Tells into told_.
  Ledger make_ledger() {
    return Ledger(folder(), [this](const std::string& line) { told_.push_back(line); });
  }
  void hold(Ledger& ledger, const std::string& name, const std::string& value) const;
  std::string release(Ledger& ledger, const std::string& name) const;
  Recovery recover_all(bool dry_run = false) const;
  ino_t inode() const { return netns_->inode(); }

  std::vector<std::string> told_;

 private:
  std::string folder_;
  std::optional<NetworkNamespace> netns_;
};

/// For as long as it lives `nft` fails.
class BrokenNft {
 public:
  explicit BrokenNft(const std::string& folder);
  ~BrokenNft();

 private:
  std::string path_before_;
};

}  // namespace wobble::test
