// The page's files, embedded when the program is built (web/embed.cmake generates the table).
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace wobble::api {

struct PageFile {
  std::string_view name;  ///< below the root: "index.html"
  std::string_view etag;  ///< of its contents, with quotes
  const unsigned char* data;
  std::size_t size;

  std::string_view content() const { return {reinterpret_cast<const char*>(data), size}; }
};

std::span<const PageFile> page_files();

}  // namespace wobble::api
