// What `wobble connections` asks for, shared between its table and its live view.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/cli/commands/command.h"

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

/// What a line of the table says of a connection. Times are nanoseconds since the Unix epoch; text is clean.
struct ConnectionLine {
  struct End {
    std::string endpoint;
    std::string state;  ///< of another protocol than TCP its name
  };
  std::string id;
  End client;
  End server;
  std::optional<std::int64_t> opened_at;
  std::optional<std::int64_t> closed_at;
  std::optional<double> initial_rtt_ms;
  std::uint64_t retransmissions = 0;
  std::uint64_t retransmissions_by_us = 0;  ///< of those
  std::uint64_t dropped = 0;
  std::string end;
  std::string closed_by;  ///< empty: nobody
};
ConnectionLine connection_line(const Json& connection);  ///< as the API has it
ConnectionLine connection_line(const api::ConnectionRow& connection);

/// The table, as a person reads it; of the API's list.
std::string connections_table(const std::vector<ConnectionLine>& lines, std::int64_t now, const Paint& paint);
std::string connections_table(const Json& list, std::int64_t now, const Paint& paint);

/// One line per transition, live.
int follow_connections(const Context& context, const ConnectionFilter& filter);

}  // namespace wobble::daemon
