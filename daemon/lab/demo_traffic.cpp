#include "daemon/lab/demo_traffic.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr int kRequestsPerSession = 5;
constexpr timeval kPatience{1, 0};  // a lost link must not hold up the daemon's end for longer

/// A plain HTTP client: small enough to speak 1.0, and to leave closing to whom it belongs.
class Connection {
 public:
  Connection() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(Lab::kServerPort);
    ::inet_pton(AF_INET, Lab::kServerAddress, &server.sin_addr);
    is_open_ = ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) == 0;
  }

  /// Sends a request and reads the answer: to its Content-Length, or to the end if `until_close`.
  bool request(const std::string& text, bool until_close) {
    if (!is_open_ || ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return false;
    std::string answer;
    char chunk[16384];
    for (;;) {
      const ssize_t n = ::recv(socket_.get(), chunk, sizeof chunk, 0);
      if (n <= 0) return n == 0 && until_close;
      answer.append(chunk, static_cast<std::size_t>(n));
      if (!until_close && is_whole(answer)) return true;
    }
  }

 private:
  static bool is_whole(std::string_view answer) {
    const auto head = answer.find("\r\n\r\n");
    const auto field = answer.find("Content-Length: ");
    if (head == std::string_view::npos || field > head) return false;
    return answer.size() >= head + 4 + std::stoul(std::string(answer.substr(field + 16, 12)));
  }

  UniqueFd socket_;
  bool is_open_ = false;
};

std::string get(const char* path, const char* version) {
  return std::string("GET ") + path + " HTTP/" + version + "\r\nHost: " + Lab::kServerAddress + "\r\n\r\n";
}

}  // namespace

DemoTraffic::DemoTraffic(const Lab& lab) {
  thread_ = std::thread([this, &lab] {
    lab.client().enter();
    run();
  });
}

DemoTraffic::~DemoTraffic() {
  {
    const LockGuard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool DemoTraffic::pause(Duration time) {
  UniqueLock lock(mutex_);
  return !changed_.wait_for(lock, time, [this]() WOBBLE_REQUIRES(mutex_) { return stopping_; });
}

void DemoTraffic::run() {
  while (pause(300ms)) {
    Connection().request(get("/", "1.0"), true);
    if (!pause(700ms)) return;
    Connection().request(get("/bytes/20000", "1.0"), true);
    if (!pause(500ms)) return;
    Connection session;
    for (int i = 0; i < kRequestsPerSession; ++i) {
      if (!session.request(get(i % 2 == 0 ? "/bytes/5000" : "/", "1.1"), false)) break;
      if (!pause(400ms)) return;
    }
  }
}

}  // namespace wobble::daemon
