#include "emulator/connections/tcp/rule_text.h"

#include <array>
#include <span>

#include "emulator/connections/tcp/transition_table.h"

namespace wobble {
namespace {

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

}  // namespace wobble
