#include "daemon/journal/lost_pages.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <string_view>

namespace wobble::daemon {

namespace {

std::atomic<std::uint64_t> g_lost{0};
std::uintptr_t g_page_size = 4096;
int g_maps = -1;  ///< open, since there may be no descriptor left when it is needed

/// One line of /proc/self/maps, of which begin, end and the last letters matter: "7f00-7f80 rw-s 00000000 fe:00 42
/// /var/log/x.db-shm". In a signal handler nothing may be allocated, and a line may be long.
class MapsLine {
 public:
  void add(char letter) {
    if (letter == '-' && part_ == 0) {
      part_ = 1;
    } else if (letter == ' ' && part_ == 1) {
      part_ = 2;
    } else if (part_ < 2) {
      const int digit = letter <= '9' ? letter - '0' : letter - 'a' + 10;
      std::uintptr_t& number = part_ == 0 ? begin_ : end_;
      number = number * 16 + static_cast<std::uintptr_t>(digit);
    }
    std::memmove(tail_.data(), tail_.data() + 1, tail_.size() - 1);
    tail_.back() = letter;
  }
  bool has(std::uintptr_t address) const { return begin_ <= address && address < end_; }
  bool is_index() const {
    constexpr std::string_view kIndex = "-shm", kRemoved = "-shm (deleted)";
    const std::string_view tail(tail_.data(), tail_.size());
    return tail.ends_with(kIndex) || tail.ends_with(kRemoved);
  }

 private:
  std::uintptr_t begin_ = 0;
  std::uintptr_t end_ = 0;
  int part_ = 0;
  std::array<char, 16> tail_{};
};

bool is_in_index(std::uintptr_t address) {
  bool found = false;
  MapsLine line;
  std::array<char, 1024> some{};
  off_t at = 0;
  for (ssize_t n = 0; !found && (n = ::pread(g_maps, some.data(), some.size(), at)) > 0; at += n) {
    for (ssize_t i = 0; i < n && !found; ++i) {
      const char letter = some[static_cast<std::size_t>(i)];
      if (letter != '\n') {
        line.add(letter);
        continue;
      }
      found = line.has(address) && line.is_index();
      line = {};
    }
  }
  return found;
}

void on_sigbus(int /*signal*/, siginfo_t* info, void* /*context*/) {
  const int error = errno;
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  void* const page = reinterpret_cast<void*>(address & ~(g_page_size - 1));
  const bool is_replaced =
      info->si_code == BUS_ADRERR && is_in_index(address) &&
      ::mmap(page, g_page_size, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == page;
  if (is_replaced) {
    g_lost.fetch_add(1);
  } else {
    ::signal(SIGBUS, SIG_DFL);  // what is done again when this returns ends the process
  }
  errno = error;
}

}  // namespace

void replace_lost_pages() {
  static std::once_flag once;
  std::call_once(once, [] {
    g_page_size = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    g_maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    struct sigaction action {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigaction(SIGBUS, &action, nullptr);
  });
}

std::uint64_t lost_pages() noexcept { return g_lost.load(); }

}  // namespace wobble::daemon
