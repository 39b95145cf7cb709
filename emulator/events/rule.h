// The names of the transition table's rows: what a transition rests on. Each has a number, which is what a log keeps,
// and a name for programs. What they mean: emulator/connections/THEORY.md.
#pragma once

#include <cstdint>
#include <string_view>

namespace wobble {

/// The value is the row's number, and never changes its meaning. At most 63.
enum class Rule : std::uint8_t {
  timer = 0,  ///< a time-out other than 2MSL's: it is in no table
  syn = 1,
  syn_again = 2,
  restart = 3,
  port_reuse = 4,
  syn_after_refusal = 5,
  simultaneous_open = 6,
  syn_within = 7,
  syn_within_answered = 8,
  challenge_rejected = 9,
  syn_within_belied = 10,
  syn_ack = 11,
  syn_ack_against_syn = 12,
  syn_ack_again = 13,
  third_ack = 14,
  syn_ack_unseen = 15,
  syn_acknowledged = 16,
  fin = 17,
  peer_fin_acknowledged = 18,
  second_fin = 19,
  fin_again = 20,
  fin_acknowledged = 21,
  simultaneous_close = 22,
  last_fin_acknowledged = 23,
  closing_acknowledged = 24,
  last_ack_arrived = 25,
  time_wait_again = 26,
  time_wait_over = 27,
  ack_rejected = 28,
  opening_given_up = 29,
  reset_sent = 30,
  reset_implausible = 31,
  reset_without_connection = 32,
  refused = 33,
  reset_accepted = 34,
  reset_challenged = 35,
  reset_outside_window = 36,
  time_wait_assassinated = 37,
  reset_ignored = 38,
  fin_denied = 39,
  midstream = 40,
  unsent_acknowledged = 41,
  outside_window = 42,
  windows_unknown = 43,
  icmp_refused = 44,
  icmp_unreachable = 45,
  icmp_about_syn_ack = 46,
  icmp_hint = 47,
  fin_before_reset = 48,
  reset_denied = 49,
  sends_unopened = 50,
  third_ack_chooses = 51,
  fin_beyond_hole = 52,
  hole_before_fin_filled = 53,
};
inline constexpr std::uint8_t kLastRule = 53;

const char* name_of(Rule rule) noexcept;  ///< "third_ack"; "" of a number that is no row's
/// The rule of that name; false if there is none.
bool parse_rule(std::string_view name, Rule& rule) noexcept;

}  // namespace wobble
