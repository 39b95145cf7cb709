// How a command fails: one line for stderr, perhaps lines below it, and the exit code.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

namespace wobble::daemon {

inline constexpr int kExitOk = 0;
inline constexpr int kExitRefused = 1;  ///< refused, no such thing, doctor found something, not healthy
inline constexpr int kExitUsage = 2;
inline constexpr int kExitUnreachable = 3;
inline constexpr int kExitDamaged = 4;          ///< a capture is damaged; what stood before that was used
inline constexpr int kExitNotExecutable = 126;  ///< exec: as the shell has it
inline constexpr int kExitNotFound = 127;

/// what() is the line, without "wobble: " and without a line end.
struct Failure : std::runtime_error {
  Failure(int code, const std::string& line, std::vector<std::string> more = {})
      : std::runtime_error(line), exit_code(code), details(std::move(more)) {}

  int exit_code;
  std::vector<std::string> details;
};

}  // namespace wobble::daemon
