#include "api/http/guards.h"

#include <algorithm>

#include "api/ascii.h"
#include "api/conditions/problem.h"

namespace wobble::api {
namespace {

bool is_write(const std::string& method) {
  return method == "POST" || method == "PUT" || method == "PATCH" || method == "DELETE";
}

/// "application/json; charset=utf-8" → "application/json"
std::string media_type(const Request& request) {
  const std::string value = lowered(request.get_header_value("Content-Type"));
  std::string type = value.substr(0, value.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  return type;
}

bool is_from_a_browser(const Request& request) {
  return std::any_of(request.headers.begin(), request.headers.end(), [](const auto& header) {
    const std::string name = lowered(header.first);
    return name == "origin" || name.starts_with("sec-fetch-");
  });
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";  // RFC 9110 5.6.2
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kMarks.find(c) != std::string_view::npos;
  });
}

/// What a page of another site may let a browser ask for: whether we are well, and our page in place of its own.
bool is_for_other_sites(const Request& request) {
  if (is_write(request.method)) return false;
  const std::string path = request.target.substr(0, request.target.find_first_of("?#"));
  const std::string destination = lowered(request.get_header_value("Sec-Fetch-Dest"));
  const bool is_navigation = lowered(request.get_header_value("Sec-Fetch-Mode")) == "navigate" &&
                             (destination.empty() || destination == "document");
  return path == "/healthz" || (is_navigation && (path == "/" || path == "/index.html"));
}

}  // namespace

std::string single_header(const Request& request, const char* name) {
  if (request.get_header_value_count(name) > 1) throw Problem(400, std::string(name) + " is there more than once.");
  return request.get_header_value(name);
}

bool Guards::is_our_host(const Request& request, const std::string& host) const {
  const std::string port = ":" + std::to_string(options_.port);
  const auto named = [&](const std::string& name) { return host == name || host == name + port; };
  if (named("localhost") || named("127.0.0.1") || named("[::1]")) return true;
  const auto as_authority = [](const std::string& address) {
    return address.find(':') != std::string::npos ? "[" + address + "]" : address;
  };
  if (named(as_authority(options_.listen_address))) return true;
  // Bound to all addresses: the one this connection came to. An address cannot be rebound, only a name can.
  if (!request.local_address.empty() && named(as_authority(request.local_address))) return true;
  return std::any_of(options_.allowed_hosts.begin(), options_.allowed_hosts.end(),
                     [&](const std::string& name) { return named(lowered(name)); });
}

void Guards::check(const Request& request) const {
  const std::string host = lowered(single_header(request, "Host"));
  if (host.empty()) throw Problem(400, "The request has no Host.");
  if (!is_our_host(request, host)) {
    throw Problem(403, "This host is not ours: ask for localhost, or start wobbled with the name allowed.");
  }
  if (request.has_header("Origin")) {
    const std::string origin = lowered(single_header(request, "Origin"));
    if (origin != "http://" + host && origin != "https://" + host) {
      throw Problem(403, "A page of another origin may not use this API.");
    }
  }
  // What a browser says of a request it makes for a page, which could not read the answer, but makes us work.
  const std::string site = lowered(request.get_header_value("Sec-Fetch-Site"));
  const bool ours = site.empty() || site == "same-origin" || site == "none";
  if (!ours && !is_for_other_sites(request)) throw Problem(403, "A page of another site may not use this API.");
}

void check_fields(const Request& request) {
  constexpr std::string_view kMethods[] = {"GET",    "HEAD",    "POST",  "PUT",    "PATCH",
                                           "DELETE", "OPTIONS", "TRACE", "CONNECT"};
  if (std::find(std::begin(kMethods), std::end(kMethods), request.method) == std::end(kMethods)) {
    throw Problem(400, "The request's method is not known.");
  }
  const auto is_control = [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; };
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) throw Problem(400, "The name of a header field is not a name.");
    if (std::any_of(value.begin(), value.end(), is_control)) {
      throw Problem(400, "The header field " + name + " has a control character.");
    }
  }
}

void check_path(const std::string& target) {
  constexpr std::size_t kLongest = 1024;
  const std::string path = target.substr(0, target.find_first_of("?#"));
  if (path.empty() || path[0] != '/') throw Problem(400, "The request's target is not a path.");
  if (path.size() > kLongest) throw Problem(414, "The path is too long.");
  const auto is_odd = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c >= 0x7f || c < 0 || c == '\\'; };
  const std::string lower = lowered(path);
  for (const char* trick : {"%2e", "%2f", "%5c", "%00", "%25"}) {
    if (lower.find(trick) != std::string::npos) throw Problem(400, "The path is not a plain one.");
  }
  if (std::any_of(path.begin(), path.end(), is_odd)) throw Problem(400, "The path is not a plain one.");
  const std::string closed = path + "/";
  for (const char* trick : {"//", "/./", "/../"}) {
    const bool is_there = closed.find(trick) != std::string::npos;
    const bool only_a_last_slash = is_there && closed.find(trick) == path.size() - 1 && std::string(trick) == "//";
    if (is_there && !only_a_last_slash) throw Problem(400, "The path is not a plain one.");
  }
}

void check_body(const Request& request) {
  const std::string length = single_header(request, "Content-Length");
  const std::string encoding = lowered(single_header(request, "Transfer-Encoding"));
  if (!encoding.empty() && encoding != "chunked") throw Problem(501, "Only chunked is known of transfer encodings.");
  if (!encoding.empty() && !length.empty()) {
    throw Problem(400, "Content-Length and Transfer-Encoding exclude each other.");
  }
  if (length.size() > 18 || length.find_first_not_of("0123456789") != std::string::npos) {
    throw Problem(400, "Content-Length is not a number.");
  }
  if (!length.empty() && std::stoull(length) > kBodyBytes) {
    throw Problem(413, "The body is larger than 256 KiB.");
  }
  if (!request.has_body()) return;
  const std::string content_encoding = lowered(request.get_header_value("Content-Encoding"));
  if (!content_encoding.empty() && content_encoding != "identity") {
    throw Problem(415, "A compressed body is not taken.");
  }
  const std::string type = media_type(request);
  if (type == "application/json" || type == "application/merge-patch+json") return;
  if (type == "application/x-www-form-urlencoded" && !is_from_a_browser(request)) return;
  throw Problem(415, "The body must be JSON: Content-Type: application/json.");
}

void add_security_headers(Response& response) {
  response.set_header(
      "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("X-Frame-Options", "DENY");
  response.set_header("Referrer-Policy", "no-referrer");
  response.set_header("Cross-Origin-Resource-Policy", "same-origin");
  response.set_header("Cross-Origin-Opener-Policy", "same-origin");
  const bool is_page_file = response.has_header("Cache-Control");
  if (!is_page_file) response.set_header("Cache-Control", "no-store");
}

bool equal_in_constant_time(const std::string& a, const std::string& b) {
  unsigned char difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char other = b.empty() ? '\0' : b[i % b.size()];
    difference = static_cast<unsigned char>(difference | (a[i] ^ other));
  }
  return difference == 0;
}

}  // namespace wobble::api
