// A filter of tc(8) at a device's clsact qdisc, as it is taken away again.
#pragma once

#include <cstdint>
#include <string>

namespace wobble::daemon {

struct TcFilter {
  std::string device;
  bool egress = false;
  std::uint32_t priority = 0;
  std::uint32_t handle = 0;
  bool made_qdisc = false;  ///< the qdisc it hangs on is ours too, and goes with it

  /// The qdisc is the device's, not the filter's: who takes it away is settled between the filters there.
  bool is_same(const TcFilter& other) const {
    return device == other.device && egress == other.egress && priority == other.priority && handle == other.handle;
  }
};

/// In the calling thread's network namespace: takes the filter away, and its qdisc if that is ours and bears no other
/// filter. Returns when they are seen to be gone, also if they were before. Throws std::runtime_error if they stay.
void remove_filter(const TcFilter& filter);

}  // namespace wobble::daemon
