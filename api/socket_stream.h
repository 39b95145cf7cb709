// One accepted connection as cpp-httplib reads and writes it, with every wait and every byte bounded:
//
//   wait_for_request → begin_request → (httplib reads the head) → head_is_read → (a handler reads the body, answers)
//
// A request's head must come within kHeadTime and fit kHeadBytes, its body within kBodyTime and kBodyBytes, however
// slowly it drips; an answer must make progress every kWriteTime. When the server stops, every wait ends.
//
// Thread: one worker's, for the connection's life. Owns the socket.
#pragma once

#include <httplib.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

namespace wobble::api {

class SocketStream : public httplib::Stream {
 public:
  static constexpr std::size_t kHeadBytes = 32 * 1024;
  static constexpr std::size_t kBodyBytes = 256 * 1024;
  static constexpr std::chrono::seconds kHeadTime{5};
  static constexpr std::chrono::seconds kBodyTime{10};
  static constexpr std::chrono::seconds kWriteTime{5};
  static constexpr std::chrono::seconds kIdleTime{5};

  /// `stop_fd` becomes and stays readable when the server stops; not owned.
  SocketStream(int fd, int stop_fd);
  ~SocketStream() override;
  SocketStream(const SocketStream&) = delete;
  SocketStream& operator=(const SocketStream&) = delete;

  /// Waits for a request's first byte, at most kIdleTime. False: none, or the peer is gone, or `give_way` says that
  /// somebody else needs this thread.
  bool wait_for_request(const std::function<bool()>& give_way);
  void begin_request();
  void head_is_read();
  bool head_too_large() const { return !in_body_ && budget_ == 0; }
  bool timed_out() const { return timed_out_; }

  /// Ends the connection so that the peer still reads what was sent: a close with unread input would be a reset.
  void close_gently();

  bool is_readable() const override;
  /// False also when the peer has closed, or the server stops.
  bool is_writable() const override;
  ssize_t read(char* data, std::size_t size) override;
  ssize_t write(const char* data, std::size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  socket_t socket() const override { return fd_; }

 private:
  using Clock = std::chrono::steady_clock;

  bool fill();  ///< buffer_ from the socket, by deadline_
  bool stopping() const;
  /// Waits for `events`; false at `deadline`, at a stop, or on an error.
  bool wait(short events, Clock::time_point deadline) const;

  int fd_;
  int stop_fd_;
  std::array<char, 4096> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t budget_ = 0;  ///< bytes the peer may still send for this part of the request
  Clock::time_point deadline_;
  bool in_body_ = false;
  bool timed_out_ = false;
};

}  // namespace wobble::api
