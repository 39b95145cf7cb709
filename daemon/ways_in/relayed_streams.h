// TCP connections that end at this process and go on from it: what comes by one socket of a pair leaves by the other.
//
// Thread: the one of its owner, which waits in poll(2).
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include "emulator/unique_fd.h"

namespace wobble::daemon {

class RelayedStreams {
 public:
  using Clock = std::chrono::steady_clock;

  /// At most so many at once. One on which nothing has moved for `patience` is closed; zero: none is.
  RelayedStreams(std::size_t most, Clock::duration patience) : most_(most), patience_(patience) {}

  /// Both non-blocking; `server` may still be connecting. Both are reset if there are too many already.
  void add(UniqueFd client, UniqueFd server);
  bool empty() const { return streams_.empty(); }

  void append_to(std::vector<pollfd>& list) const;
  /// `events` is what append_to() has appended, after poll().
  void move_on(std::span<const pollfd> events);

 private:
  struct Pipe {
    std::vector<std::uint8_t> waiting;  ///< read, but not yet written
    bool has_ended = false;
  };
  struct Stream {
    UniqueFd client;
    UniqueFd server;
    Pipe up{};
    Pipe down{};
    Clock::time_point moved_at = Clock::now();
  };

  /// Reads what there is, writes what it can. False: it is broken.
  static bool pass(int from, int to, Pipe& pipe);

  std::size_t most_;
  Clock::duration patience_;
  std::list<Stream> streams_;
};

/// Whether errno says of a socket that it may do later what it did not do now.
bool is_for_later() noexcept;

/// Closes a connection with a reset, so that its peer does not take it for an orderly end.
void reset_connection(UniqueFd socket) noexcept;

}  // namespace wobble::daemon
