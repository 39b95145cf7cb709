#pragma once

#include "api/backend.h"
#include "api/json.h"

namespace wobble::api {

/// A link with what is asked of it, and what comes back by itself.
Json to_json(const LinkInfo& link);

}  // namespace wobble::api
