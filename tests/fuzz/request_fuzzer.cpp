// Any bytes as what a client sends, to the whole server through a pair of sockets: it answers with HTTP or closes, and
// it comes to an end. And any text as credentials: they are not those that are asked for.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "api/conditions/problem.h"
#include "api/handlers/server.h"
#include "api/http/access.h"
#include "tests/api/mock_backend.h"

namespace {

using namespace wobble;

constexpr int kMostMs = 20'000;

struct Target {
  Target() {
    api::ServerOptions options;
    options.port = 0;
    options.token = "the token";
    options.user_of = [](const sockaddr_storage&, const sockaddr_storage&) { return std::optional<uid_t>(54'321); };
    server = std::make_unique<api::Server>(backend, options);
    server->bind();
    server->start();
  }
  api::MockBackend backend;
  std::unique_ptr<api::Server> server;
};

/// Within kMostMs; the fuzzer's own alarm may interrupt the wait.
bool becomes_ready(pollfd& fd) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::milliseconds(kMostMs);
  for (;;) {
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    const int n = ::poll(&fd, 1, static_cast<int>(std::max<std::int64_t>(rest.count(), 0)));
    if (n >= 0 || errno != EINTR) return n > 0;
  }
}

std::string exchange(api::Server& server, const std::uint8_t* data, std::size_t size) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) std::abort();
  server.serve(ends[0]);
  std::string answer;
  std::size_t sent = 0;
  for (bool open = true; open;) {
    pollfd fd{ends[1], static_cast<short>(POLLIN | (sent < size ? POLLOUT : 0)), 0};
    if (!becomes_ready(fd)) std::abort();  // it neither answers nor closes
    if (sent < size && (fd.revents & (POLLOUT | POLLHUP)) != 0) {
      const ssize_t n = ::send(ends[1], data + sent, size - sent, MSG_NOSIGNAL);
      sent = n > 0 ? sent + static_cast<std::size_t>(n) : size;
    }
    if (sent == size) ::shutdown(ends[1], SHUT_WR);
    char bytes[4096];
    const ssize_t n = ::recv(ends[1], bytes, sizeof bytes, 0);
    if (n > 0) answer.append(bytes, static_cast<std::size_t>(n));
    open = n > 0 || (n < 0 && errno == EAGAIN);
  }
  ::close(ends[1]);
  return answer;
}

void check_credentials(const std::string& text) {
  static const api::Access access = [] {
    api::AccessRules rules;
    rules.token = "the token";
    rules.port = 1;
    return api::Access(rules);
  }();
  for (const char* name : {"Authorization", "Cookie"}) {
    api::Request request;
    request.target = "/api/v1/links";
    request.headers.add(name, text);
    try {
      access.check(request, true);
    } catch (const api::Problem&) {
      continue;
    }
    if (std::string(name) != "Authorization" || !text.ends_with("the token")) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Target target;
  const std::string answer = exchange(*target.server, data, size);
  if (!answer.empty() && !answer.starts_with("HTTP/1.1 ")) std::abort();
  check_credentials(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
