// The server itself, with handlers of the test's own: what waits, what leaves, what ends, and that none of it costs
// others anything.
#include "api/http/http_server.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <thread>

#include "api/http/body_stream.h"
#include "emulator/mutex.h"
#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using Clock = std::chrono::steady_clock;

/// GET /wait waits until release(), or until nobody waits any more; /stream is written by the test; /late leaves 300 ms
/// later; /pattern has 3,000,000 bytes; all others say their path. /hold keeps the library's thread until release().
class TestHandler : public HttpHandler {
 public:
  std::optional<Response> refuse(const Request& head) override {
    if (head.target == "/hold") wait(head);
    if (head.target != "/refused") return std::nullopt;
    Response response;
    response.status = 403;
    return response;
  }
  Response answer(const Request& request) override {
    Response response;
    response.set_content(request.target + " " + request.body, "text/plain");
    if (request.target == "/wait") wait(request);
    if (request.target == "/large") response.set_content(std::string(6'000'000, 'x'), "text/plain");
    if (request.target == "/late") response.delay = 300ms;
    if (request.target == "/stream") response.stream = stream;
    if (request.target == "/pattern") {
      response.source = BodySource{3'000'000, [](std::uint64_t at, char* out, std::size_t size) {
                                     for (std::size_t i = 0; i < size; ++i) out[i] = pattern(at + i);
                                   }};
    }
    return response;
  }
  Response too_large(const Request&) override { return with_status(413); }
  Response no_memory() override { return with_status(507); }
  Response stopping() override { return with_status(503); }
  bool is_urgent(const Request& head) const override { return head.target == "/urgent"; }

  static char pattern(std::uint64_t at) { return static_cast<char>('a' + at % 23); }
  void release() {
    const LockGuard lock(mutex);
    released = true;
    wake.notify_all();
  }

  std::shared_ptr<BodyStream> stream = std::make_shared<BodyStream>();
  std::atomic<int> waiting{0};
  std::atomic<int> given_up{0};

 private:
  static Response with_status(int status) {
    Response response;
    response.status = status;
    return response;
  }
  void wait(const Request& request) {
    ++waiting;
    UniqueLock lock(mutex);
    while (!released && !request.gone()) wake.wait_for(lock, 5ms);
    if (!released) ++given_up;
  }
  Mutex mutex;
  std::condition_variable wake;
  bool released WOBBLE_GUARDED_BY(mutex) = false;
};

class HttpServerTest : public testing::Test {
 protected:
  void SetUp() override { start({}); }
  void TearDown() override {
    handler_.release();
    server_.reset();
  }
  void start(HttpServerOptions options) {
    server_ = std::make_unique<HttpServer>(handler_, std::move(options));
    port_ = server_->listener().open_tcp("127.0.0.1", 0);
    server_->start();
  }
  static std::string get(const std::string& target, const std::string& more = "") {
    return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + more + "\r\n";
  }
  std::string ask(const std::string& target) {
    RawClient client(port_);
    client.send(get(target, "Connection: close\r\n"));
    return client.read_all();
  }
  bool soon(const std::function<bool()>& condition) {
    for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
    return condition();
  }

  TestHandler handler_;
  std::unique_ptr<HttpServer> server_;
  int port_ = 0;
};

TEST_F(HttpServerTest, WhatIsUrgentIsAnsweredWhileAllWorkersWait) {
  HttpServerOptions options;
  options.workers = 2;
  start(options);
  RawClient one(port_), two(port_), three(port_);
  for (RawClient* client : {&one, &two, &three}) client->send(get("/wait"));
  ASSERT_TRUE(soon([&] { return handler_.waiting == 2; }));
  EXPECT_THAT(ask("/urgent"), HasSubstr("/urgent"));
  handler_.release();
  for (RawClient* client : {&one, &two, &three}) EXPECT_THAT(client->read_until("/wait"), HasSubstr("/wait"));
}

TEST_F(HttpServerTest, WorkIsGivenUpWhenItsClientLeaves) {
  {
    RawClient client(port_);
    client.send(get("/wait"));
    ASSERT_TRUE(soon([&] { return handler_.waiting == 1; }));
    EXPECT_EQ(handler_.given_up, 0);
  }
  EXPECT_TRUE(soon([&] { return handler_.given_up == 1; }));
}

TEST_F(HttpServerTest, WorkIsGivenUpWhenTheServerEnds) {
  RawClient client(port_);
  client.send(get("/wait"));
  ASSERT_TRUE(soon([&] { return handler_.waiting == 1; }));
  server_->stop();
  EXPECT_EQ(handler_.given_up, 1);
  EXPECT_THAT(client.read_all(), HasSubstr("200 OK")) << "what it came to is still told";
}

TEST_F(HttpServerTest, AnAnswerIsLateAndNeverEarly) {
  const auto begin = Clock::now();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<RawClient>(port_));
    clients.back()->send(get("/late", "Connection: close\r\n"));
  }
  EXPECT_THAT(ask("/now"), HasSubstr("/now"));
  for (auto& client : clients) EXPECT_THAT(client->read_all(), HasSubstr("/late"));
  EXPECT_GE(Clock::now() - begin, 300ms);
  EXPECT_LT(Clock::now() - begin, 10s) << "50 of them wait together";
}

TEST_F(HttpServerTest, AStreamIsSentAsItComes) {
  RawClient client(port_);
  client.send(get("/stream"));
  client.read_until("\r\n\r\n");
  for (int i = 0; i < 100; ++i) {
    const std::string piece = "<piece " + std::to_string(i) + ">";
    handler_.stream->write(piece);
    EXPECT_THAT(client.read_until(piece), HasSubstr(piece));
  }
  EXPECT_FALSE(handler_.stream->is_gone());
  handler_.stream->end();
  EXPECT_THAT(client.read_until("0\r\n\r\n"), EndsWith("0\r\n\r\n"));
  // The connection goes on.
  client.send(get("/next"));
  EXPECT_THAT(client.read_until("/next"), HasSubstr("/next"));
}

TEST_F(HttpServerTest, AStreamKnowsThatItsClientHasLeft) {
  {
    RawClient client(port_);
    client.send(get("/stream"));
    client.read_until("\r\n\r\n");
  }
  EXPECT_TRUE(soon([&] { return handler_.stream->is_gone(); }));
}

TEST_F(HttpServerTest, ALargeBodyIsComputedAsItIsRead) {
  RawClient client(port_);
  client.send(get("/pattern", "Connection: close\r\n"));
  const std::string answer = client.read_all();
  const std::string body = answer.substr(answer.find("\r\n\r\n") + 4);
  ASSERT_EQ(body.size(), 3'000'000u);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < body.size(); ++i) wrong += body[i] != TestHandler::pattern(i);
  EXPECT_EQ(wrong, 0u);
}

TEST_F(HttpServerTest, AnswersThatNobodyReadsAreBounded) {
  RawClient one(port_), two(port_);
  for (RawClient* client : {&one, &two}) {
    client->send(get("/large", "Connection: close\r\n"));
    EXPECT_THAT(client->read_until("\r\n"), HasSubstr("200 OK"));
  }
  EXPECT_THAT(ask("/large"), HasSubstr("507 "));
  EXPECT_THAT(ask("/urgent"), HasSubstr("200 OK")) << "a small one needs no room";
  const std::string answer = one.read_all();
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, 6'000'000u);
  EXPECT_TRUE(soon([&] { return ask("/large").find("200 OK") != std::string::npos; })) << "once one has been read";
}

TEST_F(HttpServerTest, MemoryThatIsFreeIsUsedForAnswers) {
  HttpServerOptions options;
  options.memory = std::make_shared<MemoryBudget>(8'000'000);
  start(options);
  RawClient one(port_), two(port_), three(port_);
  for (RawClient* client : {&one, &two, &three}) {
    client->send(get("/large"));
    EXPECT_THAT(client->read_until("\r\n"), HasSubstr("200 OK"));
  }
  EXPECT_EQ(options.memory->taken(), 6'000'000u);
}

TEST_F(HttpServerTest, BodiesThatDoNotArriveAreBounded) {
  const auto post = [](RawClient& client) {
    client.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 262144\r\n\r\n");
  };
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 64; ++i) post(*clients.emplace_back(std::make_unique<RawClient>(port_)));
  EXPECT_TRUE(soon([&] {
    RawClient late(port_);
    post(late);
    late.read_for(50ms);
    return late.read_until("").find("507 ") != std::string::npos;
  }));
  clients.clear();
  EXPECT_TRUE(soon([&] { return ask("/large").find("200 OK") != std::string::npos; }));
}

TEST_F(HttpServerTest, ItEndsWhateverItsClientsDo) {
  std::vector<std::unique_ptr<RawClient>> clients;
  const auto connect = [&](const std::string& bytes) {
    clients.push_back(std::make_unique<RawClient>(port_));
    clients.back()->send(bytes);
  };
  for (int i = 0; i < 20; ++i) {
    connect("");
    connect("GET / HTTP/1.1\r\nHo");
    connect("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    connect(get("/pattern"));  // and never read
    connect(get("/late"));
    connect(get("/wait"));
  }
  connect(get("/stream"));
  ASSERT_TRUE(soon([&] { return handler_.waiting > 0; }));
  const auto begin = Clock::now();
  server_->stop();
  EXPECT_LT(Clock::now() - begin, 3s);
  clients.back()->read_all();
  EXPECT_TRUE(clients.back()->closed_by_peer());
}

TEST_F(HttpServerTest, ThoseThatSayNothingGiveWay) {
  HttpServerOptions options;
  options.limits.total = 12;
  options.limits.per_owner = 8;
  start(options);
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(std::make_unique<RawClient>(port_));
    EXPECT_THAT(ask("/hello"), HasSubstr("/hello"));
  }
  // The one that has been silent for longest went first.
  silent.front()->read_all();
  EXPECT_TRUE(silent.front()->closed_by_peer());
  silent.back()->send(get("/still", "Connection: close\r\n"));
  EXPECT_THAT(silent.back()->read_all(), HasSubstr("/still"));
}

TEST_F(HttpServerTest, WhoComesFasterThanTheServerClosesIsRefused) {
  HttpServerOptions options;
  options.limits.total = 12;
  options.limits.per_owner = 8;
  start(options);
  RawClient holder(port_);
  holder.send(get("/hold"));
  ASSERT_TRUE(soon([&] { return handler_.waiting == 1; }));
  for (int i = 0; i < 400; ++i) {
    RawClient client(port_);
    client.send(get("/come-and-gone"));
  }
  RawClient late(port_);  // is accepted behind all of them
  EXPECT_THAT(late.read_all(), StartsWith("HTTP/1.1 503"));
  handler_.release();
  EXPECT_TRUE(soon([&] { return ask("/after").starts_with("HTTP/1.1 200"); }));
}

TEST_F(HttpServerTest, SomeoneSilentGivesWayWhenThereAreNoDescriptors) {
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(std::make_unique<RawClient>(port_));
  EXPECT_THAT(ask("/before"), HasSubstr("/before"));  // so they have all been accepted
  const int honest = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<UniqueFd> all;  // below the limit, which begins right behind them
  for (all.emplace_back(::dup(honest)); all.size() < 64; all.emplace_back(::dup(honest))) {
  }
  const rlimit none_left{static_cast<rlim_t>(all.back().get()) + 1, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
  while (::dup(honest) >= 0) ADD_FAILURE() << "a descriptor was free";
  RawClient client(port_, UniqueFd(honest));
  client.send(get("/after", "Connection: close\r\n"));
  EXPECT_THAT(client.read_all(), HasSubstr("/after"));
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_F(HttpServerTest, ThoseThatAreAnsweredDoNotGiveWay) {
  HttpServerOptions options;
  options.limits.per_owner = 8;  // half of which may be answered at once
  options.workers = 8;
  start(options);
  std::vector<std::unique_ptr<RawClient>> busy;
  for (int i = 0; i < 4; ++i) {
    busy.push_back(std::make_unique<RawClient>(port_));
    busy.back()->send(get("/wait", "Connection: close\r\n"));
  }
  ASSERT_TRUE(soon([&] { return handler_.waiting == 4; }));
  EXPECT_THAT(ask("/one-more"), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(ask("/urgent"), StartsWith("HTTP/1.1 200"));
  handler_.release();
  for (auto& client : busy) EXPECT_THAT(client->read_all(), HasSubstr("/wait"));
  EXPECT_TRUE(soon([&] { return ask("/again").starts_with("HTTP/1.1 200"); }));
}

TEST_F(HttpServerTest, ARefusalIsReadThoughTheBodyWasNot) {
  for (int i = 0; i < 20; ++i) {
    RawClient client(port_);
    client.send("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n" + std::string(4'000'000, 'x'));
    EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 403"));
  }
}

TEST_F(HttpServerTest, ExpectedBodiesAreAskedForUnlessTheyAreRefused) {
  const std::string post =
      "HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n";
  RawClient client(port_);
  client.send("POST /ok " + post);
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 100"));
  client.send("hello");
  EXPECT_THAT(client.read_all(), HasSubstr("/ok hello"));
  RawClient other(port_);
  other.send("POST /refused " + post);
  EXPECT_THAT(other.read_all(), StartsWith("HTTP/1.1 403"));
}

TEST_F(HttpServerTest, OldClientsAreClosedAfterTheAnswer) {
  RawClient client(port_);
  client.send("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), EndsWith("/old "));
  EXPECT_TRUE(client.closed_by_peer());
}

TEST_F(HttpServerTest, AConnectionCanBeHandedIn) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  server_->serve(ends[0], Listener::Door::unix_socket);
  const std::string request = get("/pair", "Connection: close\r\n");
  ASSERT_EQ(::send(ends[1], request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::string answer;
  ASSERT_TRUE(soon([&] {
    char bytes[4096];
    const ssize_t n = ::recv(ends[1], bytes, sizeof bytes, 0);
    if (n > 0) answer.append(bytes, static_cast<std::size_t>(n));
    return n == 0;
  }));
  EXPECT_THAT(answer, EndsWith("/pair "));
  ::close(ends[1]);
}

}  // namespace
}  // namespace wobble::api
