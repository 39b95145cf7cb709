// What a failed system call throws.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace wobble {

[[noreturn]] inline void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace wobble
