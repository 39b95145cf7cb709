// The columns of a connection that are neither numbers nor names, as text that SQL can look into.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/wall_anchor.h"

namespace wobble::daemon {

/// "mss=1460,wscale=7,sack,timestamps,tfo=cookie,data_in_syn,ecn=accecn,mptcp": what was offered, in this order.
std::string offer_text(const TcpOffer& offer);
/// What it does not know it passes over.
TcpOffer parse_offer(std::string_view text);

/// A JSON array: [{"side":"client","kind":"fin","at":1732266357123456789,"delivered":true}, ...].
std::string closes_text(const CloseSegments& closes, const WallAnchor& anchor);
/// Of closes_text() alone; ends at what is not of it.
std::vector<api::CloseRow> parse_closes(std::string_view text);

}  // namespace wobble::daemon
