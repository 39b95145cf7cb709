// A file that a stranger names is looked at before it is opened: a pipe or a device would notice.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "api/conditions/units.h"
#include "api/given_up.h"
#include "emulator/unique_fd.h"

namespace wobble::api {

/// A regular file that was opened, as it was then.
struct OpenedFile {
  /// Device, inode, size, and when it was changed: where all are equal, the same bytes are read.
  using Identity = std::array<std::uint64_t, 7>;
  UniqueFd fd = UniqueFd();
  std::size_t size = 0;  ///< bytes
  Identity identity{};
};

/// The regular file at the absolute `path`, of at most `largest` bytes. Its size is taken from `allowance`, what the
/// files of one request may have together. An error tells nothing of what stands in the file, since whoever asks need
/// not be allowed to read it.
Parsed<OpenedFile> open_named_file(const std::string& path, std::size_t largest, std::size_t& allowance);

/// What stands in it.
Parsed<std::string> read_file(const OpenedFile& file, const Pause& pause);

}  // namespace wobble::api
