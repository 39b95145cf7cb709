#include "daemon/system/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "emulator/throw_errno.h"

namespace wobble::daemon {
namespace {

constexpr int kOurs[] = {CAP_BPF, CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SYS_ADMIN, CAP_SYS_PTRACE};

}  // namespace

void take_up_capabilities() {
  if (::geteuid() == 0) return;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, sets) != 0) throw_errno("cannot read our capabilities");
  std::vector<int> ours;
  for (const int capability : kOurs) {
    __user_cap_data_struct& set = sets[CAP_TO_INDEX(capability)];
    if ((set.permitted & CAP_TO_MASK(capability)) == 0) continue;
    set.effective |= CAP_TO_MASK(capability);
    set.inheritable |= CAP_TO_MASK(capability);
    ours.push_back(capability);
  }
  if (ours.empty()) return;
  if (::syscall(SYS_capset, &header, sets) != 0) throw_errno("cannot take up our capabilities");
  for (const int capability : ours) {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) != 0) {
      throw_errno("cannot hand down our capabilities");
    }
  }
}

}  // namespace wobble::daemon
