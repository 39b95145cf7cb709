// A file that a stranger names is looked at before it is opened: a pipe or a device would notice.
#pragma once

#include <string>

#include "api/units.h"

namespace wobble::api {

/// What stands in the regular file at the absolute `path`, of at most `largest` bytes. Its size is taken from
/// `allowance`, what the files of one request may have together. An error tells nothing of what stands in the file,
/// since whoever asks need not be allowed to read it.
Parsed<std::string> read_named_file(const std::string& path, std::size_t largest, std::size_t& allowance);

}  // namespace wobble::api
