// Questions to a name server that listens on this machine's loopback only, and so answers nobody in another namespace:
// 127.0.0.53 (systemd-resolved), 127.0.0.11 (a container's, where the engine's own rules lead on to the real port),
// ::1. What comes to our ports is asked there by this process, and the answer given back; UDP and TCP. DNS is not
// looked into.
// Nobody but the one it is for is answered: neither another process of this machine nor a neighbour of it.
//
// Thread: one of its own, which stays in the constructor's network namespace.
#pragma once

#include <netinet/in.h>
#include <poll.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include "daemon/ways_in/relayed_streams.h"
#include "emulator/unique_fd.h"

namespace wobble::daemon {

class NameRelay {
 public:
  /// Whose questions are answered: those from the IPv4 address `asker` that came in by `device`, to the IPv4 address
  /// `own`, at ports that the kernel chooses.
  struct Place {
    std::string own;
    std::string asker;
    std::string device;
  };
  /// Asks `server` (IPv4 or IPv6) at `server_port`. Throws std::system_error.
  NameRelay(const Place& place, const std::string& server, std::uint16_t server_port = 53);
  ~NameRelay();
  NameRelay(const NameRelay&) = delete;
  NameRelay& operator=(const NameRelay&) = delete;

  std::uint16_t udp_port() const { return port_of(questions_.get()); }
  std::uint16_t tcp_port() const { return port_of(listener_.get()); }

 private:
  using Clock = std::chrono::steady_clock;

  struct Question {
    UniqueFd socket;  ///< connected to the server
    sockaddr_in from;
    Clock::time_point ends;
    std::vector<std::uint8_t> header;  ///< of the question, for an answer of our own
  };
  static std::uint16_t port_of(int socket);
  bool is_asker(const sockaddr_in& from) const { return from.sin_addr.s_addr == asker_.s_addr; }
  void serve();
  std::vector<pollfd> descriptors() const;
  void take_question();
  bool give_answer(const Question& question) const;
  void take_stream();
  void forget_the_late();

  in_addr asker_;
  sockaddr_storage server_{};
  socklen_t server_length_ = 0;
  UniqueFd questions_;
  UniqueFd listener_;
  UniqueFd stop_;
  std::list<Question> open_;
  RelayedStreams streams_;
  std::thread thread_;
};

}  // namespace wobble::daemon
