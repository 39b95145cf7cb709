#include "daemon/journal/names.h"

#include <array>
#include <cstdio>
#include <span>
#include <utility>

namespace wobble::daemon {

namespace {

// In the order of each enumeration's values.
constexpr std::array<std::string_view, kTcpStateCount> kStates = {
    "NONE",       "CLOSED",     "SYN_SENT", "SYN_RECEIVED", "ESTABLISHED", "FIN_WAIT_1",
    "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING",  "LAST_ACK",     "TIME_WAIT"};
constexpr std::array<std::string_view, 12> kEnds = {"open",       "orderly",     "orderly_reset", "reset",
                                                    "refused",    "syn_timeout", "idle_timeout",  "half_open",
                                                    "superseded", "evicted",     "unreachable",   "unknown"};
constexpr std::array<std::string_view, 4> kClosedBy = {"", "client", "server", "both"};
constexpr std::array<std::string_view, 14> kConnStates = {"",     "S0",   "S1",     "S2",    "S3", "SF",  "REJ",
                                                          "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH"};
constexpr std::array<std::string_view, 2> kRoles = {"client", "server"};
constexpr std::array<std::string_view, 5> kEvidence = {"sent", "delivered", "timer", "correction", "implied"};
constexpr std::array<std::string_view, 6> kFates = {"forwarded",  "delayed",   "reordered",
                                                    "duplicated", "corrupted", "dropped"};
constexpr std::array<std::string_view, kDropReasonCount> kDrops = {
    "none", "loss", "outage", "queue", "memory", "malformed", "device", "aqm", "mtu", "idle_timeout"};
constexpr std::array<std::string_view, 2> kSides = {"near", "far"};

std::span<const std::string_view> names(TcpState) { return kStates; }
std::span<const std::string_view> names(End) { return kEnds; }
std::span<const std::string_view> names(ClosedBy) { return kClosedBy; }
std::span<const std::string_view> names(ConnState) { return kConnStates; }
std::span<const std::string_view> names(Role) { return kRoles; }
std::span<const std::string_view> names(Evidence) { return kEvidence; }
std::span<const std::string_view> names(FateWord) { return kFates; }
std::span<const std::string_view> names(DropReason) { return kDrops; }
std::span<const std::string_view> names(Side) { return kSides; }

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
  const auto all = names(Enum{});
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == text) return static_cast<Enum>(i);
  }
  return Enum{};
}

template <typename Enum>
std::string_view name_of(Enum value) noexcept {
  const auto all = names(Enum{});
  const auto index = static_cast<std::size_t>(value);
  return index < all.size() ? all[index] : all[0];
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

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace wobble::daemon
