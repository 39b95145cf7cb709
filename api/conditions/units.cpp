#include "api/conditions/units.h"

#include <limits>
#include <optional>
#include <span>

#include "api/ascii.h"
#include "api/cut_text.h"

namespace wobble::api {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;  ///< in the quantity's own unit
};

constexpr Unit kTimes[] = {{"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000},
                           {"ms", 1'000'000},        {"us", 1'000},         {"ns", 1}};
constexpr Unit kRates[] = {{"gbit", 1'000'000'000}, {"mbit", 1'000'000}, {"kbit", 1'000}, {"bit", 1}};
constexpr Unit kSizes[] = {{"GB", 1'000'000'000}, {"MB", 1'000'000}, {"kB", 1'000},
                           {"MiB", 1 << 20},      {"KiB", 1 << 10},  {"B", 1}};
constexpr Unit kPercents[] = {{"%", 10'000'000}};  // parts per billion
constexpr Unit kFrequencies[] = {{"Hz", 1'000'000}};
constexpr Unit kPackets[] = {{"packets", 1}, {"packet", 1}};
constexpr Unit kMeanPackets[] = {{"packets", 1000}, {"packet", 1000}};

/// One kind of quantity: what its errors are made of.
struct Kind {
  std::string_view noun;     ///< "a time"
  std::string_view example;  ///< "80ms"
  std::string_view unit;     ///< for a number without one
  std::span<const Unit> units;
  std::string_view finest;  ///< what cannot be divided: "a nanosecond"
};

constexpr Kind kTime{"a time", "80ms", "ms", kTimes, "a nanosecond"};
constexpr Kind kRate{"a rate", "5mbit", "mbit", kRates, "a bit per second"};
constexpr Kind kSize{"a size", "64kB", "kB", kSizes, "a byte"};
constexpr Kind kPacketSize{"a size", "1400B", "B", kSizes, "a byte"};
constexpr Kind kPercent{"a percentage", "2%", "%", kPercents, "a billionth (0.0000001%)"};
constexpr Kind kFrequency{"a frequency", "0.125Hz", "Hz", kFrequencies, "a millionth of a hertz"};
constexpr Kind kCount{"a number of packets", "100packets", "packets", kPackets, "a packet"};
constexpr Kind kMean{"a number of packets", "5packets", "packets", kMeanPackets, "a thousandth of a packet"};

std::string quoted(std::string_view text) {
  std::string out = cut_text(text);
  for (char& c : out) c = (c >= 0 && c < ' ') || c == 0x7f ? '?' : c;
  return '"' + out + '"';
}

/// digits * 10^-places, exactly.
struct Decimal {
  std::uint64_t digits = 0;
  unsigned places = 0;
  std::string_view rest;  ///< what follows the number
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Nothing: no number, or more than 18 significant digits.
std::optional<Decimal> read_decimal(std::string_view text) {
  constexpr int kMostDigits = 18;
  Decimal d;
  std::size_t i = 0;
  int significant = 0;
  bool any = false;
  bool point = false;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(text[i])) break;
    any = true;
    if (point && text.find_first_not_of('0', i) == std::string_view::npos) continue;
    if (significant > 0 || text[i] != '0') ++significant;
    if (significant > kMostDigits || d.places >= kMostDigits) return std::nullopt;
    d.digits = d.digits * 10 + static_cast<std::uint64_t>(text[i] - '0');
    if (point) ++d.places;
  }
  if (!any) return std::nullopt;
  d.rest = text.substr(i);
  return d;
}

std::uint64_t power_of_ten(unsigned n) {
  std::uint64_t p = 1;
  while (n-- > 0) p *= 10;
  return p;
}

const Unit* find_unit(const Kind& kind, std::string_view name) {
  for (const Unit& unit : kind.units) {
    if (unit.name == name) return &unit;
  }
  return nullptr;
}

std::string names_of(const Kind& kind) {
  std::string out;
  for (const Unit& unit : kind.units) out += (out.empty() ? "" : " ") + std::string(unit.name);
  return out;
}

Parsed<std::uint64_t> quantity_error(std::string error) { return {0, std::move(error)}; }

/// `number` (its spelling) with `rest` (not a unit of this kind) behind it: why, and what to write.
std::string unit_error(const Kind& kind, std::string_view text, std::string_view spelled, std::string_view rest) {
  const std::string number = cut_text(spelled);
  if (rest.empty()) {
    return quoted(text) + " has no unit: write \"" + number + std::string(kind.unit) + "\"";
  }
  const std::size_t word = rest.find_first_not_of(" \t");
  if (word == std::string_view::npos) return quoted(text) + " ends in a space";
  if (word != 0 && find_unit(kind, rest.substr(word)) != nullptr) {
    return quoted(text) + ": no space before the unit, write \"" + number + std::string(rest.substr(word)) + "\"";
  }
  const std::string unit = lowered(rest);
  if (kind.units.data() == kRates && (unit == "bps" || unit == "kbps" || unit == "mbps" || unit == "gbps")) {
    const std::string prefix = unit.substr(0, unit.size() - 3);
    return quoted(text) + ": in tc, \"" + unit + "\" means " +
           (prefix.empty()     ? ""
            : prefix[0] == 'k' ? "kilo"
            : prefix[0] == 'm' ? "mega"
                               : "giga") +
           "bytes per second, elsewhere bits; write \"" + number + prefix + "bit\" for bits";
  }
  for (const Unit& known : kind.units) {
    if (lowered(known.name) == unit) {
      return quoted(text) + ": units of " + std::string(kind.noun) + " are spelled " + names_of(kind) + "; write \"" +
             number + std::string(known.name) + "\"";
    }
  }
  return quoted(text) + " is not " + std::string(kind.noun) + ": its unit is one of " + names_of(kind) + ", as in \"" +
         std::string(kind.example) + "\"";
}

Parsed<std::uint64_t> parse(const Kind& kind, std::string_view text) {
  const auto no_number = [&] {
    return quantity_error(quoted(text) + " is not " + std::string(kind.noun) + " such as \"" +
                          std::string(kind.example) + "\"");
  };
  if (text.empty()) return no_number();
  if (text[0] == '-') return quantity_error(quoted(text) + " is negative");
  const std::optional<Decimal> number = read_decimal(text);
  if (!number) {
    if (is_digit(text[0])) return quantity_error(quoted(text) + " has more digits than can be kept exactly");
    return no_number();
  }
  const std::string_view spelled = text.substr(0, text.size() - number->rest.size());
  const std::string name = kind.units.data() == kRates ? lowered(number->rest) : std::string(number->rest);
  const Unit* unit = find_unit(kind, name);
  if (unit == nullptr && !(number->rest.empty() && number->digits == 0)) {
    return quantity_error(unit_error(kind, text, spelled, number->rest));
  }
  const auto scaled = static_cast<unsigned __int128>(number->digits) * (unit != nullptr ? unit->factor : 1);
  const std::uint64_t divisor = power_of_ten(number->places);
  if (scaled % divisor != 0) return quantity_error(quoted(text) + " is finer than " + std::string(kind.finest));
  const auto value = scaled / divisor;
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return quantity_error(quoted(text) + " is too large");
  }
  return {static_cast<std::uint64_t>(value), {}};
}

/// `value / factor` as an exact decimal, if it has one (factor divides a power of ten, or divides the value).
std::string decimal(std::uint64_t value, std::uint64_t factor) {
  std::string out = std::to_string(value / factor);
  std::uint64_t remainder = value % factor;
  if (remainder == 0) return out;
  out += '.';
  while (remainder != 0) {
    const auto next = static_cast<unsigned __int128>(remainder) * 10;
    out += static_cast<char>('0' + static_cast<int>(next / factor));
    remainder = static_cast<std::uint64_t>(next % factor);
  }
  return out;
}

}  // namespace

Parsed<Duration> parse_duration(std::string_view text) {
  const auto parsed = parse(kTime, text);
  return {Duration(parsed.value), parsed.error};
}

std::string print_duration(Duration value) {
  const auto n = static_cast<std::uint64_t>(value.count() < 0 ? 0 : value.count());
  if (n == 0) return "0ms";
  for (const Unit& unit : kTimes) {
    const bool whole_only = unit.name == "h" || unit.name == "m";
    if (n < unit.factor || (whole_only && n % unit.factor != 0)) continue;
    return decimal(n, unit.factor) + std::string(unit.name);
  }
  return "0ms";
}

Parsed<std::uint64_t> parse_rate(std::string_view text) { return parse(kRate, text); }

std::string print_rate(std::uint64_t bits_per_second) {
  for (const Unit& unit : kRates) {
    if (bits_per_second >= unit.factor) return decimal(bits_per_second, unit.factor) + std::string(unit.name);
  }
  return "0bit";
}

Parsed<std::uint64_t> parse_size(std::string_view text) { return parse(kSize, text); }

Parsed<std::uint32_t> parse_mtu(std::string_view text) {
  const auto parsed = parse(kPacketSize, text);
  if (!parsed.ok()) return {0, parsed.error};
  if (parsed.value > std::numeric_limits<std::uint32_t>::max()) return {0, quoted(text) + " is too large"};
  return {static_cast<std::uint32_t>(parsed.value), {}};
}

std::string print_size(std::uint64_t bytes) {
  for (const Unit& unit : kSizes) {
    if (bytes != 0 && bytes % unit.factor == 0) return decimal(bytes, unit.factor) + std::string(unit.name);
  }
  return "0B";
}

Parsed<std::int32_t> parse_overhead(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  const auto size = parse(kPacketSize, is_negative ? text.substr(1) : text);
  if (!size.ok()) return {0, size.error};
  if (size.value > std::numeric_limits<std::int32_t>::max()) return {0, quoted(text) + " is too large"};
  const auto bytes = static_cast<std::int32_t>(size.value);
  return {is_negative ? -bytes : bytes, {}};
}

std::string print_overhead(std::int32_t bytes) {
  const auto size = static_cast<std::uint64_t>(bytes < 0 ? -std::int64_t{bytes} : bytes);
  return (bytes < 0 ? "-" : "") + print_size(size);
}

Parsed<std::uint32_t> parse_hertz(std::string_view text) {
  const auto parsed = parse(kFrequency, text);
  if (!parsed.ok()) return {0, parsed.error};
  if (parsed.value > std::numeric_limits<std::uint32_t>::max()) return {0, quoted(text) + " is too large"};
  return {static_cast<std::uint32_t>(parsed.value), {}};
}

std::string print_hertz(std::uint32_t millionths) { return decimal(millionths, 1'000'000) + "Hz"; }

Parsed<Probability> parse_percent(std::string_view text) {
  const auto parsed = parse(kPercent, text);
  if (!parsed.ok()) return {{}, parsed.error};
  if (parsed.value > Probability::kOne) return {{}, quoted(text) + " is more than 100%"};
  return {{static_cast<std::uint32_t>(parsed.value)}, {}};
}

std::string print_percent(Probability value) { return decimal(value.parts_per_billion, 10'000'000) + "%"; }

namespace {

/// "100packets", or nothing if `text` is of another kind.
std::optional<Parsed<std::uint64_t>> parse_packets(std::string_view text) {
  const std::size_t unit = text.find_first_not_of("0123456789.-");
  if (unit == std::string_view::npos || !text.substr(unit).starts_with("packet")) return std::nullopt;
  auto parsed = parse(kCount, text);
  if (parsed.ok() && parsed.value > std::numeric_limits<std::uint32_t>::max())
    parsed.error = quoted(text) + " is too large";
  return parsed;
}

bool has_unit_of(const Kind& kind, std::string_view text) {
  const std::size_t unit = text.find_first_not_of("0123456789.-");
  return unit != std::string_view::npos && find_unit(kind, text.substr(unit)) != nullptr;
}

std::string print_packets(std::uint32_t n) { return std::to_string(n) + (n == 1 ? "packet" : "packets"); }

}  // namespace

Parsed<std::uint32_t> parse_mean_packets(std::string_view text) {
  const auto parsed = parse(kMean, text);
  if (!parsed.ok()) return {0, parsed.error};
  if (parsed.value > std::numeric_limits<std::uint32_t>::max()) return {0, quoted(text) + " is too large"};
  return {static_cast<std::uint32_t>(parsed.value), {}};
}

std::string print_mean_packets(std::uint32_t thousandths) {
  return decimal(thousandths, 1000) + (thousandths == 1000 ? "packet" : "packets");
}

Parsed<QueueSettings> parse_limit(std::string_view text) {
  QueueSettings limit;
  std::string error;
  bool zero = false;
  if (const auto packets = parse_packets(text)) {
    limit.limit_packets = static_cast<std::uint32_t>(packets->value);
    error = packets->error;
    zero = packets->value == 0;
  } else if (has_unit_of(kTime, text)) {
    const auto time = parse_duration(text);
    limit.limit_time = time.value;
    error = time.error;
    zero = time.value.count() == 0;
  } else if (has_unit_of(kSize, text)) {
    const auto size = parse_size(text);
    limit.limit_bytes = size.value;
    error = size.error;
    zero = size.value == 0;
  } else if (const auto number = read_decimal(text); number && number->rest.empty()) {
    return {{}, quoted(text) + " has no unit: write \"" + cut_text(text) + "packets\", or a size or a time"};
  } else {
    return {{}, quoted(text) + " is not a limit such as \"100packets\", \"64kB\" or \"200ms\""};
  }
  if (error.empty() && zero) error = "a limit of 0 would let nothing through: use outage for that";
  return {limit, error};
}

std::string print_limit(const QueueSettings& limit) {
  if (limit.limit_packets != 0) return print_packets(limit.limit_packets);
  if (limit.limit_bytes != 0) return print_size(limit.limit_bytes);
  if (limit.limit_time.count() != 0) return print_duration(limit.limit_time);
  return {};
}

Parsed<ReorderBy> parse_reorder_by(std::string_view text) {
  ReorderBy by;
  if (const auto packets = parse_packets(text)) {
    by.packets = static_cast<std::uint32_t>(packets->value);
    if (!packets->ok()) return {{}, packets->error};
  } else if (has_unit_of(kTime, text)) {
    const auto time = parse_duration(text);
    if (!time.ok()) return {{}, time.error};
    by.time = time.value;
  } else if (const auto number = read_decimal(text); number && number->rest.empty()) {
    return {{}, quoted(text) + " has no unit: write \"" + cut_text(text) + "packets\" or \"" + cut_text(text) + "ms\""};
  } else {
    return {{}, quoted(text) + " is not a distance such as \"3packets\" or \"10ms\""};
  }
  if (by.packets == 0 && by.time.count() == 0) return {{}, "a packet moved back by 0 is not moved"};
  return {by, {}};
}

std::string print_reorder_by(const ReorderBy& by) {
  if (by.packets != 0) return print_packets(by.packets);
  if (by.time.count() != 0) return print_duration(by.time);
  return {};
}

}  // namespace wobble::api
