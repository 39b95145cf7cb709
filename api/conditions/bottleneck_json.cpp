#include "api/conditions/bottleneck_json.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "api/conditions/file_json.h"
#include "api/conditions/object_reader.h"
#include "api/conditions/shorthand.h"
#include "api/conditions/units.h"
#include "api/nearest_name.h"

namespace wobble::api {
namespace {

using Errors = Reading;

/// A size that is kept in 32 bits.
Parsed<std::uint32_t> parse_small_size(std::string_view text) {
  const auto size = parse_size(text);
  if (size.ok() && size.value > std::numeric_limits<std::uint32_t>::max()) return {0, "is too large"};
  return {static_cast<std::uint32_t>(size.value), size.error};
}

template <typename T>
void optional_quantity(ObjectReader& reader, const char* name, Parsed<T> (*parse)(std::string_view),
                       const char* example, std::optional<T>& out) {
  T value{};
  if (reader.quantity(name, parse, example, value)) out = value;
}

void read_cell(const Json& value, const std::string& pointer, RateSettings& out, Errors& errors) {
  ObjectReader reader(value, pointer, errors);
  reader.quantity("size", parse_small_size, "48B", out.cell_size);
  reader.quantity("overhead", parse_small_size, "5B", out.cell_overhead);
  reader.finish();
}

void read_discipline(ObjectReader& reader, Discipline& out) {
  const Json* value = reader.member("discipline");
  if (value == nullptr) return;
  const std::string name = value->is_string() ? value->get<std::string>() : "";
  const auto* found = std::find(std::begin(kDisciplines), std::end(kDisciplines), name);
  if (found != std::end(kDisciplines)) {
    out = static_cast<Discipline>(found - std::begin(kDisciplines));
  } else {
    reader.error("discipline", value->is_string() ? unknown_name("discipline", name, kDisciplines)
                                                  : "the name of a discipline such as \"codel\" is expected");
  }
}

void read_moments(const Json& value, const std::string& pointer, TraceSettings& out, Errors& errors) {
  if (!value.is_array()) {
    errors.push_back({pointer, "a list of milliseconds such as [0, 4, 4, 12] is expected"});
    return;
  }
  std::vector<std::uint32_t> moments;
  moments.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i].is_number_unsigned() && value[i].get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max()) {
      moments.push_back(value[i].get<std::uint32_t>());
    } else if (errors.is_full()) {
      errors.count_one();
    } else {
      errors.push_back({pointer + "/" + std::to_string(i), "a whole number of milliseconds is expected"});
    }
  }
  out.ms = std::make_shared<const std::vector<std::uint32_t>>(std::move(moments));
}

/// A trace written as its path alone.
void read_path(const Json& value, const std::string& pointer, TraceSettings& out, Errors& errors) {
  if (!value.is_string()) {
    errors.push_back({pointer, "the path of a trace in mahimahi's format is expected"});
    return;
  }
  Parsed<FileTrace> read = errors.trace(value.get<std::string>(), "");
  if (!read.ok()) errors.push_back({pointer, read.error});
  out = {std::move(read.value.numbers), {value.get<std::string>(), read.value.file.sha256}};
}

template <typename T, typename Print>
void put(Json& out, const char* name, const std::optional<T>& value, Print print) {
  if (value) out[name] = print(*value);
}

}  // namespace

void read_impairment(const Json& value, const std::string& pointer, RateSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_rate, "5mbit", out.bits_per_second, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("rate", parse_rate, "5mbit", out.bits_per_second);
  reader.quantity("burst", parse_size, "32kB", out.burst);
  reader.quantity("overhead", parse_overhead, "38B", out.overhead);
  if (const Json* cell = reader.member("cell")) read_cell(*cell, reader.pointer_to("cell"), out, errors);
  reader.finish();
}

void read_impairment(const Json& value, const std::string& pointer, TraceSettings& out, Errors& errors) {
  if (!value.is_object()) return read_path(value, pointer, out, errors);
  ObjectReader reader(value, pointer, errors);
  const Json* file = reader.member("file");
  const Json* moments = reader.member("ms");
  if (file != nullptr && moments != nullptr) reader.error("ms", "is what the file has: give one of them");
  FileTrace read = read_file_trace(reader, file, errors);
  if (file != nullptr) {
    out = {std::move(read.numbers), std::move(read.file)};
  } else if (moments != nullptr) {
    read_moments(*moments, reader.pointer_to("ms"), out, errors);
  }
  reader.finish();
}

void read_impairment(const Json& value, const std::string& pointer, QueueSettings& out, Errors& errors) {
  if (read_shorthand(value, pointer, parse_limit, "100packets", out, errors)) return;
  ObjectReader reader(value, pointer, errors);
  reader.quantity("limit", parse_limit, "100packets", out);
  read_discipline(reader, out.discipline);
  reader.flag("ecn", out.ecn);
  optional_quantity(reader, "target", parse_duration, "5ms", out.target);
  optional_quantity(reader, "interval", parse_duration, "100ms", out.interval);
  optional_quantity(reader, "tupdate", parse_duration, "15ms", out.tupdate);
  optional_quantity(reader, "alpha", parse_hertz, "0.125Hz", out.alpha);
  optional_quantity(reader, "beta", parse_hertz, "1.25Hz", out.beta);
  optional_quantity(reader, "max_burst", parse_duration, "150ms", out.max_burst);
  optional_quantity(reader, "min", parse_size, "30kB", out.min);
  optional_quantity(reader, "max", parse_size, "90kB", out.max);
  optional_quantity(reader, "probability", parse_percent, "2%", out.probability);
  optional_quantity(reader, "avpkt", parse_small_size, "1000B", out.avpkt);
  reader.flag("gentle", out.gentle);
  if (std::uint32_t flows = 0; reader.integer("flows", flows)) out.flows = flows;
  optional_quantity(reader, "quantum", parse_small_size, "1514B", out.quantum);
  reader.finish();
}

Json write(const RateSettings& s) {
  const std::string rate = print_rate(s.bits_per_second);
  if (s == RateSettings(s.bits_per_second)) return rate;
  Json out = {{"rate", rate}};
  if (s.burst != 0) out["burst"] = print_size(s.burst);
  if (s.overhead != 0) out["overhead"] = print_overhead(s.overhead);
  if (s.cell_size != 0) out["cell"]["size"] = print_size(s.cell_size);
  if (s.cell_overhead != 0) out["cell"]["overhead"] = print_size(s.cell_overhead);
  return out;
}

Json write(const TraceSettings& s) {
  Json out = Json::object();
  if (!s.file.empty()) {
    write_file(out, s.file, s.ms ? s.ms->size() : 0);
  } else if (s.ms) {
    out["ms"] = *s.ms;
  }
  return out;
}

Json write(const QueueSettings& s) {
  Json out = Json::object();
  if (const std::string limit = print_limit(s); !limit.empty()) out["limit"] = limit;
  if (s.discipline != Discipline::droptail) out["discipline"] = kDisciplines[static_cast<std::size_t>(s.discipline)];
  if (s.ecn) out["ecn"] = true;
  put(out, "target", s.target, print_duration);
  put(out, "interval", s.interval, print_duration);
  put(out, "tupdate", s.tupdate, print_duration);
  put(out, "alpha", s.alpha, print_hertz);
  put(out, "beta", s.beta, print_hertz);
  put(out, "max_burst", s.max_burst, print_duration);
  put(out, "min", s.min, print_size);
  put(out, "max", s.max, print_size);
  put(out, "probability", s.probability, print_percent);
  put(out, "avpkt", s.avpkt, print_size);
  if (s.gentle) out["gentle"] = true;
  if (s.flows) out["flows"] = *s.flows;
  put(out, "quantum", s.quantum, print_size);
  return out;
}

}  // namespace wobble::api
