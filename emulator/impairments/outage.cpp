#include "emulator/impairments/outage.h"

#include <utility>

namespace wobble {

void Outage::configure(const OutageSettings& settings, TimePoint now) noexcept {
  if (settings == settings_) return;
  const bool was_down = is_down(now);
  const bool is_same_cycle = settings.up_for == settings_.up_for && settings.down_for == settings_.down_for;
  settings_ = settings;
  if (!is_same_cycle) {
    cycle_start_ = now;
    begun_told_ = 0;
  }
  if (!was_down && is_down(now) && settings.drop_in_flight) is_begin_untold_ = true;
  if (!settings.drop_in_flight) is_begin_untold_ = false;
  next_change_ = is_begin_untold_ ? now : change_after(now);
}

bool Outage::is_down(TimePoint now) const noexcept {
  if (settings_.on) return true;
  if (!has_cycle()) return false;
  return (now - cycle_start_) % (settings_.up_for + settings_.down_for) >= settings_.up_for;
}

bool Outage::advance(TimePoint now) noexcept {
  bool has_begun = std::exchange(is_begin_untold_, false);
  if (has_cycle()) {
    const std::int64_t begun = begun_by(now);
    // While `on` is set the direction is down anyway, and the cycle's outages begin nothing.
    if (begun > begun_told_ && settings_.drop_in_flight && !settings_.on) has_begun = true;
    begun_told_ = begun;
  }
  next_change_ = change_after(now);
  return has_begun;
}

std::int64_t Outage::begun_by(TimePoint now) const noexcept {
  return (now - cycle_start_ + settings_.down_for) / (settings_.up_for + settings_.down_for);
}

TimePoint Outage::change_after(TimePoint now) const noexcept {
  if (!has_cycle()) return kNever;
  const Duration period = settings_.up_for + settings_.down_for;
  const Duration phase = (now - cycle_start_) % period;
  return now - phase + (phase < settings_.up_for ? settings_.up_for : period);
}

}  // namespace wobble
