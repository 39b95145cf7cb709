#include <algorithm>

#include "api/conditions_json.h"
#include "api/nearest_name.h"
#include "api/netem_words.h"
#include "api/object_reader.h"
#include "api/units.h"

namespace wobble::api {
namespace {

using Errors = std::vector<FieldError>;

constexpr std::uint32_t kDefaultReorderPackets = 3;  // what TCP's fast retransmit takes for a loss (RFC 5681 3.2)

/// An impairment written as its main quantity alone. True if it was (rightly or wrongly).
template <typename T>
bool read_shorthand(const Json& value, const std::string& pointer, Parsed<T> (*parse)(std::string_view),
                    const char* example, T& out, Errors& errors) {
  if (value.is_object()) return false;
  const Parsed<std::string> text = quantity_text(value, example);
  const Parsed<T> parsed = text.ok() ? parse(text.value) : Parsed<T>{{}, text.error};
  if (parsed.ok()) {
    out = parsed.value;
  } else {
    errors.push_back({pointer, parsed.error});
  }
  return true;
}

void read(const Json& value, const std::string& pointer, DelaySettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_duration, "80ms", out.time, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("time", parse_duration, "80ms", out.time);
  reader.quantity("jitter", parse_duration, "10ms", out.jitter);
  reader.flag("reorder", out.reorder);
  if (const Json* name = reader.member("distribution")) {
    constexpr std::string_view kKnown[] = {"uniform", "normal"};
    if (*name == "normal") {
      out.distribution = Distribution::normal;
    } else if (*name != "uniform") {
      reader.error("distribution", name->is_string() ? unknown_name("distribution", name->get<std::string>(), kKnown)
                                                     : "\"uniform\" or \"normal\" is expected");
    }
  }
  reader.finish();
}

void read(const Json& value, const std::string& pointer, GilbertElliott& out, Errors& errors) {
  ObjectReader reader(value, pointer, errors);
  reader.quantity("p", parse_percent, "1%", out.p);
  if (!reader.quantity("r", parse_percent, "10%", out.r)) {
    out.r.parts_per_billion = Probability::kOne - out.p.parts_per_billion;  // as tc has it: no memory
  }
  reader.quantity("1-h", parse_percent, "100%", out.bad_loss);
  reader.quantity("1-k", parse_percent, "0%", out.good_loss);
  reader.finish();
}

void read(const Json& value, const std::string& pointer, LossSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_percent, "2%", out.random, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("random", parse_percent, "2%", out.random);
  if (const Json* model = reader.member("gilbert_elliott")) {
    read(*model, reader.pointer_to("gilbert_elliott"), out.gilbert_elliott.emplace(), errors);
  }
  reader.finish();
}

void read(const Json& value, const std::string& pointer, DuplicateSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_percent, "1%", out.probability, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("percent", parse_percent, "1%", out.probability);
  reader.finish();
}

void read(const Json& value, const std::string& pointer, CorruptSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_percent, "1%", out.probability, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("percent", parse_percent, "1%", out.probability);
  reader.integer("bits", out.bits);
  reader.flag("fix_checksum", out.fix_checksum);
  reader.finish();
}

void read(const Json& value, const std::string& pointer, ReorderSettings& out, Errors& errors) {
  ReorderBy by;
  if (!read_shorthand(value, pointer, parse_percent, "5%", out.probability, errors)) {
    ObjectReader reader(value, pointer, errors);
    reader.quantity("percent", parse_percent, "5%", out.probability);
    reader.quantity("by", parse_reorder_by, "3packets", by);
    reader.finish();
  }
  if (!out.probability.is_zero() && by.packets == 0 && by.time.count() == 0) by.packets = kDefaultReorderPackets;
  out.by_packets = by.packets;
  out.by_time = by.time;
}

void read(const Json& value, const std::string& pointer, QueueSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_limit, "100packets", out, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("limit", parse_limit, "100packets", out);
  reader.finish();
}

void read(const Json& value, const std::string& pointer, OutageSettings& out, Errors& errors) {
  if (value.is_boolean()) {
    out.on = value.get<bool>();
    return;
  }
  ObjectReader reader(value, pointer, errors);
  reader.flag("on", out.on);
  reader.quantity("up_for", parse_duration, "10s", out.up_for);
  reader.quantity("down_for", parse_duration, "1s", out.down_for);
  reader.flag("drop_in_flight", out.drop_in_flight);
  reader.finish();
}

template <typename Settings>
void read_member(ObjectReader& reader, const char* name, Settings& out, Errors& errors) {
  if (const Json* value = reader.member(name)) read(*value, reader.pointer_to(name), out, errors);
}

/// The impairments that netem's words name; with errors, none.
Json read_netem(const Json& direction, const std::string& pointer, Errors& errors) {
  const Json& words = direction.at("netem");
  if (!words.is_string()) {
    errors.push_back({pointer + "/netem", "netem's words are expected, such as \"delay 100ms 10ms loss 1%\""});
    return Json::object();
  }
  if (direction.size() > 1) {
    errors.push_back({pointer + "/netem", "\"netem\" stands in place of all other fields: send one or the others"});
  }
  const NetemWords netem = parse_netem_words(split_words(words.get<std::string>()));
  for (const std::string& error : netem.errors) errors.push_back({pointer + "/netem", error});
  return netem.direction;
}

bool is_netem(const Json& direction) { return direction.is_object() && direction.contains("netem"); }

/// What is read of "up" and "down" when "both" was sent is reported once, and where it was sent.
void report_as_both(Errors& errors) {
  Errors out;
  for (FieldError& error : errors) {
    for (const std::string_view side : {"/up", "/down"}) {
      if (error.pointer == side || error.pointer.starts_with(std::string(side) + "/")) {
        error.pointer = "/both" + error.pointer.substr(side.size());
      }
    }
    if (std::find(out.begin(), out.end(), error) == out.end()) out.push_back(std::move(error));
  }
  errors = std::move(out);
}

/// `pointer` or something above or below it is already reported.
bool is_reported(const Errors& errors, const std::string& pointer) {
  return std::any_of(errors.begin(), errors.end(), [&](const FieldError& e) {
    return e.pointer == pointer || e.pointer.starts_with(pointer + "/") || pointer.starts_with(e.pointer + "/");
  });
}

void append_unreported(Errors& errors, const Errors& more) {
  for (const FieldError& error : more) {
    if (!is_reported(errors, error.pointer)) errors.push_back(error);
  }
}

bool has_both(const Json& document) { return document.contains("both") && !document.at("both").is_null(); }

/// {"up", "down"} from a document that may say "both". Nothing else is looked at.
Json spread(const Json& document, Errors& errors) {
  Json out = Json::object();
  if (document.contains("both") && (document.contains("up") || document.contains("down"))) {
    errors.push_back({"/both", "\"both\" stands in place of \"up\" and \"down\": send one or the other"});
    return out;
  }
  for (const char* side : {"up", "down"}) {
    const char* source = document.contains("both") ? "both" : side;
    if (document.contains(source)) out[side] = document.at(source);
  }
  return out;
}

LinkConditions read_spread(const Json& sides, Errors& errors) {
  LinkConditions out;
  if (sides.contains("up") && !sides.at("up").is_null()) out.up = read_direction(sides.at("up"), "/up", errors);
  if (sides.contains("down") && !sides.at("down").is_null()) {
    out.down = read_direction(sides.at("down"), "/down", errors);
  }
  return out;
}

/// To name one of two settings that exclude each other takes back the other.
void take_back_the_other(const std::string& impairment, const Json& patch, Json& target) {
  const auto names = [&](const char* name) { return patch.contains(name) && !patch.at(name).is_null(); };
  if (impairment == "loss") {
    if (names("random") && !patch.contains("gilbert_elliott")) target.erase("gilbert_elliott");
    if (names("gilbert_elliott") && !patch.contains("random")) target.erase("random");
  } else if (impairment == "outage") {
    const bool turns_on = names("on") && patch.at("on") == true;
    if (turns_on && !patch.contains("up_for") && !patch.contains("down_for")) {
      target.erase("up_for");
      target.erase("down_for");
    }
    if ((names("up_for") || names("down_for")) && !patch.contains("on")) target.erase("on");
  }
}

void merge_direction(Json& target, const Json& patch, Errors& errors) {
  if (patch.is_null()) {
    target = Json::object();
  } else if (is_netem(patch)) {
    target.update(read_netem(patch, "", errors));
  } else if (patch.is_object()) {
    for (const auto& [impairment, value] : patch.items()) {
      if (value.is_object() && target.contains(impairment) && target.at(impairment).is_object()) {
        take_back_the_other(impairment, value, target.at(impairment));
      }
    }
    target.merge_patch(patch);
  }
}

}  // namespace

DirectionConditions read_direction(const Json& value, const std::string& pointer, Errors& errors) {
  DirectionConditions out;
  if (is_netem(value)) {
    const Json direction = read_netem(value, pointer, errors);
    return read_direction(direction, pointer + "/netem", errors);
  }
  ObjectReader reader(value, pointer, errors);
  read_member(reader, "delay", out.delay, errors);
  read_member(reader, "loss", out.loss, errors);
  read_member(reader, "duplicate", out.duplicate, errors);
  read_member(reader, "corrupt", out.corrupt, errors);
  read_member(reader, "reorder", out.reorder, errors);
  reader.quantity("rate", parse_rate, "5mbit", out.rate);
  read_member(reader, "queue", out.queue, errors);
  read_member(reader, "outage", out.outage, errors);
  reader.finish();
  return out;
}

LinkConditions read_conditions(const Json& document, Errors& errors) {
  Errors found;
  const LinkConditions conditions = read_spread(spread(document, found), found);
  append_unreported(found, validate(conditions));
  if (has_both(document)) report_as_both(found);
  errors.insert(errors.end(), found.begin(), found.end());
  return conditions;
}

LinkConditions merge_conditions(const LinkConditions& present, const Json& patch, Errors& errors) {
  Errors found;
  const Json sides = spread(patch, found);
  read_spread(sides, found);  // for what is wrong in the patch itself, even if merging would hide it
  Json merged = to_json(present);
  Errors repeated;
  for (const auto& [side, value] : sides.items()) merge_direction(merged.at(side), value, repeated);
  const LinkConditions conditions = read_spread(merged, repeated);
  append_unreported(found, validate(conditions));
  if (has_both(patch)) report_as_both(found);
  errors.insert(errors.end(), found.begin(), found.end());
  return conditions;
}

}  // namespace wobble::api
