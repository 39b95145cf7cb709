// Who may ask, and what may be asked, before a handler sees it. The daemon listens on loopback without a password, so
// every web page in the user's browser could talk to it; these checks are why none can:
//
//   Host     must name us. A foreign name that resolves to 127.0.0.1 (DNS rebinding) is somebody else's page.
//   Origin   if sent, must be the very page we serve: the same scheme-host-port as Host. "null" is nobody's.
//   writes   carry JSON or nothing. A page can send text/plain, forms and multipart to anybody without asking first (a
//            "simple" request of the Fetch standard), but not application/json, PUT or PATCH: those are asked for by a
//            preflight, which we never grant (no CORS header, ever).
//            `curl -d` without -H says application/x-www-form-urlencoded, and people should not have to care: that
//            type is taken as JSON if the request bears neither Origin nor Sec-Fetch-*, which every browser of today
//            sends with a POST of a form, and no page can remove.
//   reading  is not for pages of other sites either: they could not read the answer, but they could make us work. They
//            may lead here: to the page, and no further.
//
// Who may ask at all, of those that are no pages, is access.h.
//
// Thread: const after construction; any.
#pragma once

#include <string>
#include <vector>

#include "api/http/http.h"

namespace wobble::api {

struct GuardOptions {
  std::string listen_address;              ///< as bound: "127.0.0.1", "::"
  int port = 0;                            ///< as bound
  std::vector<std::string> allowed_hosts;  ///< "wobble.test" (with our port or none) or "wobble.test:8080"
};

class Guards {
 public:
  explicit Guards(GuardOptions options) : options_(std::move(options)) {}

  /// Throws Problem 400 or 403.
  void check(const Request& request) const;

 private:
  bool is_our_host(const Request& request, const std::string& host) const;

  GuardOptions options_;
};

/// The path is one we could have: absolute, short, no tricks (dot segments, empty segments, encoded slashes or dots,
/// control characters, backslashes). Throws Problem 400, 404 or 414.
void check_path(const std::string& target);

/// What the library leaves unchecked of method and fields: names are tokens, values have no control characters. Throws
/// Problem 400.
void check_fields(const Request& request);

/// The body's framing, size and type. Throws Problem 400, 413 or 415.
void check_body(const Request& request);

/// For every answer: a page from us may load from us only, and nothing is guessed or framed.
void add_security_headers(Response& response);

/// A header that decides something must be there at most once. Throws Problem 400.
std::string single_header(const Request& request, const char* name);

inline constexpr std::size_t kBodyBytes = std::size_t{256} * 1024;  ///< of a request, at most

/// Takes as long for equal as for different strings of the same length.
bool equal_in_constant_time(const std::string& a, const std::string& b);

}  // namespace wobble::api
