#include "tests/api/server_fixture.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include "api/handlers/openapi.h"
#include "tests/api/answer_check.h"

namespace wobble::api {

namespace {

/// Every answer that a test gets from the server has to be as the API describes it.
void check_answer(const Answer& answer) {
  static const nlohmann::json document = openapi_document("1.2.3");
  for (const std::string& difference : differences(answer, document)) ADD_FAILURE() << difference;
}

}  // namespace

RawClient::RawClient(int port, UniqueFd fd) : fd_(std::move(fd)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    ADD_FAILURE() << "no connection";
}

void RawClient::send(const std::string& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::send(fd_.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (n <= 0) return;  // refused half-way: what the server said is what counts
    done += static_cast<std::size_t>(n);
  }
}

void RawClient::finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }

bool RawClient::read_some(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  pollfd fd{fd_.get(), POLLIN, 0};
  if (left.count() <= 0 || ::poll(&fd, 1, static_cast<int>(left.count())) <= 0) return false;
  char buffer[4096];
  const ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, 0);
  if (n <= 0) closed_ = true;
  if (n > 0) text_.append(buffer, static_cast<std::size_t>(n));
  return n > 0;
}

const std::string& RawClient::read_until(const std::string& marker) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (text_.find(marker) == std::string::npos && read_some(deadline)) {
  }
  return text_;
}

void RawClient::read_for(std::chrono::milliseconds time) {
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (read_some(deadline)) {
  }
}

std::string RawClient::read_all() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (read_some(deadline)) {
  }
  return text_;
}

void ServerTest::start(ServerOptions options) {
  server_.reset();
  options.port = 0;
  server_ = std::make_unique<Server>(backend_, std::move(options));
  server_->bind();
  server_->start();
}

httplib::Client ServerTest::client() {
  httplib::Client client("127.0.0.1", server_->port());
  client.set_read_timeout(10);
  client.set_logger([](const httplib::Request& request, const httplib::Response& response) {
    check_answer(
        {request.method, request.path, response.status, response.get_header_value("Content-Type"), response.body});
  });
  return client;
}

nlohmann::json ServerTest::get(const std::string& path, int status) {
  const auto result = client().Get(path);
  if (!result) {
    ADD_FAILURE() << "no answer for " << path;
    return {};
  }
  EXPECT_EQ(result->status, status) << path << ": " << result->body;
  return nlohmann::json::parse(result->body, nullptr, false);
}

nlohmann::json ServerTest::send(const std::string& method, const std::string& path, const std::string& body, int status,
                                const httplib::Headers& headers, const std::string& type) {
  httplib::Request request;
  request.method = method;
  request.path = path;
  request.headers = headers;
  request.body = body;
  if (!type.empty()) request.set_header("Content-Type", type);
  const auto result = client().send(request);
  if (!result) {
    ADD_FAILURE() << "no answer for " << method << " " << path;
    return {};
  }
  EXPECT_EQ(result->status, status) << method << " " << path << " " << body << ": " << result->body;
  return nlohmann::json::parse(result->body, nullptr, false);
}

int ServerTest::raw_status(const std::string& bytes, std::string* answer) {
  RawClient raw(server_->port());
  raw.send(bytes);
  const std::string text = raw.read_until("\r\n\r\n");
  if (answer != nullptr) *answer = raw.read_all();
  return text.starts_with("HTTP/1.1 ") ? std::stoi(text.substr(9, 3)) : 0;
}

}  // namespace wobble::api
