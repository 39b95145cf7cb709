#include "daemon/lab/lab_server.h"

#include <httplib.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>

namespace wobble::daemon {
namespace {

constexpr std::size_t kMostBytes = 100'000'000'000;
constexpr std::size_t kMostMilliseconds = 60'000;
constexpr std::size_t kChunk = std::size_t{64} * 1024;

std::optional<std::size_t> number(const std::string& text, std::size_t at_most) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > at_most) return std::nullopt;
  return value;
}

void refuse(httplib::Response& response, const std::string& why) {
  response.status = 400;
  response.set_content(why + "\n", "text/plain");
}

void serve_bytes(const httplib::Request& request, httplib::Response& response) {
  const auto n = number(request.matches[1], kMostBytes);
  if (!n) return refuse(response, "/bytes/N: N is a number of bytes from 0 to 100000000000");
  if (*n == 0) return response.set_content("", "application/octet-stream");
  response.set_content_provider(*n, "application/octet-stream",
                                [](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
                                  std::string chunk(std::min(length, kChunk), '\0');
                                  for (std::size_t i = 0; i < chunk.size(); ++i) chunk[i] = lab_byte(offset + i);
                                  return sink.write(chunk.data(), chunk.size());
                                });
}

void serve_slow(const httplib::Request& request, httplib::Response& response) {
  const auto ms = number(request.get_param_value("ms"), kMostMilliseconds);
  if (!ms) return refuse(response, "/slow?ms=N: N is a number of milliseconds from 0 to 60000");
  std::this_thread::sleep_for(std::chrono::milliseconds(*ms));
  response.set_content("slow: " + std::to_string(*ms) + " ms\n", "text/plain");
}

}  // namespace

LabServer::LabServer(const NetworkNamespace& netns, std::uint16_t port) : server_(std::make_unique<httplib::Server>()) {
  server_->new_task_queue = [] { return new httplib::ThreadPool(64); };
  server_->set_keep_alive_max_count(1'000'000);
  server_->set_keep_alive_timeout(10);
  server_->set_tcp_nodelay(true);
  server_->Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_content("This is the far side of the wobble lab. Try /bytes/1000000 and /slow?ms=200.\n",
                         "text/plain");
  });
  server_->Get(R"(/bytes/(\d+))", serve_bytes);
  server_->Get("/slow", serve_slow);
  // A socket belongs to the namespace of the thread that makes it, and stays there.
  netns.run([&] {
    if (!server_->bind_to_port("::", port)) {
      throw std::runtime_error("the lab's HTTP server cannot bind port " + std::to_string(port));
    }
  });
  thread_ = std::thread([this] { server_->listen_after_bind(); });
  while (!server_->is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

LabServer::~LabServer() {
  server_->stop();
  thread_.join();
}

}  // namespace wobble::daemon
