#include <array>

#include "emulator/connections/transition_table.h"
#include "emulator/events/event.h"
#include "emulator/events/rule.h"

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

// Of what is in neither list of the table: timers, and what a segment shows of its receiver.
struct Sentence {
  Rule rule;
  Evidence evidence;
  const char* text;
};
constexpr std::array kOtherSentences = {
    Sentence{Rule::timer, Evidence::timer, "nothing came for too long: it has given up"},
    Sentence{Rule::time_wait_over, Evidence::timer, "2MSL is over"},
    Sentence{Rule::syn_within_answered, Evidence::implied,
             "the SYN that it had sent within the old connection was answered"},
    Sentence{Rule::syn_ack_unseen, Evidence::implied, "its SYN-ACK did not pass here, and was acknowledged"},
    Sentence{Rule::fin_beyond_hole, Evidence::implied,
             "its FIN came before what was missing, and is acknowledged: it closes"},
    Sentence{Rule::hole_before_fin_filled, Evidence::sent, "what was missing before its FIN has come: it closes"},
    Sentence{Rule::simultaneous_close, Evidence::correction, "the peer repeats its FIN: it had not arrived"},
};

}  // namespace

const char* name_of(Rule rule) noexcept {
  const auto number = static_cast<std::size_t>(rule);
  return number < kNames.size() ? kNames[number] : "";
}

const char* sentence_of(Rule rule, Evidence evidence) noexcept {
  for (const std::span<const Row> rows : {sent_rows(), delivered_rows()}) {
    for (const Row& row : rows) {
      if (row.rule == rule && row.evidence == evidence) return row.text;
    }
  }
  for (const Sentence& other : kOtherSentences) {
    if (other.rule == rule && other.evidence == evidence) return other.text;
  }
  return "";
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
