// The description of the API (OpenAPI 3.1), made from the route table and the schemas in openapi_schemas.cpp.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace wobble::api {

nlohmann::json openapi_document(const std::string& version);

/// components.schemas.
nlohmann::json openapi_schemas();

}  // namespace wobble::api
