// Sockets that listen, and one thread that accepts. Our own rather than the library's, so that a second daemon cannot
// share the port, that TCP and Unix sockets lead to one server, and that who connects is known before anything is read.
//
// Thread: open, start and stop by the owner; what was accepted is handed over on the accepting thread.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace wobble::api {

class Listener {
 public:
  enum class Door { tcp, unix_socket };
  /// Takes `fd` over: not blocking, closed on exec.
  using Accept = std::function<void(int fd, Door door)>;

  Listener();
  ~Listener();  ///< stops
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// `address` is a numeric IPv4 or IPv6 address or "localhost"; port 0 takes a free one. `::` takes IPv4 as well.
  /// Returns the port. Throws std::runtime_error with one line that says what to do.
  int open_tcp(const std::string& address, int port);
  /// Readable and writable by its owner, and by the members of `group` if there is such a group and it may be given to
  /// the file; empty: none. A stale socket file is replaced, a live one is an error.
  void open_unix(const std::string& path, const std::string& group);

  /// `starve` is called, on the accepting thread, while somebody waits to be accepted and there is no descriptor for
  /// it.
  void start(Accept accept, std::function<void()> starve);
  /// Joins the thread and closes the sockets that listen. What was accepted is not touched.
  void stop();

 private:
  struct OpenDoor {
    int fd;
    Door door;
  };

  void accept_loop();
  void accept_one(const OpenDoor& door);

  int stop_fd_;
  std::vector<OpenDoor> doors_;
  std::string unix_path_;
  Accept accept_;
  std::function<void()> starve_;
  std::thread thread_;
};

}  // namespace wobble::api
