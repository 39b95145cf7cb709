// The conditions of the transition table, as questions about an Occasion. X is the endpoint the row is about, Y its
// peer.
#pragma once

#include "emulator/connections/tcp/transition_table.h"

namespace wobble {

namespace condition {

// SYN and SYN-ACK
bool is_first_syn(const Occasion& o) noexcept;
bool is_syn_of_restart(const Occasion& o) noexcept;
bool is_syn_of_reuse(const Occasion& o) noexcept;
bool is_same_isn(const Occasion& o) noexcept;
bool is_other_isn(const Occasion& o) noexcept;
bool repeats_refused_syn(const Occasion& o) noexcept;
bool is_simultaneous_syn(const Occasion& o) noexcept;
bool answers_pending_syn(const Occasion& o) noexcept;
bool answers_syn(const Occasion& o) noexcept;
bool repeats_syn_ack_unheard(const Occasion& o) noexcept;
// Y's pending SYN; X is its sender
bool rejects_challenge(const Occasion& o) noexcept;
bool belies_pending_syn(const Occasion& o) noexcept;
// ACK and FIN sent
/// Of a server that sends without a SYN-ACK that passed here.
bool sends_unopened(const Occasion& o) noexcept;
/// It acknowledges the one of two SYN-ACKs that is not taken for the valid one.
bool chooses_other_isn(const Occasion& o) noexcept;
bool acks_peer_syn(const Occasion& o) noexcept;
bool acks_unseen_syn_ack(const Occasion& o) noexcept;
bool acks_peer_fin(const Occasion& o) noexcept;
/// Or it had done so before.
bool has_acked_peer_fin(const Occasion& o) noexcept;
/// No stack sends beyond what the peer ever offered: forged, and not to be believed.
bool is_beyond_offer(const Occasion& o) noexcept;
bool sends_fin(const Occasion& o) noexcept;
bool sends_fin_first(const Occasion& o) noexcept;
bool repeats_fin(const Occasion& o) noexcept;
bool answers_repeated_fin(const Occasion& o) noexcept;
// RST sent
/// It is the answer to another SYN than this connection's: of an earlier one between the same endpoints.
bool answers_other_syn(const Occasion& o) noexcept;
/// A RST that belongs to an earlier connection between the same endpoints.
bool is_reset_of_earlier(const Occasion& o) noexcept;
/// It is ahead of all that its sender has sent, and alone: a pure ACK, or a FIN, with nothing that it follows.
bool is_ahead(const Occasion& o) noexcept;
bool rejects_ack(const Occasion& o) noexcept;
bool gives_up_opening(const Occasion& o) noexcept;
bool is_plausible_reset(const Occasion& o) noexcept;
bool is_implausible_reset(const Occasion& o) noexcept;
// corrections
bool ignored_reset(const Occasion& o) noexcept;
bool denies_own_reset(const Occasion& o) noexcept;
/// X had closed, and what shows it was not read yet when we released a RST to X: it was ESTABLISHED, or in CLOSE_WAIT.
bool sent_fin_before_reset(const Occasion& o) noexcept;
bool sent_second_fin_before_reset(const Occasion& o) noexcept;
bool is_reset_already(const Occasion& o) noexcept;
bool did_not_give_up_opening(const Occasion& o) noexcept;
bool sends_beyond_fin(const Occasion& o) noexcept;
bool is_midstream(const Occasion& o) noexcept;
// delivered
bool acks_unsent(const Occasion& o) noexcept;
bool is_window_unknown(const Occasion& o) noexcept;
bool is_outside_window(const Occasion& o) noexcept;
bool is_syn_acked(const Occasion& o) noexcept;
bool is_fin_acked(const Occasion& o) noexcept;
bool is_fin_acked_unchallenged(const Occasion& o) noexcept;
bool is_fin_acked_behind_fin(const Occasion& o) noexcept;
bool is_reset_behind_fin(const Occasion& o) noexcept;
bool refuses_syn(const Occasion& o) noexcept;
bool is_exact_reset(const Occasion& o) noexcept;
bool is_reset_at_edge(const Occasion& o) noexcept;
bool is_reset_in_window(const Occasion& o) noexcept;
bool is_reset_elsewhere(const Occasion& o) noexcept;
// ICMP errors; the segment is the quoted one
bool quotes_what_is_open(const Occasion& o) noexcept;
bool ends_answered_request(const Occasion& o) noexcept;

}  // namespace condition
}  // namespace wobble
