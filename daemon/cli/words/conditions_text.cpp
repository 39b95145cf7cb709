#include "daemon/cli/words/conditions_text.h"

#include <algorithm>

namespace wobble::daemon {
namespace {

/// What netem has no words for stands in brackets.
std::string in_brackets(const std::vector<std::string>& remarks) {
  std::string out;
  for (const std::string& remark : remarks) out.append(out.empty() ? " (" : ", ").append(remark);
  return out.empty() ? out : out + ")";
}

void remark_scope(const Json& value, std::vector<std::string>& remarks) {
  if (text(value, "per") == "connection") remarks.emplace_back("each connection");
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
  return table.is_array() ? " distribution of " + std::to_string(table.size()) + " values" : "";
}

std::string delay(const Json& value) {
  std::string out = "delay " + text(value, "time");
  if (const std::string jitter = text(value, "jitter"); !jitter.empty()) out.append(" ").append(jitter);
  out += correlation(value) + distribution(value);
  std::vector<std::string> remarks;
  if (is_true(value, "reorder")) remarks.emplace_back("may reorder");
  remark_scope(value, remarks);
  return out + in_brackets(remarks);
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
  std::vector<std::string> remarks;
  remark_scope(value, remarks);
  return loss_model(value) + in_brackets(remarks);
}

std::string duplicate(const Json& value) {
  std::vector<std::string> remarks;
  remark_scope(value, remarks);
  return "duplicate " + text(value, "percent") + correlation(value) + in_brackets(remarks);
}

std::string corrupt(const Json& value) {
  std::vector<std::string> remarks;
  if (const std::string bits = text(value, "bits"); !bits.empty()) remarks.push_back(bits + " bits");
  if (is_true(value, "fix_checksum")) remarks.emplace_back("checksum made right");
  remark_scope(value, remarks);
  return "corrupt " + text(value, "percent") + correlation(value) + in_brackets(remarks);
}

std::string reorder(const Json& value) {
  std::string out = "reorder " + text(value, "percent") + correlation(value);
  if (const std::string gap = text(value, "gap"); !gap.empty()) out += " gap " + gap;
  if (const std::string by = text(value, "by"); !by.empty()) out += " by " + by;
  std::vector<std::string> remarks;
  remark_scope(value, remarks);
  return out + in_brackets(remarks);
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
  constexpr const char* kBare[] = {"limit", "discipline"};
  for (const char* name : kBare) {
    if (const std::string word = text(value, name); !word.empty()) out.append(" ").append(word);
  }
  if (is_true(value, "ecn")) out += " ecn";
  if (is_true(value, "gentle")) out += " gentle";
  for (const auto& [name, parameter] : value.items()) {
    if (name == "limit" || name == "discipline" || name == "ecn" || name == "gentle") continue;
    out.append(" ").append(text(Json(name))).append(" ").append(text(parameter));
  }
  return out;
}

std::string trace(const Json& value) {
  if (const std::string file = text(value, "file"); !file.empty()) return "trace " + file;
  return "trace of " + std::to_string(field(value, "ms").size()) + " opportunities";
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
  std::string out = "outage";
  if (is_true(value, "on")) out += " on";
  if (const std::string up = text(value, "up_for"); !up.empty()) {
    out.append(" for ").append(text(value, "down_for")).append(" after each ").append(up);
  }
  return is_true(value, "drop_in_flight") ? out + " (what is in flight too)" : out;
}

std::string loss_and_place(const Json& value) {
  return loss(value) + (is_true(value, "after_rate") ? " after_rate" : "") + (is_true(value, "ecn") ? " ecn" : "");
}

std::string describe(const std::string& name, const Json& value) {
  if (!value.is_object()) return name + " " + text(value);
  if (name == "delay") return delay(value);
  if (name == "loss") return loss_and_place(value);
  if (name == "duplicate") return duplicate(value);
  if (name == "slot") return slot(value);
  if (name == "mtu") return mtu(value);
  if (name == "idle_timeout") return idle_timeout(value);
  if (name == "corrupt") return corrupt(value);
  if (name == "reorder") return reorder(value);
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
