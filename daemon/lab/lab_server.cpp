#include "daemon/lab/lab_server.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <string>

namespace wobble::daemon {
namespace {

using api::Request;
using api::Response;

constexpr std::size_t kMostBytes = 100'000'000'000;
constexpr std::size_t kMostMilliseconds = 60'000;
constexpr std::size_t kPeriod = 94 * 94;  // of lab_byte()

constexpr std::array<char, kPeriod> pattern() {
  std::array<char, kPeriod> out{};
  for (std::size_t i = 0; i < kPeriod; ++i) out[i] = lab_byte(i);
  return out;
}
constexpr std::array<char, kPeriod> kPattern = pattern();

std::optional<std::size_t> number(std::string_view text, std::size_t at_most) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > at_most) return std::nullopt;
  return value;
}

Response plain(int status, const std::string& text) {
  Response response;
  response.status = status;
  if (!text.empty()) response.set_content(text + "\n", "text/plain");
  return response;
}

void fill_with_pattern(std::uint64_t offset, char* out, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const std::size_t at = static_cast<std::size_t>((offset + done) % kPeriod);
    const std::size_t n = std::min(size - done, kPeriod - at);
    std::memcpy(out + done, kPattern.data() + at, n);
    done += n;
  }
}

Response bytes(std::string_view count) {
  const auto n = number(count, kMostBytes);
  if (!n) return plain(400, "/bytes/N: N is a number of bytes from 0 to 100000000000");
  Response response;
  response.set_header("Content-Type", "application/octet-stream");
  response.source = api::BodySource{*n, fill_with_pattern};
  return response;
}

Response slow(std::string_view query) {
  const auto ms = query.starts_with("ms=") ? number(query.substr(3), kMostMilliseconds) : std::nullopt;
  if (!ms) return plain(400, "/slow?ms=N: N is a number of milliseconds from 0 to 60000");
  Response response = plain(200, "slow: " + std::to_string(*ms) + " ms");
  response.delay = std::chrono::milliseconds(*ms);
  return response;
}

api::HttpServerOptions options() {
  api::HttpServerOptions options;
  // What talks to it is under test, and may be slow, and many: whatever it does, it is not cut off for that.
  options.limits = {.total = 8192,
                    .per_owner = 8192,
                    .first_head = std::chrono::seconds(60),
                    .next_head = std::chrono::seconds(60),
                    .body = std::chrono::seconds(60)};
  options.workers = 2;
  return options;
}

}  // namespace

LabServer::LabServer(const NetworkNamespace& netns, std::uint16_t port) : http_(*this, options()) {
  // A socket belongs to the namespace of the thread that makes it, and stays there.
  netns.run([&] { http_.listener().open_tcp("::", port); });
  http_.start();
}

std::optional<Response> LabServer::refuse(const Request& head) {
  if (head.method == "GET" || head.method == "HEAD") return std::nullopt;
  return plain(404, "");
}

Response LabServer::answer(const Request& request) {
  const std::string_view target = request.target;
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/") return plain(200, "This is the far side of the wobble lab. Try /bytes/1000000 and /slow?ms=200.");
  constexpr std::string_view kBytes = "/bytes/";
  if (path.starts_with(kBytes)) return bytes(path.substr(kBytes.size()));
  if (path == "/slow") return slow(path.size() < target.size() ? target.substr(path.size() + 1) : std::string_view{});
  return plain(404, "");
}

Response LabServer::too_large(const Request&) { return plain(413, "no body is expected"); }

Response LabServer::no_memory() { return plain(503, "too much is asked at once"); }

Response LabServer::stopping() { return plain(503, "the lab ends"); }

}  // namespace wobble::daemon
