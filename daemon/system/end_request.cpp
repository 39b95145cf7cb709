#include "daemon/system/end_request.h"

#include "daemon/system/program.h"

namespace wobble::daemon {

EndRequest::EndRequest() {
  ::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  waiter_ = std::thread([this] {
    int signal = 0;
    ::sigwait(&signals_, &signal);
    stop_programs();
    signal_ = signal;
    signal_.notify_all();
  });
}

EndRequest::~EndRequest() {
  if (!has_come()) ::pthread_kill(waiter_.native_handle(), SIGTERM);
  waiter_.join();
}

int EndRequest::wait() const {
  signal_.wait(0);
  return signal_;
}

}  // namespace wobble::daemon
