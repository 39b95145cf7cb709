// The table of settings, as others read it: as OpenAPI's schema of a direction, and for programs that show settings,
// such as the page.
#pragma once

#include <nlohmann/json.hpp>

#include "api/conditions/setting.h"

namespace wobble::api {

/// Of one setting, whose owner has every default: its JSON schema, and what a program that shows settings needs of it.
nlohmann::json schema_of(const Setting& setting, void* owner);
nlohmann::json description_of(const Setting& setting, void* owner);

/// A JSON schema: what a direction may be, as PATCH takes it and GET answers it.
nlohmann::json direction_schema();

/// {"impairments": [{"name", "kind", "settings": [...]}]}, in the order of the table.
nlohmann::json settings_description();

}  // namespace wobble::api
