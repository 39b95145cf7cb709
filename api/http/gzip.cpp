#include "api/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "api/ascii.h"

namespace wobble::api {
namespace {

constexpr std::size_t kMinPacked = 1024;

bool is_text(const std::string& type) {
  constexpr std::string_view kTypes[] = {"text/", "application/json", "application/problem+json", "image/svg+xml",
                                         "application/manifest+json"};
  return std::any_of(std::begin(kTypes), std::end(kTypes), [&](std::string_view one) { return type.starts_with(one); });
}

}  // namespace

std::string gzip(std::string_view bytes) {
  constexpr int kGzip = 15 + 16;  // the largest window, and gzip's header rather than zlib's
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::bad_alloc();
  return out;
}

bool accepts_gzip(const Request& request) {
  const std::string list = lowered(request.get_header_value("Accept-Encoding"));
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    const std::string one = list.substr(at, end - at);
    at = end + 1;
    if (trimmed(one.substr(0, one.find(';'))) != "gzip") continue;
    const std::size_t weight = one.find("q=");
    return weight == std::string::npos || std::strtod(one.c_str() + weight + 2, nullptr) > 0;
  }
  return false;
}

void pack(const Request& request, Response& response) {
  const std::string* type = response.headers.find("Content-Type");
  const std::string* etag = response.headers.find("ETag");
  const bool may_differ = etag == nullptr || etag->starts_with("W/");
  if (type == nullptr || !is_text(*type) || response.body.size() <= kMinPacked || !may_differ) return;
  response.set_header("Vary", "Accept-Encoding");
  if (!accepts_gzip(request)) return;
  response.body = gzip(response.body);
  response.set_header("Content-Encoding", "gzip");
}

}  // namespace wobble::api
