// The views of schema 3: the questions people ask of a log. See SCHEMA.md.
#pragma once

namespace wobble::daemon {

extern const char* const kViewsOfSchema3;

}  // namespace wobble::daemon
