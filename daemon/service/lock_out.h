// A link that would lock out whoever asks for it: one in front of the API itself, or of a machine that is used from
// elsewhere.
#pragma once

#include <cstdint>
#include <string>

#include "api/backend.h"
#include "api/ways_in.h"

namespace wobble::daemon {

/// Where the API listens. Port 0: nowhere.
struct ApiAddress {
  std::string address;
  std::uint16_t port = 0;
};

/// Throws api::Unfit, with the pointer /for, if the link would stand between the API and those who use it, and no end
/// is asked for it. That is the API's own port by localhost:PORT, and what takes in that port where others than this
/// machine may use it.
void refuse_lock_out(const api::NewLink& wanted, const ApiAddress& api);

/// The same for a change of such a link's conditions: throws api::Unfit, with the pointer /for, if with them hardly
/// anything would get through in either direction, be it in one step of a scenario, and no end is asked for it.
void refuse_lock_out(const api::WayInSettings& way_in, const api::Change& change, const ApiAddress& api);

}  // namespace wobble::daemon
