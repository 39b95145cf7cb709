#pragma once

#include <nlohmann/json.hpp>

namespace wobble::api {

using Json = nlohmann::json;

}  // namespace wobble::api
