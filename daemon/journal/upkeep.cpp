#include "daemon/journal/upkeep.h"

#include <malloc.h>

#include "daemon/journal/log_file.h"
#include "daemon/journal/passes.h"
#include "daemon/journal/session_clock.h"

namespace wobble::daemon {

namespace {

/// A pass with fewer events counts as idle: then there is time to delete.
constexpr std::size_t kIdleEvents = 4000;
constexpr Duration kCuttingTime = std::chrono::milliseconds(10);
constexpr Duration kUrgentCuttingTime = std::chrono::milliseconds(25);
constexpr Duration kSignOfLife = std::chrono::seconds(1);
/// So long no more than a few rows at once were written before SQLite's cache is given back, if it is as large.
constexpr Duration kIdleTime = std::chrono::seconds(1);
constexpr std::int64_t kFewRows = 100;
constexpr std::size_t kMuchCache = std::size_t{4} << 20;

}  // namespace

void Upkeep::wrote(std::int64_t rows) {
  if (rows > kFewRows) wrote_much_at_ = std::chrono::steady_clock::now();
}

void Upkeep::keep_within_bounds(std::size_t pass_events) {
  Retention& retention = log_.retention();
  const bool urgent = retention.is_urgent();
  if (pass_events > kIdleEvents && !urgent) return;
  const TimePoint until = std::chrono::steady_clock::now() + (urgent ? kUrgentCuttingTime : kCuttingTime);
  while (retention.cut_slice(clock_.now_for_ages()) && std::chrono::steady_clock::now() < until) {
    if (passes_.is_wanted()) return;
  }
}

bool Upkeep::show_life(std::size_t pass_events) {
  const TimePoint time = std::chrono::steady_clock::now();
  if (pass_events > 0) shown_life_at_ = time;
  if (time - shown_life_at_ < kSignOfLife) return false;
  shown_life_at_ = time;
  log_.writer().show_life(clock_.now());
  return true;
}

void Upkeep::release_cache_when_idle() {
  if (std::chrono::steady_clock::now() - wrote_much_at_ < kIdleTime || log_.database().cache_bytes() < kMuchCache)
    return;
  log_.database().release_cache();
  ::malloc_trim(0);
}

}  // namespace wobble::daemon
