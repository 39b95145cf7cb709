#pragma once

#include <nlohmann/json_fwd.hpp>

namespace wobble::api {

/// components.schemas of the API's description, by the names that the route table uses.
nlohmann::json openapi_schemas();

}  // namespace wobble::api
