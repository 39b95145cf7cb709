#include "daemon/cli/words/run_summary.h"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

constexpr std::array<std::pair<const char*, const char*>, 11> kEnds = {{
    {"orderly", "closed in order"},
    {"orderly_reset", "closed, then reset"},
    {"reset", "reset"},
    {"refused", "refused"},
    {"unreachable", "unreachable"},
    {"syn_timeout", "never answered"},
    {"idle_timeout", "fell silent"},
    {"half_open", "half open"},
    {"open", "still open"},
    {"superseded", "superseded"},
    {"evicted", "forgotten"},
}};

std::string plural(std::uint64_t n, const char* one) { return std::to_string(n) + " " + one + (n == 1 ? "" : "s"); }

/// "2 closed in order (1 by the client, 1 by the server), 1 refused"
std::string ends_of(const Json& connections) {
  std::string out;
  for (const auto& [end, words] : kEnds) {
    std::uint64_t n = 0;
    std::array<std::uint64_t, 3> by{};
    constexpr std::array<const char*, 3> kClosers = {"client", "server", "both"};
    for (const Json& row : items(connections)) {
      if (text(row, "end") != end) continue;
      ++n;
      for (std::size_t i = 0; i < by.size(); ++i) by[i] += text(row, "closed_by") == kClosers[i] ? 1 : 0;
    }
    if (n == 0) continue;
    std::string closers;
    for (std::size_t i = 0; i < by.size(); ++i) {
      if (by[i] == 0) continue;
      closers += (closers.empty() ? " (" : ", ") + std::to_string(by[i]) + " by ";
      closers += i == 2 ? "both at once" : std::string("the ") + kClosers[i];
    }
    out += (out.empty() ? "" : ", ") + std::to_string(n) + " " + words + closers + (closers.empty() ? "" : ")");
  }
  return out;
}

std::string dropped_of(const Json& dropped) {
  std::string reasons;
  for (const char* reason : kDropReasons) {
    if (const auto n = count(dropped, reason); n > 0) {
      reasons += (reasons.empty() ? "" : ", ") + std::to_string(n) + " by " + reason;
    }
  }
  const auto total = count(dropped, "total");
  return total == 0 ? "none dropped" : std::to_string(total) + " dropped (" + reasons + ")";
}

}  // namespace

std::vector<std::string> run_summary(const Json& connections, const Json& stats) {
  std::vector<std::string> lines;
  const std::string ends = ends_of(connections);
  lines.push_back(plural(items(connections).size(), "connection") + (ends.empty() ? "" : ": " + ends));
  for (const char* direction : {"up", "down"}) {
    const Json& total = field(field(stats, direction), "total");
    lines.push_back(std::string(direction) + ": " + plural(count(total, "packets_in"), "packet") + ", " +
                    dropped_of(field(total, "dropped")));
  }
  return lines;
}

bool is_settling(const Json& connections) {
  constexpr const char* kPassing[] = {"SYN_SENT", "SYN_RECEIVED", "FIN_WAIT_1", "FIN_WAIT_2",
                                      "CLOSING",  "CLOSE_WAIT",   "LAST_ACK"};
  return std::any_of(items(connections).begin(), items(connections).end(), [&](const Json& row) {
    if (!field(row, "closed_at").is_null()) return false;
    const auto is_passing = [&](const char* side) {
      const std::string state = text(field(row, side), "state");
      return std::find(std::begin(kPassing), std::end(kPassing), state) != std::end(kPassing);
    };
    return is_passing("client") || is_passing("server");
  });
}

}  // namespace wobble::daemon
