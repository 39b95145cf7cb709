// The views since schema 4: the questions people ask of a log. See SCHEMA.md.
#pragma once

namespace wobble::daemon {

extern const char* const kViewsOfSchema4;
extern const char* const kViewsOfSchema6;
extern const char* const kViewsOfSchema7;
extern const char* const kViewsOfSchema9;

}  // namespace wobble::daemon
