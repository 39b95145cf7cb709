#include "daemon/ways_in/socket_folder.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>

#include "daemon/system/socket_path.h"
#include "daemon/ways_in/ledger.h"
#include "emulator/unique_fd.h"

namespace wobble::daemon {
namespace {

bool is_dead(const char* path) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  static_assert(sizeof kDefaultSocket <= sizeof address.sun_path);
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return fd.get() >= 0 && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

}  // namespace

SocketFolder::SocketFolder() noexcept { hold(); }

SocketFolder::~SocketFolder() {
  lock_.reset();
  hold();  // and let go: the last one tidies up
}

void SocketFolder::hold() noexcept {
  try {
    lock_.emplace(kLedgerFolder);
  } catch (const std::exception&) {  // it cannot be written, or somebody holds it for too long
  }
}

bool remove_dead_socket(bool dry_run) noexcept {
  try {
    if (!is_dead(kDefaultSocket)) return false;
    if (dry_run) return true;
    const LedgerLock lock(kLedgerFolder);
    return ::unlink(kDefaultSocket) == 0;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace wobble::daemon
