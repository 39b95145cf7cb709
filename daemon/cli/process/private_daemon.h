// A wobbled of one command's own: started beside it, on a port that the kernel chooses, and ended with it.
#pragma once

#include <sys/types.h>

#include <string>

namespace wobble::daemon {

class PrivateDaemon {
 public:
  /// Starts the `wobbled` that stands beside this program, or else the one in PATH, and waits until it answers. Its log
  /// is `log`; with an empty one a temporary file, which it removes at the end, also if we are killed. Failure with
  /// what it said.
  explicit PrivateDaemon(const std::string& log);
  /// Ends it, so that it takes down what it made; after ten seconds by force.
  ~PrivateDaemon();
  PrivateDaemon(const PrivateDaemon&) = delete;
  PrivateDaemon& operator=(const PrivateDaemon&) = delete;

  const std::string& url() const { return url_; }

 private:
  void start(const std::string& program, const std::string& log);
  void stop() noexcept;

  pid_t process_ = -1;
  int output_ = -1;  ///< its standard output
  int errors_ = -1;  ///< what it writes to standard error, in a file without a name
  std::string url_;
};

}  // namespace wobble::daemon
