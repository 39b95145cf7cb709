#include "api/named_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "emulator/unique_fd.h"

namespace wobble::api {
namespace {

Parsed<std::string> refuse(int error) { return {{}, std::string("cannot be read: ") + std::strerror(error)}; }

/// "64 MiB"; of less than one, in KiB.
std::string in_words(std::size_t bytes) {
  const bool is_large = bytes >= std::size_t{1} << 20;
  return std::to_string(is_large ? bytes >> 20 : bytes >> 10) + (is_large ? " MiB" : " KiB");
}

}  // namespace

Parsed<std::string> read_named_file(const std::string& path, std::size_t largest, std::size_t& allowance) {
  if (!path.starts_with('/')) return {{}, "an absolute path is expected: the daemon has a directory of its own"};
  if (path.find('\0') != std::string::npos) return {{}, "a path has no zero byte"};
  // With O_PATH the file itself is not opened: who waits to write to a pipe goes on waiting, and no tape rewinds.
  const UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (place.get() < 0) return refuse(errno);
  struct stat about {};
  if (::fstat(place.get(), &about) != 0) return refuse(errno);
  if (!S_ISREG(about.st_mode)) return {{}, "is not a regular file"};
  const auto size = static_cast<std::size_t>(about.st_size);
  if (size > largest) return {{}, "is larger than " + in_words(largest)};
  if (size > allowance) return {{}, "is too much: the files that one request names have at most 64 MiB together"};
  allowance -= size;
  const std::string again = "/proc/self/fd/" + std::to_string(place.get());
  const UniqueFd file(::open(again.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return refuse(errno);
  Parsed<std::string> out;
  out.value.resize(size);
  std::size_t length = 0;
  while (length < out.value.size()) {
    const ssize_t n = ::read(file.get(), out.value.data() + length, out.value.size() - length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refuse(errno);
    if (n == 0) break;
    length += static_cast<std::size_t>(n);
  }
  out.value.resize(length);
  return out;
}

}  // namespace wobble::api
