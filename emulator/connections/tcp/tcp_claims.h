// How little may have been seen: what one end says and the other confirms happened, also if it never passed here; what
// nothing confirms is held as a claim, and changes nothing. See "What never passed here" in THEORY.md.
#pragma once

#include "emulator/connections/tcp/occasion.h"
#include "emulator/connections/tcp/steps.h"

namespace wobble {

/// X has sent a segment: what it shows of what never passed here, before anything else of it counts.
void settle_claims(const Occasion& occasion, Steps& steps) noexcept;
/// Likewise: what was delivered to Y was thought to have had its effect there, and X's segment says that it had not.
void take_back_implied_fin(const Occasion& occasion, Steps& steps) noexcept;
/// The segment is not believed by itself.
void hold_claim(const Occasion& occasion, bool is_beyond_offer) noexcept;
/// After all else, if there is a claim of X's: X has sent what was missing before its FIN, or what shows that the FIN
/// was none of its own.
void settle_own_claim(const Occasion& occasion, Steps& steps) noexcept;

}  // namespace wobble
