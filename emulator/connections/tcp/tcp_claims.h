// How little may have been seen: what one end says and the other confirms happened, also if it never passed here; what
// nothing confirms is held as a claim, and changes nothing. See "What never passed here" in THEORY.md.
//
// One thread. No allocation; the pools must outlive it.
#pragma once

#include "emulator/connections/tcp/sequence_space.h"
#include "emulator/connections/tcp/steps.h"

namespace wobble {

class TcpClaims {
 public:
  TcpClaims(RangePool& ranges, TroublePool& troubles) : space_(ranges, troubles) {}

  /// X has sent a segment: what it shows of what never passed here, before anything else of it counts.
  void settle(const Occasion& occasion, Steps& steps) const noexcept;
  /// Likewise: what was delivered to Y was thought to have had its effect there, and X's segment says that it had not.
  static void take_back_implied_fin(const Occasion& occasion, Steps& steps) noexcept;
  /// The segment is not believed by itself.
  static void hold(const Occasion& occasion, bool is_beyond_offer) noexcept;
  /// After all else, if there is a claim of X's: X has sent what was missing before its FIN, or what shows that the FIN
  /// was none of its own.
  static void settle_own(const Occasion& occasion, Steps& steps) noexcept;

 private:
  /// Why a FIN is believed.
  struct Ground {
    Evidence evidence;
    Rule rule;
  };

  void settle_acked(const Occasion& occasion) const noexcept;
  static void hear_of_unseen(const Occasion& occasion, Steps& steps) noexcept;
  static void believe_fin(const Occasion& occasion, Role who, Ground ground, Steps& steps) noexcept;

  SequenceSpace space_;
};

}  // namespace wobble
