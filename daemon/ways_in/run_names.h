// The names and addresses of one `run`: run_way.h has the picture.
#pragma once

#include <sstream>
#include <string>

#include "daemon/system/marks.h"

namespace wobble::daemon {

/// Which side of the link an address is on; also its last number.
enum class RunHost : int { outside = 1, inside = 2 };

struct RunNames {
  int number = -1;

  std::string device() const { return std::string(kDevicePrefix) + "run" + std::to_string(number); }
  /// For as long as it is tried whether packets get through this machine.
  std::string probe_device() const { return std::string(kDevicePrefix) + "probe" + std::to_string(number); }
  std::string table() const { return "wobble_run" + std::to_string(number); }
  std::string v4(RunHost host) const { return "198.19." + last_words(host); }
  std::string v6(RunHost host) const { return "fdc7:6f62:" + hexadecimal(number + 1) + last_v6(host); }
  /// Of the probe's device: an address of this machine's, and a stranger's behind it.
  std::string probe_v4(RunHost host) const { return "198.18." + last_words(host); }
  std::string probe_v6(RunHost host) const { return "fdc7:6f62:" + hexadecimal(number + 0x1001) + last_v6(host); }

 private:
  std::string last_words(RunHost host) const {
    return std::to_string(number) + "." + std::to_string(static_cast<int>(host));
  }
  static std::string last_v6(RunHost host) { return "::" + std::to_string(static_cast<int>(host)); }
  /// Of a number above 0: 0 would be written in another way.
  static std::string hexadecimal(int number) {
    std::ostringstream out;
    out << std::hex << number;
    return out.str();
  }
};

}  // namespace wobble::daemon
