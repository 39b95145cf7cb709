#include "api/conditions/file_json.h"

#include <optional>

namespace wobble::api {
namespace {

constexpr std::size_t kDigits = 64;

/// The digest that the file must have; empty: none is asked, or it is wrong.
std::string read_digest(ObjectReader& reader) {
  const Json* value = reader.member("sha256");
  if (value == nullptr) return {};
  const std::string text = value->is_string() ? value->get<std::string>() : "";
  if (text.size() == kDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos) return text;
  reader.error("sha256", "64 hexadecimal digits in lower case are expected, as sha256sum prints them");
  return {};
}

template <typename Number>
FileNumbers<Number> read_file(ObjectReader& reader, const Json* file, const char* expected, Reading& reading,
                              Parsed<FileNumbers<Number>> (Reading::*read)(const std::string&, const std::string&)) {
  const std::string sha256 = read_digest(reader);
  std::uint32_t values = 0;
  const bool has_values = reader.integer("values", values);
  if (file == nullptr) {
    for (const char* name : {"sha256", "values"}) {
      if (reader.member(name) != nullptr) reader.error(name, "belongs to a file: name it, or leave this out");
    }
    return {};
  }
  if (!file->is_string()) {
    reader.error("file", expected);
    return {};
  }
  const auto path = file->get<std::string>();
  Parsed<FileNumbers<Number>> found = (reading.*read)(path, sha256);
  if (!found.ok()) {
    reader.error("file", found.error);
    return {{}, {path, sha256}};
  }
  if (has_values && values != found.value.numbers->size()) {
    reader.error("values", "the file has " + std::to_string(found.value.numbers->size()));
  }
  return found.value;
}

}  // namespace

FileTrace read_file_trace(ObjectReader& reader, const Json* file, Reading& reading) {
  return read_file(reader, file, "the path of a trace in mahimahi's format is expected", reading, &Reading::trace);
}

FileTable read_file_table(ObjectReader& reader, const Json* file, Reading& reading) {
  return read_file(reader, file, "the path of a .dist file is expected", reading, &Reading::table);
}

void write_file(Json& out, const NamedFile& file, std::size_t values) {
  out["file"] = file.path;
  out["values"] = values;
  out["sha256"] = file.sha256;
}

}  // namespace wobble::api
