// A server over a mock backend on a free port, and a client that speaks bytes.
#pragma once

#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "api/handlers/server.h"
#include "emulator/unique_fd.h"
#include "tests/api/mock_backend.h"

namespace wobble::api {

/// One TCP connection, as raw as can be. Every wait is bounded.
class RawClient {
 public:
  /// `fd`: a TCP socket that is not connected yet.
  explicit RawClient(int port, UniqueFd fd = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  ~RawClient() = default;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(const std::string& bytes);
  void finish_sending();  ///< a half-close
  /// Reads until `marker` is there, the peer closes, or 10 s have passed; returns all that was read so far.
  const std::string& read_until(const std::string& marker);
  /// Reads what comes for so long.
  void read_for(std::chrono::milliseconds time);
  /// Reads until the peer closes (or 10 s).
  std::string read_all();
  bool closed_by_peer() const { return closed_; }

 private:
  bool read_some(std::chrono::steady_clock::time_point deadline);
  UniqueFd fd_;
  bool closed_ = false;
  std::string text_;
};

class ServerTest : public testing::Test {
 protected:
  void SetUp() override { start({}); }
  void TearDown() override { server_.reset(); }

  /// Replaces the server by one with `options` (its port is chosen).
  void start(ServerOptions options);
  httplib::Client client();

  nlohmann::json get(const std::string& path, int status = 200);
  nlohmann::json send(const std::string& method, const std::string& path, const std::string& body, int status,
                      const httplib::Headers& headers = {}, const std::string& type = "application/json");
  /// Sends bytes and reads the answer until the server closes; the status, 0 if there was no answer.
  int raw_status(const std::string& bytes, std::string* answer = nullptr);
  std::string host() const { return "localhost:" + std::to_string(server_->port()); }

  MockBackend backend_;
  std::unique_ptr<Server> server_;
};

}  // namespace wobble::api
