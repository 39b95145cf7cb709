#pragma once

#include "api/conditions/setting.h"

namespace wobble::api {

/// The models of loss.
extern const Setting kLossSetting;

}  // namespace wobble::api
