// Sockets that listen, one thread that accepts, and a pool of workers that serve what was accepted. Our own rather
// than httplib's, which lets a second daemon share the port (SO_REUSEPORT), queues without limit, and gives up for
// good when accept(2) reports a client's mishap.
//
// Thread: open, start and stop by the owner; `serve` runs on the workers.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace wobble::api {

class Listener {
 public:
  enum class Door { tcp, unix_socket };
  /// Serves one connection and closes `fd`. Must return soon after the stop descriptor became readable.
  using Serve = std::function<void(int fd, Door door)>;

  Listener();
  ~Listener();  ///< stops
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// `address` is a numeric IPv4 or IPv6 address or "localhost"; port 0 takes a free one. Returns the port. Throws
  /// std::runtime_error with one line that says what to do.
  int open_tcp(const std::string& address, int port);
  /// Readable and writable by the owner only. A stale socket file is replaced, a live one is an error.
  void open_unix(const std::string& path);

  void start(std::size_t workers, Serve serve);
  void stop();  ///< joins everything; what waits in the queue is closed

  int stop_fd() const { return stop_fd_; }
  /// Connections wait for a worker.
  bool crowded() const;
  /// Any listening descriptor: httplib wants one to believe that it runs.
  int any_fd() const { return doors_.empty() ? -1 : doors_.front().fd; }

 private:
  struct OpenDoor {
    int fd;
    Door door;
  };
  struct Waiting {
    int fd;
    Door door;
  };

  void accept_loop();
  void accept_one(const OpenDoor& door);
  void work();

  int stop_fd_;
  std::vector<OpenDoor> doors_;
  std::string unix_path_;
  Serve serve_;
  std::thread acceptor_;
  std::vector<std::thread> workers_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Waiting> queue_;
  bool stopping_ = false;
};

}  // namespace wobble::api
