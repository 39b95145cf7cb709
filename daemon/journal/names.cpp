#include "daemon/journal/names.h"

#include <array>
#include <limits>
#include <type_traits>
#include <utility>

namespace wobble::daemon {

namespace {

constexpr std::array<std::pair<std::uint16_t, std::string_view>, 9> kFlags = {{{tcp_flag::kSyn, "SYN"},
                                                                               {tcp_flag::kFin, "FIN"},
                                                                               {tcp_flag::kRst, "RST"},
                                                                               {tcp_flag::kPsh, "PSH"},
                                                                               {tcp_flag::kAck, "ACK"},
                                                                               {tcp_flag::kUrg, "URG"},
                                                                               {tcp_flag::kEce, "ECE"},
                                                                               {tcp_flag::kCwr, "CWR"},
                                                                               {tcp_flag::kAe, "AE"}}};
constexpr std::size_t kFlagSets = 1u << kFlags.size();
static_assert(
    [] {
      unsigned bits = 0;
      for (const auto& [bit, name] : kFlags) bits |= bit;
      return bits == kFlagSets - 1;
    }(),
    "each of the header's flags has a name");

std::array<std::string, kFlagSets> every_flag_set() {
  std::array<std::string, kFlagSets> sets;
  for (std::size_t set = 0; set < kFlagSets; ++set) {
    for (const auto& [bit, name] : kFlags) {
      if ((set & bit) == 0) continue;
      if (!sets[set].empty()) sets[set] += ',';
      sets[set] += name;
    }
  }
  return sets;
}

}  // namespace

template <typename Enum>
Enum parse_name(std::string_view text) noexcept {
  constexpr unsigned kMost = std::numeric_limits<std::underlying_type_t<Enum>>::max();
  for (unsigned i = 0; i <= kMost && !text.empty(); ++i) {
    if (text == to_string(static_cast<Enum>(i))) return static_cast<Enum>(i);
  }
  return Enum{};
}

template <typename Enum>
std::string_view name_of(Enum value) noexcept {
  return to_string(value);
}

#define WOBBLE_NAMES(Enum)                                   \
  template Enum parse_name<Enum>(std::string_view) noexcept; \
  template std::string_view name_of<Enum>(Enum) noexcept;
WOBBLE_NAMES(TcpState)
WOBBLE_NAMES(End)
WOBBLE_NAMES(ClosedBy)
WOBBLE_NAMES(ConnState)
WOBBLE_NAMES(Role)
WOBBLE_NAMES(Evidence)
WOBBLE_NAMES(FateWord)
WOBBLE_NAMES(DropReason)
WOBBLE_NAMES(Side)
#undef WOBBLE_NAMES

std::string_view flag_names(std::uint16_t flags) noexcept {
  static const auto sets = every_flag_set();
  return sets[flags & (kFlagSets - 1)];
}

std::uint16_t parse_flags(std::string_view text) noexcept {
  unsigned flags = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    for (const auto& [bit, name] : kFlags) {
      if (word == name) flags |= bit;
    }
    text.remove_prefix(word.size() < text.size() ? word.size() + 1 : text.size());
  }
  return static_cast<std::uint16_t>(flags);
}

}  // namespace wobble::daemon
