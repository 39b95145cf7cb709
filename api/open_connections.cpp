#include "api/open_connections.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace wobble::api {
namespace {

std::string owner_of(const Peer& peer) {
  return peer.uid ? "user " + std::to_string(*peer.uid) : "address " + peer.address;
}

/// The lower, the sooner it gives way; below 0: never.
int rank(Phase phase) {
  switch (phase) {
    case Phase::head: return 0;
    case Phase::body: return 1;
    case Phase::answer: return 2;
    case Phase::work:
    case Phase::stream: return -1;
  }
  return -1;
}

/// The peer has closed its sending side, and nothing that it sent is unread.
bool has_sent_all(int fd) {
  int unread = 0;
  return OpenConnections::has_hung_up(fd) && ::ioctl(fd, FIONREAD, &unread) == 0 && unread == 0;
}

}  // namespace

OpenConnections::Connection* OpenConnections::add(int fd, Peer peer, std::string local_address) {
  const std::string owner = owner_of(peer);
  const std::lock_guard lock(mutex_);
  if (count(&owner) >= limits_.per_owner && !make_room(&owner)) return nullptr;
  if (count(nullptr) >= limits_.total && !make_room(nullptr)) return nullptr;
  const auto now = Clock::now();
  connections_.push_back(
      {fd, std::move(peer), std::move(local_address), owner, Phase::head, now, now + limits_.first_head});
  return &connections_.back();
}

void OpenConnections::remove(Connection* connection) {
  const std::lock_guard lock(mutex_);
  connections_.remove_if([connection](const Connection& one) { return &one == connection; });
}

void OpenConnections::enter(Connection* connection, Phase phase) {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  connection->phase = phase;
  connection->since = now;
  connection->deadline = phase == Phase::head   ? now + limits_.next_head
                         : phase == Phase::body ? now + limits_.body
                                                : Clock::time_point::max();
}

void OpenConnections::end_overdue() {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  for (Connection& connection : connections_) {
    // A body that will never be whole. Seen twice: in between the server may have read the rest, and go on with it.
    const bool will_not_go_on = connection.phase == Phase::body && has_sent_all(connection.fd);
    if (connection.deadline <= now || (will_not_go_on && connection.has_sent_all)) shut(connection);
    connection.has_sent_all = will_not_go_on;
  }
}

std::size_t OpenConnections::size() const {
  const std::lock_guard lock(mutex_);
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

std::size_t OpenConnections::count(const std::string* owner) const {
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(), [&](const Connection& connection) {
        return !connection.is_shut && (owner == nullptr || connection.owner == *owner);
      }));
}

bool OpenConnections::make_room(const std::string* owner) {
  Connection* chosen = nullptr;
  for (Connection& connection : connections_) {
    if (connection.is_shut || rank(connection.phase) < 0) continue;
    if (owner != nullptr && connection.owner != *owner) continue;
    const bool sooner = chosen == nullptr || rank(connection.phase) < rank(chosen->phase) ||
                        (connection.phase == chosen->phase && connection.since < chosen->since);
    if (sooner) chosen = &connection;
  }
  if (chosen == nullptr) return false;
  shut(*chosen);
  return true;
}

void OpenConnections::shut(Connection& connection) {
  if (connection.is_shut) return;
  connection.is_shut = true;
  // The server sees that the connection has ended, and closes it.
  ::shutdown(connection.fd, SHUT_RDWR);
}

}  // namespace wobble::api
