#include "daemon/retention_options.h"

#include <charconv>

#include "api/conditions/units.h"

namespace wobble::daemon {
namespace {

/// For each connection that is kept; a life has seven transitions, an opening and a closing.
constexpr std::int64_t kEventsPerConnection = 10;
constexpr std::int64_t kSegmentsPerConnection = 2;
constexpr std::int64_t kSmallestSize = 1'000'000;

/// "30d", "2w", or as the API spells a span.
std::chrono::seconds read_age(const std::string& text) {
  using std::chrono::hours;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::int64_t kMost = 36'500;
  if (error == std::errc() && number >= 0 && number <= kMost) {
    if (unit == "d") return hours(24 * number);
    if (unit == "w") return hours(24 * 7 * number);
  }
  const auto span = api::parse_duration(text);
  if (!span.ok())
    throw CLI::ValidationError("--keep-age", "'" + text + "': write a span such as 30d, 12h or 90m; 0: for ever");
  if (span.value.count() > 0 && span.value < std::chrono::minutes(1)) {
    throw CLI::ValidationError("--keep-age", "'" + text + "': at least 1m; 0: for ever");
  }
  return std::chrono::duration_cast<std::chrono::seconds>(span.value);
}

std::int64_t read_size(const std::string& text) {
  const auto size = api::parse_size(text);
  if (!size.ok())
    throw CLI::ValidationError("--keep-size", "'" + text + "': write a size such as 4GB or 500MB; 0: no bound");
  const auto bytes = static_cast<std::int64_t>(size.value);
  if (bytes > 0 && bytes < kSmallestSize) {
    throw CLI::ValidationError("--keep-size", "'" + text + "': at least 1MB; 0: no bound");
  }
  return bytes;
}

}  // namespace

std::shared_ptr<RetentionWords> add_retention_options(CLI::App& app) {
  auto words = std::make_shared<RetentionWords>();
  app.add_option("--keep-rows", words->rows,
                 "connections the log keeps at most, the oldest go first; ten times as many events and transitions, "
                 "twice as many segments (default 1000000; 0: no bound)")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000'000}));
  app.add_option("--keep-age", words->age,
                 "how long the log keeps what has happened: 30d, 12h (default 30d; 0: for ever)");
  app.add_option("--keep-size", words->size, "how large the log's file becomes: 4GB, 500MB (default 4GB; 0: no bound)");
  return words;
}

RetentionLimits read_retention(const RetentionWords& words) {
  RetentionLimits limits;
  if (words.rows >= 0) {
    limits.connections = words.rows;
    limits.transitions_and_events = words.rows * kEventsPerConnection;
    limits.segments = words.rows * kSegmentsPerConnection;
  }
  if (!words.age.empty()) limits.age = read_age(words.age);
  if (!words.size.empty()) limits.bytes = read_size(words.size);
  return limits;
}

}  // namespace wobble::daemon
