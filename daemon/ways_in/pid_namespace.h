// Which processes can be seen from here.
#pragma once

#include <sys/stat.h>

namespace wobble::daemon {

/// Whether this process is in the machine's first pid namespace, where /proc shows every process by its own number.
inline bool sees_every_process() {
  constexpr ino_t kFirstPidNamespace = 0xEFFFFFFC;  // linux/proc_ns.h: PROC_PID_INIT_INO
  struct stat about {};
  return ::stat("/proc/self/ns/pid", &about) == 0 && about.st_ino == kFirstPidNamespace;
}

}  // namespace wobble::daemon
