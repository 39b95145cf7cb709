#include "api/http/open_connections.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

namespace wobble::api {
namespace {

constexpr std::size_t kFewest = 8;  // of anything, however few descriptors there are

/// Of those that were told to end, beside `limit` that were not.
std::size_t leaving(std::size_t limit) { return std::max(limit, kFewest); }

/// 0: no socket, or none any more.
std::uint64_t cookie_of(int fd) {
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  return ::getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) == 0 ? cookie : 0;
}

std::string owner_of(const Peer& peer) {
  return peer.uid ? "user " + std::to_string(*peer.uid) : "address " + peer.address;
}

/// It is we who are to read.
bool has_unread(int fd) {
  int unread = 0;
  return ::ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

/// The lower, the sooner it gives way; below 0: never. Who has just come, or has sent what we have not read yet, goes
/// behind those that do not read what we sent them.
int rank(const OpenConnections::Connection& connection, OpenConnections::Clock::time_point now) {
  constexpr std::chrono::seconds kJustCome{1};
  switch (connection.phase) {
    case Phase::head:
      if (connection.has_begun && has_unread(connection.fd)) return 4;
      return now - connection.since < kJustCome ? 3 : 0;
    case Phase::body: return 1;
    case Phase::answer: return 2;
    case Phase::work:
    case Phase::stream: return -1;
  }
  return -1;
}

/// The peer has closed its sending side, and nothing that it sent is unread.
bool has_sent_all(int fd) { return OpenConnections::has_hung_up(fd) && !has_unread(fd); }

}  // namespace

ConnectionLimits fitted(ConnectionLimits limits, std::size_t descriptors) {
  const std::size_t fit =
      descriptors >= 5 * kFewest ? descriptors / 5 * 4 : descriptors - std::min(descriptors, kFewest);
  const std::size_t total = std::min(limits.total, std::max(fit, kFewest));
  limits.per_owner = std::clamp(limits.per_owner * total / limits.total, std::min(limits.per_owner, kFewest), total);
  limits.total = total;
  return limits;
}

std::size_t free_descriptors() {
  constexpr std::size_t kUsedByMost = 100;  // where there is no /proc
  rlimit limit{};
  std::error_code error;
  const std::filesystem::directory_iterator open("/proc/self/fd", error);
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto used = error ? kUsedByMost : static_cast<std::size_t>(std::distance(begin(open), end(open)));
  return limit.rlim_cur - std::min<std::size_t>(limit.rlim_cur, used);
}

bool OpenConnections::add(int fd, Peer peer, std::string local_address) {
  const std::string owner = owner_of(peer);
  const LockGuard lock(mutex_);
  if (is_full(owner)) return false;
  // The server has closed what had this descriptor before, and told nobody.
  connections_.remove_if([fd](const Connection& one) { return !one.has_begun && one.fd == fd; });
  Connection& added = connections_.emplace_back();
  added.fd = fd;
  added.cookie = cookie_of(fd);
  added.peer = std::move(peer);
  added.local_address = std::move(local_address);
  added.owner = owner;
  added.since = Clock::now();
  added.deadline = added.since + limits_.first_head;
  return true;
}

OpenConnections::Connection* OpenConnections::begin(int fd) {
  const LockGuard lock(mutex_);
  for (Connection& connection : connections_) {
    if (connection.has_begun || connection.fd != fd) continue;
    connection.has_begun = true;
    if (connection.is_shut) ::shutdown(fd, SHUT_RDWR);
    return &connection;
  }
  return nullptr;
}

void OpenConnections::drop_lost() {
  const LockGuard lock(mutex_);
  connections_.remove_if([](const Connection& one) { return !one.has_begun && cookie_of(one.fd) != one.cookie; });
}

void OpenConnections::remove(Connection* connection) {
  const LockGuard lock(mutex_);
  connections_.remove_if([connection](const Connection& one) { return &one == connection; });
}

void OpenConnections::linger(Connection* connection, int fd) {
  const LockGuard lock(mutex_);
  connection->fd = fd;
  connection->is_shut = true;
}

void OpenConnections::enter(Connection* connection, Phase phase) {
  const LockGuard lock(mutex_);
  const auto now = Clock::now();
  connection->phase = phase;
  connection->since = now;
  connection->deadline = phase == Phase::head   ? now + limits_.next_head
                         : phase == Phase::body ? now + limits_.body
                                                : Clock::time_point::max();
}

void OpenConnections::end_overdue() {
  drop_lost();
  const LockGuard lock(mutex_);
  const auto now = Clock::now();
  for (Connection& connection : connections_) {
    // A body that will never be whole. Seen twice: in between the server may have read the rest, and go on with it.
    const bool will_not_go_on = connection.phase == Phase::body && has_sent_all(connection.fd);
    // Whose request lies here and was not read in time is not to pay for that; once it is read, this is asked again.
    const bool is_late = connection.deadline <= now && !(connection.has_begun && has_unread(connection.fd));
    if (is_late || (will_not_go_on && connection.has_sent_all)) shut(connection);
    connection.has_sent_all = will_not_go_on;
  }
}

std::size_t OpenConnections::size() const {
  const LockGuard lock(mutex_);
  return connections_.size();
}

void OpenConnections::turn_away(int fd) {
  static constexpr char kTooBusy[] =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  [[maybe_unused]] const ssize_t sent = ::send(fd, kTooBusy, sizeof kTooBusy - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(fd);
}

bool OpenConnections::has_hung_up(int fd) {
  pollfd peer{fd, POLLRDHUP, 0};
  return ::poll(&peer, 1, 0) > 0;
}

void OpenConnections::make_room() {
  const LockGuard lock(mutex_);
  make_room(nullptr);
}

bool OpenConnections::is_full(const std::string& owner) {
  std::size_t all = 0, living = 0, own = 0, own_living = 0;
  for (const Connection& connection : connections_) {
    const bool is_own = connection.owner == owner;
    ++all;
    living += !connection.is_shut;
    own += is_own;
    own_living += is_own && !connection.is_shut;
  }
  if (own >= limits_.per_owner + leaving(limits_.per_owner) || all >= limits_.total + leaving(limits_.total / 4)) {
    return true;
  }
  if (own_living >= limits_.per_owner) {
    if (!make_room(&owner)) return true;
    --living;
  }
  return living >= limits_.total && !make_room(nullptr);
}

bool OpenConnections::make_room(const std::string* owner) {
  const auto now = Clock::now();
  Connection* chosen = nullptr;
  int lowest = 0;
  for (Connection& connection : connections_) {
    if (connection.is_shut || (owner != nullptr && connection.owner != *owner)) continue;
    const int its_rank = rank(connection, now);
    if (its_rank < 0) continue;
    if (chosen != nullptr && std::pair(its_rank, connection.since) >= std::pair(lowest, chosen->since)) continue;
    chosen = &connection;
    lowest = its_rank;
  }
  if (chosen == nullptr) return false;
  shut(*chosen);
  return true;
}

void OpenConnections::shut(Connection& connection) {
  if (connection.is_shut) return;
  connection.is_shut = true;
  // The server sees that the connection has ended, and closes it. What it has not begun may be closed, and the
  // descriptor be another's.
  if (connection.has_begun) ::shutdown(connection.fd, SHUT_RDWR);
}

}  // namespace wobble::api
