#include "daemon/cli/words/change_text.h"

#include "daemon/cli/words/conditions_text.h"
#include "daemon/cli/words/text.h"
#include "daemon/cli/words/time_text.h"

namespace wobble::daemon {

namespace {

/// "up   delay 80ms", or "up   no delay": what one field comes back to.
std::string describe_return(const Json& item) {
  const std::string pointer = text(item, "pointer");
  const std::size_t slash = pointer.find('/', 1);
  if (slash == std::string::npos) {
    const Json& steps = field(item, "to");
    return "the scenario before" + (steps.is_array() ? " of " + std::to_string(steps.size()) + " steps" : ": none");
  }
  const std::string name = pointer.substr(slash + 1);
  const Json& to = field(item, "to");
  std::string words;
  if (!to.is_null()) {
    for (const std::string& word : describe_conditions(Json{{name, to}})) words += (words.empty() ? "" : "; ") + word;
  }
  return pad_right(pointer.substr(1, slash - 1), 4) + "  " + (words.empty() ? "no " + clean(name) : words);
}

std::string describe_temporary(const Json& link) {
  const Json& list = field(link, "temporary");
  if (!list.is_array()) {
    const auto at = parse_time(text(link, "reverts_at"));
    return at ? "  what was before comes back at " + human_time(*at, wall_clock()) + "\n" : "";
  }
  std::string out;
  for (const Json& item : list) {
    const auto at = parse_time(text(item, "at"));
    out += "  comes back at " + (at ? human_time(*at, wall_clock()) : text(item, "at")) + ":  " +
           describe_return(item) + "\n";
  }
  return out;
}

}  // namespace

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
  return out + describe_temporary(link);
}

}  // namespace wobble::daemon
