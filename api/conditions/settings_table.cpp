#include "api/conditions/settings_table.h"

#include "api/conditions/bottleneck_table.h"
#include "api/conditions/common_settings.h"
#include "api/conditions/conditions_check.h"
#include "api/conditions/file_json.h"
#include "api/conditions/loss_table.h"

namespace wobble::api {
namespace {

constexpr Range kDelays{0, in_nanoseconds(kMaxDelay)};

// ------------------------------------------------------------------------------------------------------- distribution

void read_table(const Json& value, const std::string& pointer, JitterTable& out, Reading& reading) {
  constexpr auto kIsInRange = [](const Json& number) {
    return number.is_number_integer() && number >= -32768 && number <= 32767;
  };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), kIsInRange)) {
    return reading.push_back(
        {pointer, "a list of whole numbers from -32768 to 32767 is expected, in 8192ths of the jitter"});
  }
  out = JitterTable(value.get<std::vector<std::int16_t>>());
}

void read_own_distribution(const Json& value, const std::string& pointer, JitterTable& out, Reading& reading) {
  ObjectReader reader(value, pointer, reading);
  const Json* table = reader.member("table");
  const Json* file = reader.member("file");
  if (table != nullptr && file != nullptr) {
    reader.error("file", "either a file or a table, not both");
  } else if (table != nullptr) {
    read_table(*table, reader.pointer_to("table"), out, reading);
  }
  FileTable read = read_file_table(reader, table == nullptr ? file : nullptr, reading);
  if (table == nullptr) out = {std::move(read.numbers), std::move(read.file)};
  reader.finish();
}

Json write_table(const JitterTable& table) {
  Json out = Json::object();
  if (table.file.empty()) {
    out["table"] = table.values ? *table.values : std::vector<std::int16_t>{};
  } else {
    write_file(out, table.file, table.size());
  }
  return out;
}

constexpr std::string_view kDistributions[] = {"uniform", "normal", "pareto", "paretonormal"};
static_assert(std::size(kDistributions) == static_cast<std::size_t>(Distribution::table));

/// Of a delay, or of the waits for slots: a name, or a table of one's own, which does not mix with what was before.
template <typename Settings>
constexpr Setting distribution(std::string_view alternative = {}) {
  Setting setting{.name = "distribution",
                  .help = "how jitter is spread",
                  .alternative = alternative,
                  .choices = kDistributions,
                  .longest = kMaxTable,
                  .kind = Kind::distribution};
  setting.reset = [](void* owner) {
    static_cast<Settings*>(owner)->distribution = Distribution::uniform;
    static_cast<Settings*>(owner)->table = {};
  };
  setting.is_default = [](const void* owner) {
    return static_cast<const Settings*>(owner)->distribution == Distribution::uniform;
  };
  setting.read = [](const Setting& s, const Json& value, const std::string& pointer, void* owner, Reading& reading) {
    auto& out = *static_cast<Settings*>(owner);
    s.reset(owner);
    if (value.is_object()) {
      out.distribution = Distribution::table;
      read_own_distribution(value, pointer, out.table, reading);
    } else if (value.is_string()) {
      if (const auto read = read_choice(s, value, pointer, reading))
        out.distribution = static_cast<Distribution>(*read);
    } else {
      reading.push_back(
          {pointer, R"("uniform", "normal", "pareto", "paretonormal" or {"file": "/path/x.dist"} is expected)"});
    }
  };
  setting.write = [](const Setting& s, const void* owner) -> Json {
    const auto& settings = *static_cast<const Settings*>(owner);
    if (settings.distribution == Distribution::uniform) return {};
    if (settings.distribution == Distribution::table) return write_table(settings.table);
    return s.choices[static_cast<std::size_t>(settings.distribution)];
  };
  return setting;
}

constexpr Setting kDelayMembers[] = {
    in<InTime, &DelaySettings::time>(
        {.name = "time", .example = "80ms", .range = kDelays, .help = "one way", .is_always_written = true}),
    in<InTime, &DelaySettings::jitter>({.name = "jitter",
                                        .example = "10ms",
                                        .range = kDelays,
                                        .help = "its standard deviation; of uniform, the most"}),
    correlation<&DelaySettings::correlation>("lag-1, of the jitter; its distribution stays"),
    distribution<DelaySettings>(),
    flag<&DelaySettings::reorder>({.name = "reorder", .help = "may jitter change the order?", .word = "reordering"}),
    per<&DelaySettings::per>(),
};

// ------------------------------------------------------------------------------------- duplicate, corrupt and reorder

constexpr Setting kDuplicateMembers[] = {
    chance<&DuplicateSettings::probability>("percent", "1%"),
    correlation<&DuplicateSettings::correlation>("lag-1; the mean stays percent"),
    per<&DuplicateSettings::per>(),
};
constexpr Setting kCorruptMembers[] = {
    chance<&CorruptSettings::probability>("percent", "1%"),
    correlation<&CorruptSettings::correlation>("lag-1; the mean stays percent"),
    count<&CorruptSettings::bits>(
        {.name = "bits", .example = "1", .range = Range{1, 64}, .help = "that are flipped", .word = "bits"}),
    flag<&CorruptSettings::fix_checksum>(
        {.name = "fix_checksum", .help = "the application reads the damage", .word = "fix_checksum"}),
    per<&CorruptSettings::per>(),
};

/// A distance is kept in one of two members, by its unit.
constexpr Setting distance_setting() {
  Setting setting{.name = "by",
                  .example = "3packets",
                  .standard = "3packets",
                  .help = "how far a packet is moved back, in packets or time",
                  .word = "by",
                  .kind = Kind::distance};
  setting.read = [](const Setting& s, const Json& value, const std::string& pointer, void* owner, Reading& reading) {
    auto& reorder = *static_cast<ReorderSettings*>(owner);
    if (const auto by = read_quantity(s, value, pointer, parse_reorder_by, reading)) {
      reorder.by_packets = by->packets;
      reorder.by_time = by->time;
    }
  };
  setting.write = [](const Setting&, const void* owner) -> Json {
    const auto& reorder = *static_cast<const ReorderSettings*>(owner);
    const std::string by = print_reorder_by({reorder.by_packets, reorder.by_time});
    return by.empty() ? Json() : Json(by);
  };
  setting.reset = [](void* owner) {
    static_cast<ReorderSettings*>(owner)->by_packets = 0;
    static_cast<ReorderSettings*>(owner)->by_time = {};
  };
  return setting;
}

constexpr Setting kReorderMembers[] = {
    chance<&ReorderSettings::probability>("percent", "5%"),
    correlation<&ReorderSettings::correlation>("lag-1, among the candidates"),
    count<&ReorderSettings::gap>(
        {.name = "gap",
         .example = "5",
         .range = Range{0, kMaxGap},
         .help = "so many less one pass, then each is a candidate until one is moved: percent is of the candidates",
         .word = "gap"}),
    distance_setting(),
    per<&ReorderSettings::per>(),
};

void complete_reorder(const Json&, void* object, bool) {
  constexpr std::uint32_t kDefaultPackets = 3;  // what TCP's fast retransmit takes for a loss (RFC 5681 3.2)
  auto& reorder = *static_cast<ReorderSettings*>(object);
  const bool is_given = reorder.by_packets > 0 || reorder.by_time.count() != 0;
  if (!reorder.probability.is_zero() && !is_given) reorder.by_packets = kDefaultPackets;
}

// ---------------------------------------------------------------------------------------------------------- the others

constexpr Range kOutageParts{0, in_nanoseconds(kMaxOutagePart)};
constexpr Setting kOutageMembers[] = {
    flag<&OutageSettings::on>({.name = "on", .alternative = "on"}),
    in<InTime, &OutageSettings::up_for>({.name = "up_for",
                                         .example = "10s",
                                         .range = kOutageParts,
                                         .help = "of a cycle",
                                         .alternative = "cycle",
                                         .word = "up_for"}),
    in<InTime, &OutageSettings::down_for>({.name = "down_for",
                                           .example = "1s",
                                           .range = kOutageParts,
                                           .help = "of a cycle",
                                           .alternative = "cycle",
                                           .word = "down_for"}),
    flag<&OutageSettings::drop_in_flight>({.name = "drop_in_flight",
                                           .help = "an outage that begins also loses what is in flight",
                                           .word = "drop_in_flight"}),
};

/// Without max, every slot is min later than the one before.
constexpr Setting slot_min() {
  Setting setting = in<InTime, &SlotSettings::min>({.name = "min",
                                                    .example = "5ms",
                                                    .range = kDelays,
                                                    .help = "from one slot's opening to the next's",
                                                    .alternative = "even"});
  setting.write = [](const Setting&, const void* owner) -> Json {
    const auto& slot = *static_cast<const SlotSettings*>(owner);
    return slot.min.count() != 0 || slot.delay.count() == 0 ? Json(print_duration(slot.min)) : Json();
  };
  return setting;
}
constexpr Setting slot_max() {
  Setting setting = in<InTime, &SlotSettings::max>(
      {.name = "max", .example = "20ms", .range = kDelays, .standard = "min", .alternative = "even"});
  setting.write = [](const Setting&, const void* owner) -> Json {
    const auto& slot = *static_cast<const SlotSettings*>(owner);
    return slot.max != slot.min ? Json(print_duration(slot.max)) : Json();
  };
  return setting;
}
void begin_slot(const Json& patch, void* object) {
  auto& slot = *static_cast<SlotSettings*>(object);
  if (patch.contains("min") && slot.max == slot.min) slot.max = {};  // it follows min
}
void complete_slot(const Json& value, void* object, bool) {
  auto& slot = *static_cast<SlotSettings*>(object);
  const bool has_max = value.is_object() && value.contains("max") && !value.at("max").is_null();
  if (!has_max && slot.max.count() == 0) slot.max = slot.min;
}

constexpr Setting kSlotMembers[] = {
    slot_min(),
    slot_max(),
    in<InTime, &SlotSettings::delay>({.name = "delay",
                                      .example = "10ms",
                                      .range = kDelays,
                                      .help = "in place of min and max: the same on average, never below 0",
                                      .alternative = "drawn"}),
    in<InTime, &SlotSettings::jitter>({.name = "jitter",
                                       .example = "2ms",
                                       .range = kDelays,
                                       .help = "its deviation; of uniform, the most",
                                       .alternative = "drawn"}),
    distribution<SlotSettings>("drawn"),
    count<&SlotSettings::packets>({.name = "packets", .example = "10", .help = "most in a slot; 0: any number"}),
    in<InBytes, &SlotSettings::bytes>({.name = "bytes", .example = "64kB", .help = "most in a slot; 0: any number"}),
};

constexpr Setting kMtuMembers[] = {
    in<InMtu, &MtuSettings::bytes>({.name = "bytes",
                                    .example = "1400B",
                                    .range = Range{kMinMtu, 65'535, "not limited"},
                                    .help = "of an IP packet",
                                    .is_always_written = true}),
    flag<&MtuSettings::icmp>(
        {.name = "icmp",
         .help = "tell the sender (fragmentation needed, packet too big); false: a black hole for path MTU discovery"}),
};

constexpr std::string_view kIdleActions[] = {"drop", "reset"};
static_assert(std::size(kIdleActions) == static_cast<std::size_t>(IdleAction::reset) + 1);

constexpr Setting kIdleTimeoutMembers[] = {
    in<InTime, &IdleTimeoutSettings::time>({.name = "time",
                                            .example = "5m",
                                            .range = Range{0, in_nanoseconds(kMaxIdle), "never"},
                                            .help = "without a packet",
                                            .is_always_written = true}),
    choice<&IdleTimeoutSettings::then>(
        {.name = "then", .help = "what becomes of what arrives later", .choices = kIdleActions}),
};

}  // namespace

std::span<const Setting> impairments() {
  static const Setting kAll[] = {
      object<&DirectionConditions::delay>(
          {.name = "delay", .inside = kDelayMembers, .shorthand = "time", .check = check_delay}),
      kLossSetting,
      object<&DirectionConditions::duplicate>(
          {.name = "duplicate", .inside = kDuplicateMembers, .shorthand = "percent"}),
      object<&DirectionConditions::corrupt>({.name = "corrupt", .inside = kCorruptMembers, .shorthand = "percent"}),
      object<&DirectionConditions::reorder>({.name = "reorder",
                                             .inside = kReorderMembers,
                                             .shorthand = "percent",
                                             .after = complete_reorder,
                                             .check = check_reorder}),
      kRateSetting,
      kQueueSetting,
      object<&DirectionConditions::outage>({.name = "outage",
                                            .help = "nothing passes",
                                            .inside = kOutageMembers,
                                            .shorthand = "on",
                                            .check = check_outage}),
      kTraceSetting,
      object<&DirectionConditions::slot>({.name = "slot",
                                          .help = "packets pass in slots, as on a shared medium",
                                          .inside = kSlotMembers,
                                          .shorthand = "min",
                                          .before = begin_slot,
                                          .after = complete_slot,
                                          .check = check_slot}),
      object<&DirectionConditions::mtu>({.name = "mtu",
                                         .help = "the largest packet that the next hop takes",
                                         .inside = kMtuMembers,
                                         .shorthand = "bytes"}),
      object<&DirectionConditions::idle_timeout>({.name = "idle_timeout",
                                                  .help = "a middlebox that forgets idle connections",
                                                  .inside = kIdleTimeoutMembers,
                                                  .shorthand = "time"}),
  };
  return kAll;
}

}  // namespace wobble::api
