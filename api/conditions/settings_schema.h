// The table of settings, as others read it: as OpenAPI's schema of a direction, and for programs that show settings,
// such as the page.
#pragma once

#include <nlohmann/json.hpp>

namespace wobble::api {

/// A JSON schema: what a direction may be, as PATCH takes it and GET answers it.
nlohmann::json direction_schema();

/// {"impairments": [{"name", "kind", "settings": [...]}]}, in the order of the table.
nlohmann::json settings_description();

}  // namespace wobble::api
