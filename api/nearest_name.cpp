#include "api/nearest_name.h"

#include <algorithm>
#include <vector>

namespace wobble::api {
namespace {

constexpr std::size_t kMaxMistyped = 64;  // longer names are not typing errors

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view wrong, std::span<const std::string_view> known) {
  std::string_view best;
  if (wrong.empty() || wrong.size() > kMaxMistyped) return best;
  std::size_t least = kMaxMistyped;
  for (const std::string_view name : known) {
    const std::size_t d = distance(wrong, name);
    const std::size_t allowed = std::max<std::size_t>(2, name.size() / 3);
    if (d < least && d <= allowed && d < name.size()) {
      least = d;
      best = name;
    }
  }
  return best;
}

std::string unknown_name(std::string_view what, std::string_view wrong, std::span<const std::string_view> known) {
  std::string shown;
  for (const char c : wrong.substr(0, kMaxMistyped)) shown += (c >= ' ' && c < 0x7f && c != '"') ? c : '?';
  std::string text = "unknown " + std::string(what) + " \"" + shown + "\"";
  const std::string_view nearest = nearest_name(wrong, known);
  if (!nearest.empty()) return text + ": did you mean \"" + std::string(nearest) + "\"?";
  if (known.empty()) return text + ": none is known here";
  text += ": known are";
  for (std::size_t i = 0; i < known.size(); ++i) text += (i == 0 ? " " : ", ") + std::string(known[i]);
  return text;
}

}  // namespace wobble::api
