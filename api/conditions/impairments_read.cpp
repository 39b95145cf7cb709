#include "api/conditions/impairments_read.h"

#include <algorithm>
#include <optional>

#include "api/conditions/file_json.h"
#include "api/conditions/object_reader.h"
#include "api/conditions/shorthand.h"
#include "api/conditions/units.h"
#include "api/nearest_name.h"

namespace wobble::api {
namespace {

using Errors = Reading;

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
    } else if (errors.is_full()) {
      errors.count_one();
    } else {
      errors.push_back({pointer + "/" + std::to_string(i), "a packet number from 1 is expected"});
    }
  }
}

/// One of a few names, in the order of the enumeration's values. False, with an error, if it is another.
template <typename Enum>
bool read_name(ObjectReader& reader, const char* member, const Json& name, std::span<const std::string_view> known,
               const char* expected, Enum& out) {
  const auto found = name.is_string() ? std::find(known.begin(), known.end(), name.get<std::string>()) : known.end();
  if (found == known.end()) {
    reader.error(member, name.is_string() ? unknown_name(member, name.get<std::string>(), known) : expected);
    return false;
  }
  out = static_cast<Enum>(found - known.begin());
  return true;
}

void read_memory(ObjectReader& reader, Probability* correlation, Scope& per) {
  if (correlation != nullptr) reader.quantity("correlation", parse_percent, "25%", *correlation);
  constexpr std::string_view kScopes[] = {"link", "connection"};
  if (const Json* name = reader.member("per")) {
    read_name(reader, "per", *name, kScopes, "\"link\" or \"connection\" is expected", per);
  }
}

void read_table(const Json& value, const std::string& pointer, JitterTable& out, Errors& errors) {
  constexpr auto kIsInRange = [](const Json& number) {
    return number.is_number_integer() && number >= -32768 && number <= 32767;
  };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), kIsInRange)) {
    errors.push_back({pointer, "a list of whole numbers from -32768 to 32767 is expected, in 8192ths of the jitter"});
    return;
  }
  out = JitterTable(value.get<std::vector<std::int16_t>>());
}

template <typename Settings>
void read_own_distribution(const Json& value, const std::string& pointer, Settings& out, Errors& errors) {
  ObjectReader reader(value, pointer, errors);
  out.distribution = Distribution::table;
  const Json* table = reader.member("table");
  const Json* file = reader.member("file");
  if (table != nullptr && file != nullptr) {
    reader.error("file", "either a file or a table, not both");
  } else if (table != nullptr) {
    read_table(*table, reader.pointer_to("table"), out.table, errors);
  }
  FileTable read = read_file_table(reader, table == nullptr ? file : nullptr, errors);
  if (table == nullptr) out.table = {std::move(read.numbers), std::move(read.file)};
  reader.finish();
}

/// Of a delay, or of the waits for slots.
template <typename Settings>
void read_distribution(ObjectReader& reader, Settings& out, Errors& errors) {
  const Json* name = reader.member("distribution");
  if (name == nullptr) return;
  if (name->is_object()) return read_own_distribution(*name, reader.pointer_to("distribution"), out, errors);
  constexpr std::string_view kKnown[] = {"uniform", "normal", "pareto", "paretonormal"};
  read_name(reader, "distribution", *name, kKnown,
            "\"uniform\", \"normal\", \"pareto\", \"paretonormal\" or {\"file\": \"/path/x.dist\"} is expected",
            out.distribution);
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
  read_distribution(reader, out, errors);
  read_memory(reader, &out.correlation, out.per);
  reader.finish();
}

void read_impairment(const Json& value, const std::string& pointer, LossSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_percent, "2%", out.random, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("random", parse_percent, "2%", out.random);
  read_memory(reader, &out.correlation, out.per);
  read_model_member(reader, "burst", out.burst, errors);
  read_model_member(reader, "gilbert_elliott", out.gilbert_elliott, errors);
  read_model_member(reader, "markov", out.markov, errors);
  reader.integer("every", out.every);
  reader.flag("after_rate", out.after_rate);
  reader.flag("ecn", out.ecn);
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
  read_memory(reader, &out.correlation, out.per);
  reader.finish();
}

void read_impairment(const Json& value, const std::string& pointer, CorruptSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_percent, "1%", out.probability, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("percent", parse_percent, "1%", out.probability);
  reader.integer("bits", out.bits);
  reader.flag("fix_checksum", out.fix_checksum);
  read_memory(reader, &out.correlation, out.per);
  reader.finish();
}

void read_impairment(const Json& value, const std::string& pointer, ReorderSettings& out, Errors& errors) {
  ReorderBy by;
  if (!read_shorthand(value, pointer, parse_percent, "5%", out.probability, errors)) {
    ObjectReader reader(value, pointer, errors);
    reader.quantity("percent", parse_percent, "5%", out.probability);
    reader.quantity("by", parse_reorder_by, "3packets", by);
    reader.integer("gap", out.gap);
    read_memory(reader, &out.correlation, out.per);
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

void read_impairment(const Json& value, const std::string& pointer, SlotSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_duration, "10ms", out.min, errors)) {
    out.max = out.min;
    return;
  }
  ObjectReader reader(value, pointer, errors);
  reader.quantity("min", parse_duration, "5ms", out.min);
  if (!reader.quantity("max", parse_duration, "20ms", out.max)) out.max = out.min;
  reader.quantity("delay", parse_duration, "10ms", out.delay);
  reader.quantity("jitter", parse_duration, "2ms", out.jitter);
  read_distribution(reader, out, errors);
  reader.integer("packets", out.packets);
  reader.quantity("bytes", parse_size, "64kB", out.bytes);
  reader.finish();
}

void read_impairment(const Json& value, const std::string& pointer, MtuSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_mtu, "1400B", out.bytes, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("bytes", parse_mtu, "1400B", out.bytes);
  reader.flag("icmp", out.icmp);
  reader.finish();
}

void read_impairment(const Json& value, const std::string& pointer, IdleTimeoutSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_duration, "5m", out.time, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("time", parse_duration, "5m", out.time);
  constexpr std::string_view kActions[] = {"drop", "reset"};
  if (const Json* name = reader.member("then")) {
    read_name(reader, "then", *name, kActions, "\"drop\" or \"reset\" is expected", out.then);
  }
  reader.finish();
}

}  // namespace wobble::api
