#include "daemon/cli/change_text.h"

#include "daemon/cli/conditions_text.h"
#include "daemon/cli/text.h"

namespace wobble::daemon {

std::string describe_change(const Json& link, const Paint& paint) {
  std::string out = paint(Colour::bold, text(link, "name")) + " in effect, revision " + text(link, "revision") + "\n";
  for (const char* direction : {"up", "down"}) {
    std::string asked;
    for (const std::string& word : describe_conditions(field(link, direction))) {
      asked += (asked.empty() ? "" : "; ") + word;
    }
    out += "  " + pad_right(direction, 4) + "  " + (asked.empty() ? "no impairment" : asked) + "\n";
  }
  for (const std::string& step : describe_scenario(link)) out += "  step " + step + "\n";
  if (const auto at = parse_time(text(link, "reverts_at"))) {
    out += "  what was before comes back at " + human_time(*at, wall_clock()) + "\n";
  }
  return out;
}

}  // namespace wobble::daemon
