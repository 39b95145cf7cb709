// The table of settings, as others read it: as OpenAPI's schema of a direction, and for programs that show settings,
// such as the page.
#pragma once

#include "api/conditions/setting.h"
#include "api/json.h"

namespace wobble::api {

/// Of one setting, whose owner has every default: its JSON schema, and what a program that shows settings needs of it.
Json schema_of(const Setting& setting, void* owner);
Json description_of(const Setting& setting, void* owner);

/// A JSON schema: what a direction may be, as PATCH takes it and GET answers it.
Json direction_schema();

/// {"impairments": [{"name", "kind", "settings": [...]}]}, in the order of the table.
Json settings_description();

}  // namespace wobble::api
