// SHA-256 (FIPS 180-4), to name a file by what stands in it: what sha256sum(1) prints.
#pragma once

#include <string>
#include <string_view>

#include "api/given_up.h"

namespace wobble::api {

/// 64 hexadecimal digits, in lower case.
std::string sha256_of(std::string_view bytes, const Pause& pause = {});

}  // namespace wobble::api
