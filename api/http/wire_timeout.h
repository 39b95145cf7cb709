// The time-outs that libmicrohttpd itself has for its connections, in seconds.
#pragma once

#include <microhttpd.h>

#include <algorithm>

#include "api/http/http_server.h"

namespace wobble::api {

/// While the client is to send: never reached, for in these phases OpenConnections gives a connection its end.
inline unsigned idle_timeout(const HttpServerOptions& options) {
  const ConnectionLimits& limits = options.limits;
  return static_cast<unsigned>(std::max({limits.first_head, limits.next_head, limits.body}).count()) + 1;
}

/// While it is to read. Another than idle_timeout(): libmicrohttpd 0.9.75 looks at connections with a time-out of their
/// own before it reads. It would else read before it answers, and close without an answer where a client has closed its
/// sending side.
inline unsigned answer_timeout(const HttpServerOptions& options) {
  const auto stall = static_cast<unsigned>(options.stall.count());
  return stall == idle_timeout(options) ? stall + 1 : stall;
}

inline void set_timeout(MHD_Connection* wire, unsigned seconds) {
  MHD_set_connection_option(wire, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

}  // namespace wobble::api
