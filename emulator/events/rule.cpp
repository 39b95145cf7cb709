#include "emulator/events/rule.h"

#include <array>
#include <cstddef>

namespace wobble {
namespace {

// By number.
constexpr std::array<const char*, kLastRule + 1> kNames = {
    "timer",
    "syn",
    "syn_again",
    "restart",
    "port_reuse",
    "syn_after_refusal",
    "simultaneous_open",
    "syn_within",
    "syn_within_answered",
    "challenge_rejected",
    "syn_within_belied",
    "syn_ack",
    "syn_ack_against_syn",
    "syn_ack_again",
    "third_ack",
    "syn_ack_unseen",
    "syn_acknowledged",
    "fin",
    "peer_fin_acknowledged",
    "second_fin",
    "fin_again",
    "fin_acknowledged",
    "simultaneous_close",
    "last_fin_acknowledged",
    "closing_acknowledged",
    "last_ack_arrived",
    "time_wait_again",
    "time_wait_over",
    "ack_rejected",
    "opening_given_up",
    "reset_sent",
    "reset_implausible",
    "reset_without_connection",
    "refused",
    "reset_accepted",
    "reset_challenged",
    "reset_outside_window",
    "time_wait_assassinated",
    "reset_ignored",
    "fin_denied",
    "midstream",
    "unsent_acknowledged",
    "outside_window",
    "windows_unknown",
    "icmp_refused",
    "icmp_unreachable",
    "icmp_about_syn_ack",
    "icmp_hint",
    "fin_before_reset",
    "reset_denied",
    "sends_unopened",
    "third_ack_chooses",
    "fin_beyond_hole",
    "hole_before_fin_filled",
};

}  // namespace

const char* name_of(Rule rule) noexcept {
  const auto number = static_cast<std::size_t>(rule);
  return number < kNames.size() ? kNames[number] : "";
}

bool parse_rule(std::string_view name, Rule& rule) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (name != kNames[i]) continue;
    rule = static_cast<Rule>(i);
    return true;
  }
  return false;
}

}  // namespace wobble
