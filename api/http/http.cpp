#include "api/http/http.h"

#include <strings.h>

#include <algorithm>
#include <cstdlib>

namespace wobble::api {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void HeaderList::set(const std::string& name, std::string value) {
  erase(name);
  add(name, std::move(value));
}

void HeaderList::erase(std::string_view name) {
  std::erase_if(fields_, [&](const Field& field) { return same_name(field.first, name); });
}

const std::string* HeaderList::find(std::string_view name) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [&](const Field& field) { return same_name(field.first, name); });
  return found == fields_.end() ? nullptr : &found->second;
}

std::size_t HeaderList::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(fields_.begin(), fields_.end(), [&](const Field& field) { return same_name(field.first, name); }));
}

std::string Request::get_header_value(std::string_view name) const {
  const std::string* value = headers.find(name);
  return value == nullptr ? std::string() : *value;
}

bool Request::has_body() const {
  const std::string length = get_header_value("Content-Length");
  return has_header("Transfer-Encoding") || (!length.empty() && length != "0");
}

std::size_t Request::body_size(std::size_t limit) const {
  const std::string length = get_header_value("Content-Length");
  return length.empty() ? limit : std::min<std::size_t>(limit, std::strtoull(length.c_str(), nullptr, 10));
}

}  // namespace wobble::api
