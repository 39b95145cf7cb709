#include "api/trace_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "api/asked_file.h"

namespace wobble::api {
namespace {

constexpr off_t kLargestFile = off_t{64} << 20;

/// Fills `out`, whose size is the file's; 0, or the error's number.
int read_all(int file, std::string& out) {
  std::size_t length = 0;
  while (length < out.size()) {
    const ssize_t n = ::read(file, out.data() + length, out.size() - length);
    if (n < 0 && errno != EINTR) return errno;
    if (n == 0) break;
    if (n > 0) length += static_cast<std::size_t>(n);
  }
  out.resize(length);
  return 0;
}

/// The whole file, or why not.
Parsed<std::string> contents(const std::string& path) {
  const Parsed<UniqueFd> file = open_asked_file(path);
  if (!file.ok()) return {{}, file.error};
  Parsed<std::string> out;
  struct stat about {};
  if (::fstat(file.value.get(), &about) != 0 || about.st_size > kLargestFile) return {{}, "is larger than 64 MiB"};
  out.value.resize(static_cast<std::size_t>(about.st_size));
  if (const int error = read_all(file.value.get(), out.value)) {
    out.error = std::string("cannot be read: ") + std::strerror(error);
  }
  return out;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

Parsed<TraceSettings> read_trace_file(const std::string& path) {
  const Parsed<std::string> file = contents(path);
  if (!file.ok()) return {{}, file.error};
  std::vector<std::uint32_t> moments;
  std::string_view text = file.value;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::string at = "line " + std::to_string(number);
    const std::string_view line = take_line(text);
    std::uint32_t ms = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), ms);
    if (error != std::errc{} || end != line.data() + line.size()) {
      return {{}, at + " is not a whole number of milliseconds"};
    }
    if (!moments.empty() && ms < moments.back()) return {{}, at + " goes back in time"};
    if (moments.size() == kMaxTrace) return {{}, at + " is one too many: at most 4000000 are taken"};
    moments.push_back(ms);
  }
  if (moments.empty()) return {{}, "is empty: one number of milliseconds a line is expected"};
  if (moments.back() == 0) return {{}, "lasts for no time: its last line is above 0"};
  Parsed<TraceSettings> out;
  out.value = {std::make_shared<const std::vector<std::uint32_t>>(std::move(moments)), path};
  return out;
}

}  // namespace wobble::api
