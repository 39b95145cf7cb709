// Text of a stranger's, as an error shows it: its beginning is enough to find it again.
#pragma once

#include <string>
#include <string_view>

namespace wobble::api {

inline constexpr std::size_t kShownBytes = 40;

/// All of `text`, or its first `most` bytes or a few less, so that no character is cut in two, and "...".
inline std::string cut_text(std::string_view text, std::size_t most = kShownBytes) {
  if (text.size() <= most) return std::string(text);
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80; };
  while (most > 0 && continues(most)) --most;
  return std::string(text.substr(0, most)) + "...";
}

}  // namespace wobble::api
