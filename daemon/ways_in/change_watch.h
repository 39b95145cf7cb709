// Tells that somebody, maybe ourselves, has changed something in a network namespace: its interfaces, or one
// nftables table. The kernel says so by netlink(7); what it was is for the one who asks to look at.
#pragma once

#include <string>

#include "emulator/unique_fd.h"

namespace wobble::daemon {

class ChangeWatch {
 public:
  struct News {
    bool interfaces = false;  ///< one has come, gone, or been set up or down, or its addresses are others
    bool table = false;
  };

  /// Of the calling thread's namespace. Throws std::system_error.
  explicit ChangeWatch(std::string table);
  /// Since it was last asked. What the kernel had no room to tell counts as news.
  News news() const;

 private:
  UniqueFd interfaces_;
  UniqueFd rules_;  ///< none: this kernel has no nftables
  std::string table_;
};

}  // namespace wobble::daemon
