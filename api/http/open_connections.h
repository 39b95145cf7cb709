// The connections that are open: whose each is, what it is about, and until when. A connection that says nothing, or
// drips, costs no thread; here it gets its end. There is always room for one more: the connection that has been silent
// for longest gives way, first among those of the same owner.
//
// A connection counts from add() until its descriptor is closed, also while it is on its way out: whoever comes and
// goes faster than the server can close is refused, and neither the server nor the process reaches a limit of its own.
//
// Thread: any.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "api/http/http.h"
#include "emulator/mutex.h"

namespace wobble::api {

struct ConnectionLimits {
  /// Of connections that were not told to end. Those that were may be as many again of one owner, and a quarter of
  /// `total` of all.
  std::size_t total = 1024;
  std::size_t per_owner = 256;         ///< of one user of this machine, or of one address elsewhere
  std::chrono::seconds first_head{5};  ///< from the connection's begin to the end of the first head
  std::chrono::seconds next_head{15};  ///< from an answer's end to the end of the next head
  std::chrono::seconds body{10};       ///< from a head's end to the end of its body
};

/// As many of `limits` as `descriptors` are enough for, with those that are on their way out; 8 at least.
ConnectionLimits fitted(ConnectionLimits limits, std::size_t descriptors);

/// Descriptors that this process may still open.
std::size_t free_descriptors();

/// What a connection is about.
enum class Phase {
  head,    ///< the client is to send a request
  body,    ///< the client is to send its body
  work,    ///< we are to answer
  answer,  ///< the client is to read
  stream,  ///< the client reads what comes, for as long as it comes
};

class OpenConnections {
 public:
  using Clock = std::chrono::steady_clock;

  struct Connection {
    int fd = -1;               ///< valid for as long as the connection is in the register, once it was begun
    std::uint64_t cookie = 0;  ///< what tells this socket from others that have the same descriptor later
    bool has_begun = false;    ///< the server has taken it over
    Peer peer;
    std::string local_address;
    std::string owner;
    Phase phase = Phase::head;
    Clock::time_point since;     ///< of the phase
    Clock::time_point deadline;  ///< of the phase; max() if it has none
    bool is_shut = false;        ///< was told to end; it is on its way out
    bool has_sent_all = false;   ///< when last looked at: the body will never be whole
    bool unread = false;         ///< the client may still be sending what is not read; its server's thread only
  };

  explicit OpenConnections(ConnectionLimits limits) : limits_(limits) {}

  /// Before the first connection.
  void fit(std::size_t descriptors) { limits_ = fitted(limits_, descriptors); }

  /// Makes room if there is none. False if there is none to be had: every connection is being answered, or too many
  /// are on their way out.
  bool add(int fd, Peer peer, std::string local_address);
  /// The server has taken over what was added with this descriptor. From now on the connection may be told to end, and
  /// lives until remove().
  Connection* begin(int fd);
  /// Forgets those that the server has closed instead of beginning them.
  void drop_lost();
  void remove(Connection* connection);
  /// The connection's own descriptor is closed soon; it is counted, with this one in its place, until remove().
  void linger(Connection* connection, int fd);
  /// `connection` enters `phase` now.
  void enter(Connection* connection, Phase phase);
  /// Ends those whose time is over, or that have closed their side before the body was whole. To be called now and
  /// then.
  void end_overdue();
  /// The one that has been silent for longest gives way.
  void make_room();

  std::size_t size() const;
  /// Answers 503 to a client for whom there is no room, and closes `fd`.
  static void turn_away(int fd);
  /// Of those that may have their connections answered at once, all of one owner.
  std::size_t most_answered() const noexcept { return std::max<std::size_t>(limits_.per_owner / 2, 1); }
  /// The client has left, or has closed its sending side.
  static bool has_hung_up(int fd);

 private:
  bool is_full(const std::string& owner) WOBBLE_REQUIRES(mutex_);
  bool make_room(const std::string* owner) WOBBLE_REQUIRES(mutex_);
  static void shut(Connection& connection);  ///< with mutex_ held

  ConnectionLimits limits_;  // not changed once there was a connection
  mutable Mutex mutex_;
  std::list<Connection> connections_ WOBBLE_GUARDED_BY(mutex_);
};

}  // namespace wobble::api
