#include "api/impairments_read.h"

#include <optional>

#include "api/nearest_name.h"
#include "api/object_reader.h"
#include "api/shorthand.h"
#include "api/units.h"

namespace wobble::api {
namespace {

using Errors = std::vector<FieldError>;

constexpr std::uint32_t kDefaultReorderPackets = 3;  // what TCP's fast retransmit takes for a loss (RFC 5681 3.2)

void read_model(const Json& value, const std::string& pointer, GilbertElliott& out, Errors& errors) {
  ObjectReader reader(value, pointer, errors);
  reader.quantity("p", parse_percent, "1%", out.p);
  if (!reader.quantity("r", parse_percent, "10%", out.r)) {
    out.r.parts_per_billion = Probability::kOne - out.p.parts_per_billion;  // as tc has it: no memory
  }
  reader.quantity("1-h", parse_percent, "100%", out.bad_loss);
  reader.quantity("1-k", parse_percent, "0%", out.good_loss);
  reader.finish();
}

void read_model(const Json& value, const std::string& pointer, BurstLoss& out, Errors& errors) {
  ObjectReader reader(value, pointer, errors);
  reader.quantity("percent", parse_percent, "1%", out.loss);
  reader.quantity("length", parse_mean_packets, "5packets", out.length_thousandths);
  reader.finish();
}

void read_model(const Json& value, const std::string& pointer, MarkovLoss& out, Errors& errors) {
  ObjectReader reader(value, pointer, errors);
  reader.quantity("p13", parse_percent, "1%", out.p13);
  if (!reader.quantity("p31", parse_percent, "10%", out.p31)) {
    out.p31.parts_per_billion = Probability::kOne - out.p13.parts_per_billion;  // as tc has it
  }
  reader.quantity("p32", parse_percent, "0%", out.p32);
  reader.quantity("p23", parse_percent, "100%", out.p23);
  reader.quantity("p14", parse_percent, "0%", out.p14);
  reader.finish();
}

void read_list(const Json& value, const std::string& pointer, std::vector<std::uint64_t>& out, Errors& errors) {
  if (!value.is_array()) {
    errors.push_back({pointer, "a list of packet numbers such as [3, 7] is expected"});
    return;
  }
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i].is_number_unsigned()) {
      out.push_back(value[i].get<std::uint64_t>());
    } else {
      errors.push_back({pointer + "/" + std::to_string(i), "a packet number from 1 is expected"});
    }
  }
}

template <typename Model>
void read_model_member(ObjectReader& reader, const char* name, std::optional<Model>& out, Errors& errors) {
  if (const Json* model = reader.member(name)) read_model(*model, reader.pointer_to(name), out.emplace(), errors);
}

}  // namespace

void read_impairment(const Json& value, const std::string& pointer, DelaySettings& out, Errors& errors) {
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

void read_impairment(const Json& value, const std::string& pointer, LossSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_percent, "2%", out.random, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("random", parse_percent, "2%", out.random);
  reader.quantity("correlation", parse_percent, "25%", out.correlation);
  read_model_member(reader, "burst", out.burst, errors);
  read_model_member(reader, "gilbert_elliott", out.gilbert_elliott, errors);
  read_model_member(reader, "markov", out.markov, errors);
  reader.integer("every", out.every);
  reader.flag("after_rate", out.after_rate);
  if (const Json* list = reader.member("list")) read_list(*list, reader.pointer_to("list"), out.list, errors);
  if (const Json* pattern = reader.member("pattern")) {
    if (pattern->is_string()) {
      out.pattern = pattern->get<std::string>();
    } else {
      reader.error("pattern", "a string of . (received) and x (lost) is expected, such as \"...x\"");
    }
  }
  reader.finish();
}

void read_impairment(const Json& value, const std::string& pointer, DuplicateSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_percent, "1%", out.probability, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("percent", parse_percent, "1%", out.probability);
  reader.finish();
}

void read_impairment(const Json& value, const std::string& pointer, CorruptSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_percent, "1%", out.probability, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("percent", parse_percent, "1%", out.probability);
  reader.integer("bits", out.bits);
  reader.flag("fix_checksum", out.fix_checksum);
  reader.finish();
}

void read_impairment(const Json& value, const std::string& pointer, ReorderSettings& out, Errors& errors) {
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

void read_impairment(const Json& value, const std::string& pointer, OutageSettings& out, Errors& errors) {
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

}  // namespace wobble::api
