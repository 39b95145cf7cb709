#include "daemon/ways_in/relayed_streams.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPiece = 65'536;  ///< bytes that are taken at once, and wait at most, in each direction

}  // namespace

bool is_for_later() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOTCONN; }

void reset_connection(UniqueFd socket) noexcept {
  const linger at_once{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

void RelayedStreams::add(UniqueFd client, UniqueFd server) {
  if (streams_.size() < most_) {
    streams_.push_back({std::move(client), std::move(server)});
    return;
  }
  reset_connection(std::move(client));
  reset_connection(std::move(server));
}

void RelayedStreams::append_to(std::vector<pollfd>& list) const {
  const auto wanted = [](const Pipe& in, const Pipe& out) {
    return static_cast<short>((in.waiting.empty() && !in.has_ended ? POLLIN : 0) | (out.waiting.empty() ? 0 : POLLOUT));
  };
  for (const Stream& stream : streams_) {
    list.push_back({stream.client.get(), wanted(stream.up, stream.down), 0});
    list.push_back({stream.server.get(), wanted(stream.down, stream.up), 0});
  }
}

void RelayedStreams::move_on(std::span<const pollfd> events) {
  const auto now = Clock::now();
  std::size_t at = 0;
  for (auto stream = streams_.begin(); stream != streams_.end() && at + 1 < events.size(); at += 2) {
    const int seen = events[at].revents | events[at + 1].revents;
    bool lives = patience_ == 0s || now - stream->moved_at < patience_;
    if (seen != 0) {
      const bool is_broken = (seen & POLLERR) != 0 || !pass(stream->client.get(), stream->server.get(), stream->up) ||
                             !pass(stream->server.get(), stream->client.get(), stream->down);
      lives = !is_broken && !(stream->up.has_ended && stream->down.has_ended);
      stream->moved_at = now;
      if (is_broken) {
        reset_connection(std::move(stream->client));
        reset_connection(std::move(stream->server));
      }
    }
    stream = lives ? std::next(stream) : streams_.erase(stream);
  }
}

bool RelayedStreams::pass(int from, int to, Pipe& pipe) {
  if (pipe.waiting.empty() && !pipe.has_ended) {
    pipe.waiting.resize(kPiece);
    const ssize_t n = ::recv(from, pipe.waiting.data(), pipe.waiting.size(), 0);
    const bool is_broken = n < 0 && !is_for_later();
    pipe.waiting.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    if (is_broken) return false;
    if (n == 0) {
      pipe.has_ended = true;
      ::shutdown(to, SHUT_WR);
    }
  }
  if (pipe.waiting.empty()) return true;
  const ssize_t n = ::send(to, pipe.waiting.data(), pipe.waiting.size(), MSG_NOSIGNAL);
  if (n < 0) return is_for_later();
  pipe.waiting.erase(pipe.waiting.begin(), pipe.waiting.begin() + n);
  return true;
}

}  // namespace wobble::daemon
