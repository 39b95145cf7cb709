// The container engine's client, against an engine that says what Docker's API says. tests/docker has the real one.
#include "daemon/ways_in/container_inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

namespace wobble::daemon {
namespace {

using ::testing::HasSubstr;

std::string container_json(const std::string& name, const std::string& state, int pid) {
  return R"({"Id":"4fa6e0f0c6786287e131c3852c58a2e01cc697a68231826813597e4994f1d6e2","Name":"/)" + name +
         R"(","State":{"Status":")" + state + R"(","Pid":)" + std::to_string(pid) +
         R"(},"NetworkSettings":{"SandboxKey":"/proc/self/ns/net"}})";
}

// Answers one request after the other, each on a connection of its own.
class FakeEngine {
 public:
  explicit FakeEngine(std::function<std::string(const std::string&)> answer) : answer_(std::move(answer)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "wobble-test-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeEngine() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    std::filesystem::remove_all(folder_);
  }
  std::string path() const { return folder_ + "/docker.sock"; }
  const std::string& last_head() const { return head_; }

 private:
  void serve() {
    for (;;) {
      const int peer = ::accept(listener_, nullptr, nullptr);
      if (peer < 0) return;
      std::string head;
      char byte = 0;
      while (head.find("\r\n\r\n") == std::string::npos && ::read(peer, &byte, 1) == 1) head += byte;
      if (!head.empty()) {
        head_ = head;
        const std::string out = answer_(head.substr(0, head.find("\r\n")));
        (void)!::write(peer, out.data(), out.size());
      }
      ::close(peer);
    }
  }

  std::function<std::string(const std::string&)> answer_;
  std::string folder_;
  int listener_ = -1;
  std::string head_;
  std::thread thread_;
};

std::string http(int status, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

template <typename Error>
std::string refusal(const std::function<void()>& attempt) {
  try {
    attempt();
  } catch (const Error& error) {
    return error.what();
  }
  return "(nothing was thrown)";
}

TEST(ContainerEngine, FindsARunningContainer) {
  const FakeEngine engine([](const std::string& request) {
    return request == "GET /containers/web/json HTTP/1.1" ? http(200, container_json("web", "running", ::getpid()))
                                                          : http(500, "{}");
  });
  const Container container = ContainerEngine(engine.path()).inspect_running("web");
  EXPECT_EQ(container.name, "web");
  EXPECT_EQ(container.state, "running");
  EXPECT_EQ(container.pid, ::getpid());
  EXPECT_THAT(container.netns, HasSubstr("/ns/net"));
  EXPECT_EQ(::access(container.netns.c_str(), F_OK), 0);
  EXPECT_THAT(engine.last_head(), HasSubstr("Host: localhost\r\n"));  // Go's server refuses a path as a host
}

TEST(ContainerEngine, SaysThatThereIsNoSuchContainer) {
  const FakeEngine engine([](const std::string&) { return http(404, R"({"message":"No such container: nope"})"); });
  EXPECT_EQ(refusal<NoSuchContainer>([&] { ContainerEngine(engine.path()).inspect("nope"); }),
            "there is no container 'nope' (see 'docker ps')");
}

TEST(ContainerEngine, SaysThatItIsNotRunning) {
  const FakeEngine engine([](const std::string&) { return http(200, container_json("db", "exited", 0)); });
  const ContainerEngine client(engine.path());
  EXPECT_EQ(client.inspect("db").netns, "");
  EXPECT_EQ(refusal<ContainerNotRunning>([&] { client.inspect_running("db"); }),
            "the container 'db' is not running (it is exited)");
}

TEST(ContainerEngine, SaysWhatTheEngineRefused) {
  const FakeEngine engine([](const std::string&) { return http(403, R"({"message":"a plugin said no"})"); });
  EXPECT_THAT(refusal<EngineUnavailable>([&] { ContainerEngine(engine.path()).inspect("web"); }),
              HasSubstr("refused with status 403: a plugin said no"));
}

TEST(ContainerEngine, SurvivesAnAnswerThatIsNone) {
  for (const std::string& answer : {http(200, "[]"), http(200, "not json"), http(200, R"({"Id":7,"State":3})"),
                                    http(200, R"({"Id":"a"})"), std::string("rubbish\r\n\r\n"), std::string()}) {
    const FakeEngine engine([&](const std::string&) { return answer; });
    EXPECT_THAT(refusal<EngineUnavailable>([&] { ContainerEngine(engine.path()).inspect("web"); }),
                HasSubstr("container engine"))
        << answer;
  }
}

TEST(ContainerEngine, AsksForNothingButAName) {
  EXPECT_THAT(refusal<NoSuchContainer>([] { ContainerEngine("/nonexistent").inspect("../images"); }),
              HasSubstr("'../images' is no container's name"));
}

TEST(ContainerEngine, SaysWhyTheSocketCannotBeUsed) {
  EXPECT_THAT(
      refusal<EngineUnavailable>([] { ContainerEngine("/nonexistent/docker.sock").inspect("web"); }),
      ::testing::AllOf(HasSubstr("/nonexistent/docker.sock: there is no such socket"), HasSubstr("--docker-socket")));
  EXPECT_THAT(refusal<EngineUnavailable>([] { ContainerEngine("/dev/null").inspect("web"); }),
              HasSubstr("nobody listens there"));
  EXPECT_THAT(refusal<EngineUnavailable>([] { ContainerEngine("/" + std::string(200, 'x')).inspect("web"); }),
              HasSubstr("File name too long"));
}

TEST(ContainerEngine, TheSocketByOptionThenEnvironment) {
  ::setenv("DOCKER_HOST", "unix:///somewhere/docker.sock", 1);
  EXPECT_EQ(container_engine_socket("/given.sock"), "/given.sock");
  EXPECT_EQ(container_engine_socket(""), "/somewhere/docker.sock");
  ::setenv("DOCKER_HOST", "tcp://elsewhere:2375", 1);
  EXPECT_THAT(refusal<EngineUnavailable>([] { container_engine_socket(""); }), HasSubstr("tcp://elsewhere:2375"));
  ::unsetenv("DOCKER_HOST");
  EXPECT_THAT(container_engine_socket(""), HasSubstr(".sock"));
}

}  // namespace
}  // namespace wobble::daemon
