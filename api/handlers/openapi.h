// The description of the API (OpenAPI 3.1), made from the route table and its schemas.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace wobble::api {

nlohmann::json openapi_document(const std::string& version);

}  // namespace wobble::api
