// The connections that are open: whose each is, what it is about, and until when. A connection that says nothing, or
// drips, costs no thread; here it gets its end. There is always room for one more: the connection that has been silent
// for longest gives way, first among those of the same owner.
//
// Thread: any.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "api/http.h"

namespace wobble::api {

struct ConnectionLimits {
  std::size_t total = 1024;
  std::size_t per_owner = 256;         ///< of one user of this machine, or of one address elsewhere
  std::chrono::seconds first_head{5};  ///< from the connection's begin to the end of the first head
  std::chrono::seconds next_head{15};  ///< from an answer's end to the end of the next head
  std::chrono::seconds body{10};       ///< from a head's end to the end of its body
};

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
    int fd = -1;  ///< valid for as long as the connection is in the register
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

  /// Makes room if there is none. Null if there is none to be had: every connection is being answered.
  Connection* add(int fd, Peer peer, std::string local_address);
  void remove(Connection* connection);
  /// `connection` enters `phase` now.
  void enter(Connection* connection, Phase phase);
  /// Ends those whose time is over, or that have closed their side before the body was whole. To be called now and
  /// then.
  void end_overdue();

  std::size_t size() const;
  /// Answers 503 to a client for whom there is no room, and closes `fd`.
  static void turn_away(int fd);
  /// The client has left, or has closed its sending side.
  static bool has_hung_up(int fd);

 private:
  bool make_room(const std::string* owner);  ///< with mutex_ held
  std::size_t count(const std::string* owner) const;
  static void shut(Connection& connection);

  const ConnectionLimits limits_;
  mutable std::mutex mutex_;  // guards what follows
  std::list<Connection> connections_;
};

}  // namespace wobble::api
