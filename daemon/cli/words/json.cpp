#include "daemon/cli/words/json.h"

#include <cmath>

#include "daemon/cli/words/text.h"

namespace wobble::daemon {

const Json& field(const Json& object, std::string_view key) {
  static const Json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(std::string(key));
  return found == object.end() ? nothing : *found;
}

std::string text(const Json& value) {
  if (value.is_string()) return clean(value.get_ref<const std::string&>());
  if (value.is_null()) return "";
  return clean(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string text(const Json& object, std::string_view key) { return text(field(object, key)); }

std::optional<double> number(const Json& object, std::string_view key) {
  const Json& value = field(object, key);
  if (!value.is_number()) return std::nullopt;
  const auto got = value.get<double>();
  if (!std::isfinite(got)) return std::nullopt;
  return got;
}

std::uint64_t count(const Json& object, std::string_view key) {
  const Json& value = field(object, key);
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  return 0;
}

bool is_true(const Json& object, std::string_view key) {
  const Json& value = field(object, key);
  return value.is_boolean() && value.get<bool>();
}

const Json& items(const Json& object, std::string_view key) {
  static const Json none = Json::array();
  const Json& value = field(object, key);
  return value.is_array() ? value : none;
}

std::string print_json(const Json& value, int indent) {
  const std::string plain = value.dump(indent, ' ', false, Json::error_handler_t::replace);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string safe;
  safe.reserve(plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const auto byte = static_cast<unsigned char>(plain[i]);
    const auto next = i + 1 < plain.size() ? static_cast<unsigned char>(plain[i + 1]) : 0U;
    // U+0080 to U+009F in UTF-8 is C2 80 to C2 9F. Such bytes occur inside strings only, so an escape is in place.
    const bool c1 = byte == 0xc2 && next >= 0x80 && next <= 0x9f;
    if (byte != 0x7f && !c1) {
      safe += plain[i];
      continue;
    }
    const unsigned code = c1 ? next : byte;
    safe += "\\u00";
    safe += kHex[code >> 4];
    safe += kHex[code & 15];
    if (c1) ++i;
  }
  return safe;
}

}  // namespace wobble::daemon
