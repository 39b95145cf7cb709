#include "daemon/cli/words/conditions_text.h"

#include <algorithm>

#include "api/conditions/settings_table.h"

namespace wobble::daemon {
namespace {

/// Few enough to be shown, and to be said again.
constexpr std::size_t kMostNumbers = 64;

/// The words behind an impairment that netem has none for, in the order of the table of settings.
std::string own_words(const char* impairment, const Json& value) {
  std::string out;
  for (const api::Setting& setting : api::find_setting(api::impairments(), impairment)->inside) {
    const std::string name(setting.name);
    if (setting.word.empty() || !value.contains(name)) continue;
    if (setting.kind == api::Kind::flag) {
      if (is_true(value, name.c_str())) out.append(" ").append(setting.word);
    } else if (const std::string said = text(value, name.c_str()); !said.empty()) {
      out.append(" ").append(setting.word).append(" ").append(said);
    }
  }
  return out;
}

/// "0,4,12"; of many, how many there are of `what`.
std::string numbers(const Json& list, const std::string& what) {
  if (list.size() > kMostNumbers) return "of " + std::to_string(list.size()) + " " + what;
  std::string out;
  for (const Json& number : list) out.append(out.empty() ? "" : ",").append(text(number));
  return out;
}

std::string correlation(const Json& value) {
  const std::string percent = text(value, "correlation");
  return percent.empty() ? "" : " " + percent;
}

std::string distribution(const Json& value) {
  const Json& shape = field(value, "distribution");
  if (shape.is_string()) return " distribution " + text(shape);
  if (const std::string file = text(shape, "file"); !file.empty()) return " distribution " + file;
  const Json& table = field(shape, "table");
  return table.is_array() ? " distribution " + numbers(table, "values") : "";
}

std::string delay(const Json& value) {
  std::string out = "delay " + text(value, "time");
  const std::string jitter = text(value, "jitter"), alike = correlation(value);
  if (!jitter.empty() || !alike.empty()) out.append(" ").append(jitter.empty() ? "0ms" : jitter);
  return out + alike + distribution(value) + own_words("delay", value);
}

/// A model of loss in netem's order; what is absent before something that is present is at its default.
template <std::size_t Size>
std::string model(std::string out, const Json& value, const std::pair<const char*, const char*> (&parameters)[Size]) {
  std::size_t present = 0;
  for (std::size_t i = 0; i < Size; ++i) {
    if (value.contains(parameters[i].first)) present = i + 1;
  }
  for (std::size_t i = 0; i < present; ++i) {
    const std::string part = text(value, parameters[i].first);
    out.append(" ").append(part.empty() ? parameters[i].second : part);
  }
  return out;
}

std::string loss_model(const Json& value) {
  if (const Json& burst = field(value, "burst"); burst.is_object()) {
    return "loss burst " + text(burst, "percent") + " " + text(burst, "length");
  }
  if (const Json& two_states = field(value, "gilbert_elliott"); two_states.is_object()) {
    return model("loss gemodel", two_states, {{"p", "0%"}, {"r", "0%"}, {"1-h", "100%"}, {"1-k", "0%"}});
  }
  if (const Json& states = field(value, "markov"); states.is_object()) {
    return model("loss state", states, {{"p13", "0%"}, {"p31", "0%"}, {"p32", "0%"}, {"p23", "100%"}, {"p14", "0%"}});
  }
  if (value.contains("every")) return "loss every " + text(value, "every");
  if (value.contains("pattern")) return "loss pattern " + text(value, "pattern");
  if (const Json& list = field(value, "list"); list.is_array()) {
    std::string out = "loss list";
    for (const Json& number : list) out.append(" ").append(text(number));
    return out;
  }
  return "loss " + text(value, "random") + correlation(value);
}

std::string loss(const Json& value) {
  return loss_model(value) + (is_true(value, "after_rate") ? " after_rate" : "") + own_words("loss", value) +
         (is_true(value, "ecn") ? " ecn" : "");
}

/// Those that are a percentage and its correlation.
std::string percentage(const char* impairment, const Json& value) {
  return std::string(impairment) + " " + text(value, "percent") + correlation(value) + own_words(impairment, value);
}

std::string slot(const Json& value) {
  std::string out = "slot";
  if (const std::string mean = text(value, "delay"); !mean.empty()) {
    const std::string shape = distribution(value), jitter = text(value, "jitter");
    out += (shape.empty() ? " distribution uniform" : shape) + " " + mean + " " + (jitter.empty() ? "0" : jitter);
  }
  for (const char* end : {"min", "max"}) {
    if (const std::string time = text(value, end); !time.empty()) out.append(" ").append(time);
  }
  for (const char* size : {"packets", "bytes"}) {
    if (const std::string most = text(value, size); !most.empty())
      out.append(" ").append(size).append(" ").append(most);
  }
  return out;
}

std::string rate(const Json& value) {
  const Json& cell = field(value, "cell");
  std::string out = "rate " + text(value, "rate");
  const std::string overhead = text(value, "overhead"), size = text(cell, "size"), header = text(cell, "overhead");
  if (!overhead.empty() || !size.empty()) out += " " + (overhead.empty() ? "0B" : overhead);
  if (!size.empty()) out += " " + size;
  if (!header.empty()) out += " " + header;
  if (const std::string burst = text(value, "burst"); !burst.empty()) out += " burst " + burst;
  return out;
}

std::string queue(const Json& value) {
  std::string out = "queue";
  Json parameters = value;
  for (const char* name : {"limit", "discipline"}) {
    if (const std::string word = text(value, name); !word.empty()) out.append(" ").append(word);
    parameters.erase(name);
  }
  return out + own_words("queue", parameters);
}

std::string trace(const Json& value) {
  if (const std::string file = text(value, "file"); !file.empty()) return "trace " + file;
  return "trace " + numbers(field(value, "ms"), "opportunities");
}

std::string mtu(const Json& value) {
  const Json& icmp = field(value, "icmp");
  return "mtu " + text(value, "bytes") + (icmp.is_boolean() && !icmp.get<bool>() ? " blackhole" : "");
}

std::string idle_timeout(const Json& value) {
  const std::string then = text(value, "then");
  return "idle_timeout " + text(value, "time") + (then.empty() ? "" : " " + then);
}

std::string outage(const Json& value) {
  return (is_true(value, "on") ? "outage on" : "outage") + own_words("outage", value);
}

std::string describe(const std::string& name, const Json& value) {
  if (!value.is_object()) return name + " " + text(value);
  if (name == "delay") return delay(value);
  if (name == "loss") return loss(value);
  if (name == "duplicate") return percentage("duplicate", value);
  if (name == "slot") return slot(value);
  if (name == "mtu") return mtu(value);
  if (name == "idle_timeout") return idle_timeout(value);
  if (name == "corrupt") return percentage("corrupt", value);
  if (name == "reorder") return percentage("reorder", value);
  if (name == "rate") return rate(value);
  if (name == "queue") return queue(value);
  if (name == "trace") return trace(value);
  if (name == "outage") return outage(value);
  return name + " " + text(value);
}

}  // namespace

std::vector<std::string> describe_conditions(const Json& conditions) {
  std::vector<std::string> out;
  if (!conditions.is_object()) return out;
  constexpr const char* kOrder[] = {"delay", "loss",  "duplicate", "corrupt", "reorder", "rate",
                                    "trace", "queue", "outage",    "slot",    "mtu",     "idle_timeout"};
  const auto is_known = [&](const std::string& name) {
    return std::find(std::begin(kOrder), std::end(kOrder), name) != std::end(kOrder);
  };
  for (const char* name : kOrder) {
    if (conditions.contains(name)) out.push_back(describe(name, conditions.at(name)));
  }
  for (const auto& [name, value] : conditions.items()) {
    if (!is_known(name)) out.push_back(describe(text(Json(name)), value));
  }
  return out;
}

std::vector<std::string> describe_scenario(const Json& link) {
  std::vector<std::string> lines;
  const Json& steps = field(link, "scenario");
  if (!steps.is_array()) return lines;
  for (const Json& step : steps) {
    std::string sides;
    const bool is_alike = step.contains("up") && step.contains("down") && step.at("up") == step.at("down");
    for (const char* direction : {"up", "down"}) {
      if (!step.contains(direction) || (is_alike && direction == std::string_view("down"))) continue;
      std::string words;
      for (const std::string& word : describe_conditions(step.at(direction)))
        words += (words.empty() ? "" : "; ") + word;
      sides.append(sides.empty() ? "" : " | ").append(is_alike ? "both" : direction).append(" ");
      sides += words.empty() ? "no impairment" : words;
    }
    lines.push_back(std::to_string(lines.size() + 1) + " of " + std::to_string(steps.size()) + ", " +
                    text(step, "for") + ": " + (sides.empty() ? "as above" : sides));
  }
  return lines;
}

}  // namespace wobble::daemon
