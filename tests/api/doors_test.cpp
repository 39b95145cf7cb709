// The server's doors: its port, addresses, and Unix socket.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using DoorsTest = ServerTest;

TEST_F(DoorsTest, ASecondServerOnThePortIsRefusedInOneLine) {
  ServerOptions options;
  options.port = server_->port();
  Server second(backend_, options);
  try {
    second.bind();
    FAIL() << "two servers on one port";
  } catch (const std::runtime_error& e) {
    EXPECT_EQ(e.what(), "127.0.0.1:" + std::to_string(options.port) + " is in use: is another wobbled running?");
  }
}

TEST_F(DoorsTest, ThePortIsFreeAgainAtOnce) {
  const int port = server_->port();
  EXPECT_EQ(get("/healthz")["ok"], true);
  server_->stop();
  ServerOptions options;
  options.port = port;
  Server next(backend_, options);
  next.bind();
  EXPECT_EQ(next.port(), port);
}

TEST_F(DoorsTest, BeyondLoopbackATokenIsNeeded) {
  for (const char* address : {"0.0.0.0", "::", "10.0.0.1"}) {
    ServerOptions options;
    options.address = address;
    options.port = 0;
    EXPECT_THROW(Server(backend_, options).bind(), std::runtime_error) << address;
  }
  ServerOptions options;
  options.address = "not an address";
  options.insecure = true;
  EXPECT_THROW(Server(backend_, options).bind(), std::runtime_error);
}

TEST_F(DoorsTest, TheUnixSocketAnswersAndIsTakenAway) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("wobble-test-" + std::to_string(::getpid()) + ".sock")).string();
  ServerOptions options;
  options.unix_socket = path;
  options.token = "secret";
  start(options);
  EXPECT_EQ(client().Get("/api/v1")->status, 401);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request = "GET /api/v1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  ASSERT_EQ(::send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  char answer[16] = "";
  EXPECT_EQ(::recv(fd, answer, 12, MSG_WAITALL), 12);
  EXPECT_STREQ(answer, "HTTP/1.1 200");
  ::close(fd);
  ServerOptions same;
  same.port = 0;
  same.unix_socket = path;
  Server second(backend_, same);
  EXPECT_THROW(second.bind(), std::runtime_error);
  server_->stop();
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace wobble::api
