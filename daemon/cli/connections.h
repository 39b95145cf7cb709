// What `wobble connections` asks for, shared between its table and its live view.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/cli/command.h"

namespace wobble::daemon {

struct ConnectionFilter {
  std::string link;
  std::string state;  ///< RFC 9293's spelling, upper case with underscores
  std::optional<std::uint16_t> port;
  std::string end;
  std::string closed_by;
  std::string since;  ///< as typed: a moment (RFC 3339) or a span back from now
  std::uint32_t limit = 50;
  bool follow = false;
  std::uint64_t count = 0;  ///< with follow: end after so many lines; 0: never
};

/// The query of GET /api/v1/connections, or of another such list at `path`. Failure (usage) if `since` cannot be read.
std::string list_path(const std::string& path, const ConnectionFilter& filter, std::int64_t now);
std::string connections_path(const ConnectionFilter& filter, std::int64_t now);

/// The table, as a person reads it.
std::string connections_table(const Json& connections, std::int64_t now, const Paint& paint);

/// One line per transition, live.
int follow_connections(const Context& context, const ConnectionFilter& filter);

}  // namespace wobble::daemon
