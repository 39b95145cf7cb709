// Answers made smaller, for clients that say they can read them so.
#pragma once

#include <string>
#include <string_view>

#include "api/http/http.h"

namespace wobble::api {

/// In the gzip format (RFC 1952).
std::string gzip(std::string_view bytes);

/// Whether "Accept-Encoding: gzip" or its like is there (RFC 9110 12.5.3), and not with a weight of 0.
bool accepts_gzip(const Request& request);

/// Packs the body if the request accepts that, it is text of more than 1 KiB, and it has no strong ETag: one that a
/// change may be tied to by If-Match stays what it is. A weak one, or a page's file, may be packed.
void pack(const Request& request, Response& response);

}  // namespace wobble::api
