// A program of ours at the older kind of hook, cls_bpf at an interface's clsact qdisc (tc-bpf(8)), as it is taken away
// again: it does not go with the process that put it there.
#pragma once

#include <string>

namespace wobble::daemon {

struct TcFilter {
  int interface = 0;   ///< by index, which an interface keeps when it is renamed
  std::string device;  ///< its name when the filter was made, for a person
  bool egress = false;
  std::string name;         ///< of the filter
  bool made_qdisc = false;  ///< the qdisc it hangs on is ours too, and goes with it; the ledger knows

  /// The qdisc is the device's, not the filter's: who takes it away is settled between the filters there.
  bool is_same(const TcFilter& other) const {
    return interface == other.interface && egress == other.egress && name == other.name;
  }
};

/// In the calling thread's network namespace: takes the filter away, and its qdisc if that is ours and bears no other
/// filter. Returns when they are seen to be gone, also if they were before. Throws std::runtime_error if they stay.
void remove_filter(const TcFilter& filter);

}  // namespace wobble::daemon
