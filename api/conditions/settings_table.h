// All that can be asked of a direction: one row for each setting (setting.h says what a row is).
#pragma once

#include <span>

#include "api/conditions/setting.h"

namespace wobble::api {

/// In the order in which a packet meets them; each is an object of DirectionConditions.
std::span<const Setting> impairments();

}  // namespace wobble::api
