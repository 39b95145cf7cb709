#include "daemon/cli/conditions_text.h"

namespace wobble::daemon {
namespace {

std::string delay(const Json& value) {
  std::string out = "delay " + text(value, "time");
  if (const std::string jitter = text(value, "jitter"); !jitter.empty()) out.append(" ").append(jitter);
  if (const std::string shape = text(value, "distribution"); !shape.empty()) out += " distribution " + shape;
  if (is_true(value, "reorder")) out += ", may reorder";
  return out;
}

std::string loss(const Json& value) {
  const Json& model = field(value, "gilbert_elliott");
  if (!model.is_object()) return "loss " + text(value, "random");
  std::string out = "loss gemodel";
  for (const char* key : {"p", "r", "1-h", "1-k"}) {
    const std::string part = text(model, key);
    if (!part.empty()) out += " " + part;
  }
  return out;
}

std::string corrupt(const Json& value) {
  std::string out = "corrupt " + text(value, "percent");
  if (const std::string bits = text(value, "bits"); !bits.empty()) out += ", " + bits + " bits";
  if (is_true(value, "fix_checksum")) out += ", checksum made right";
  return out;
}

std::string reorder(const Json& value) {
  std::string out = "reorder " + text(value, "percent");
  if (const std::string by = text(value, "by"); !by.empty()) out += " by " + by;
  return out;
}

std::string outage(const Json& value) {
  std::string out = "outage";
  if (is_true(value, "on")) out += " now";
  if (const std::string up = text(value, "up_for"); !up.empty()) {
    out.append(" ").append(text(value, "down_for")).append(" after each ").append(up);
  }
  if (is_true(value, "drop_in_flight")) out += ", in flight too";
  return out;
}

std::string describe(const std::string& name, const Json& value) {
  if (!value.is_object()) return name + " " + text(value);
  if (name == "delay") return delay(value);
  if (name == "loss") return loss(value);
  if (name == "duplicate") return "duplicate " + text(value, "percent");
  if (name == "corrupt") return corrupt(value);
  if (name == "reorder") return reorder(value);
  if (name == "queue") return "queue " + text(value, "limit");
  if (name == "outage") return outage(value);
  return name + " " + text(value);
}

}  // namespace

std::vector<std::string> describe_conditions(const Json& conditions) {
  std::vector<std::string> out;
  if (!conditions.is_object()) return out;
  for (const auto& [name, value] : conditions.items()) out.push_back(describe(text(Json(name)), value));
  return out;
}

}  // namespace wobble::daemon
