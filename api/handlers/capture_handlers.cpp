#include "api/handlers/capture_handlers.h"

#include "api/conditions/problem.h"
#include "api/conditions/units.h"

namespace wobble::api {
namespace {

constexpr Duration kMaxCaptureTime = std::chrono::hours(24 * 365);

std::uint64_t number_between(const std::string& text, const char* name, std::uint64_t least, std::uint64_t most) {
  const std::uint64_t number = number_from(text, 400, name);
  if (number >= least && number <= most) return number;
  throw Problem(400, std::string(name) + " is from " + std::to_string(least) + " to " + std::to_string(most) + ".");
}

CaptureOptions capture_options(const Call& call) {
  CaptureOptions options;
  for (const auto& [name, text] : call.query) {
    if (name == "for") {
      const Parsed<Duration> lasts = parse_duration(text);
      if (!lasts.ok() || lasts.value.count() == 0 || lasts.value > kMaxCaptureTime) {
        throw Problem(400, "for is a time such as 10s" + (lasts.ok() ? "." : ": " + lasts.error + "."));
      }
      options.lasts = lasts.value;
    } else if (name == "packets") {
      options.packets = number_between(text, "packets", 1, ~std::uint64_t{0});
    } else if (name == "snaplen") {
      options.snap_length = static_cast<std::uint32_t>(number_between(text, "snaplen", 20, 65'535));
    } else if (name == "port") {
      options.port = static_cast<std::uint16_t>(number_between(text, "port", 1, 65'535));
    }
  }
  return options;
}

}  // namespace

void CaptureHandlers::capture(const Call& call, Response& response) {
  const std::string& name = call.arguments[0];
  const CaptureOptions options = capture_options(call);
  if (call.request.method == "HEAD") {
    backend_.link(name);
    response.set_header("Content-Type", "application/x-pcapng");
    return;
  }
  streams_.open([&] { return backend_.capture(name, options); }, name, response);
}

}  // namespace wobble::api
