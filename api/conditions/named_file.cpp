#include "api/conditions/named_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "api/conditions/asked_file.h"

namespace wobble::api {
namespace {

std::string why_not(int error) { return std::string("cannot be read: ") + std::strerror(error); }

/// "64 MiB"; of less than one, in KiB.
std::string in_words(std::size_t bytes) {
  const bool is_large = bytes >= std::size_t{1} << 20;
  return std::to_string(is_large ? bytes >> 20 : bytes >> 10) + (is_large ? " MiB" : " KiB");
}

}  // namespace

Parsed<OpenedFile> open_named_file(const std::string& path, std::size_t largest, std::size_t& allowance) {
  Parsed<UniqueFd> file = open_asked_file(path);
  if (!file.ok()) return {{}, file.error};
  struct stat about {};
  if (::fstat(file.value.get(), &about) != 0) return {{}, why_not(errno)};
  const auto size = static_cast<std::size_t>(about.st_size);
  if (size > largest) return {{}, "is larger than " + in_words(largest)};
  if (size > allowance) return {{}, "is too much: the files that one request names have at most 64 MiB together"};
  allowance -= size;
  const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
  return {{std::move(file.value),
           size,
           {number(about.st_dev), number(about.st_ino), number(about.st_size), number(about.st_mtim.tv_sec),
            number(about.st_mtim.tv_nsec), number(about.st_ctim.tv_sec), number(about.st_ctim.tv_nsec)}},
          {}};
}

Parsed<std::string> read_file(const OpenedFile& file, const Pause& pause) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  Parsed<std::string> out;
  out.value.resize(file.size);
  std::size_t length = 0;
  while (length < file.size) {
    if (pause) pause();
    const ssize_t n = ::read(file.fd.get(), out.value.data() + length, std::min(kPiece, file.size - length));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return {{}, why_not(errno)};
    if (n == 0) break;
    length += static_cast<std::size_t>(n);
  }
  out.value.resize(length);
  return out;
}

}  // namespace wobble::api
