// The memory that a way in shares with its programs: a map of the kernel's that is ours to read and write too.
#pragma once

#include <ctime>

#include "daemon/below_ip/divert_program.h"

namespace wobble::daemon {

class ShareMap {
 public:
  /// All 0, but what comes passes while nobody beats. Throws std::system_error.
  ShareMap();
  ~ShareMap();
  ShareMap(const ShareMap&) = delete;
  ShareMap& operator=(const ShareMap&) = delete;

  int map() const { return map_.get(); }

  /// Says that we live. Any thread.
  void beat() noexcept;
  /// From now on everything meets nobody, as if we did not live. After the last beat().
  void fall_silent() noexcept;
  /// What becomes of packets while nobody beats.
  void set_in_silence(int verdict) noexcept;

  /// Summed over all interfaces and hooks. Any thread.
  DivertShare::Counters counters() const noexcept;

 private:
  UniqueFd map_;
  DivertShare* share_;
};

}  // namespace wobble::daemon
