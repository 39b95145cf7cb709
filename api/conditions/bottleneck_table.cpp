#include "api/conditions/bottleneck_table.h"

#include <array>

#include "api/conditions/common_settings.h"
#include "api/conditions/conditions_check.h"
#include "api/conditions/file_json.h"

namespace wobble::api {
namespace {

// --------------------------------------------------------------------------------------------------------------- rate

constexpr Setting kCellMembers[] = {
    in<InBytes, &RateSettings::cell_size>({.name = "size",
                                           .example = "48B",
                                           .range = Range{kMinCell, kMaxCell, "no cells"},
                                           .help = "payload of a cell; ATM: 48B"}),
    in<InBytes, &RateSettings::cell_overhead>({.name = "overhead",
                                               .example = "5B",
                                               .range = Range{0, kMaxCellOverhead},
                                               .help = "header of a cell; ATM: 5B"}),
};
constexpr Setting kRateMembers[] = {
    in<InBits, &RateSettings::bits_per_second>({.name = "rate",
                                                .example = "5mbit",
                                                .range = Range{kMinRate, kMaxRate, "not limited"},
                                                .help = "bits a second of IP packets",
                                                .is_always_written = true}),
    in<InBytes, &RateSettings::burst>(
        {.name = "burst", .example = "32kB", .range = Range{0, kMaxBurst}, .help = "what an idle link saves up (tbf)"}),
    in<InOverhead, &RateSettings::overhead>({.name = "overhead",
                                             .example = "38B",
                                             .range = Range{-kMaxOverhead, kMaxOverhead},
                                             .help = "of each packet, may be negative"}),
    part<RateSettings>({.name = "cell", .help = "each packet fills whole cells", .inside = kCellMembers}),
};

// -------------------------------------------------------------------------------------------------------------- trace

void read_moments(const Json& value, const std::string& pointer, TraceSettings& out, Reading& reading) {
  if (!value.is_array()) {
    return reading.push_back({pointer, "a list of milliseconds such as [0, 4, 4, 12] is expected"});
  }
  std::vector<std::uint32_t> moments;
  moments.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i].is_number_unsigned() && value[i].get<std::uint64_t>() <= std::numeric_limits<std::uint32_t>::max()) {
      moments.push_back(value[i].get<std::uint32_t>());
    } else if (reading.is_full()) {
      reading.count_one();
    } else {
      reading.push_back({pointer + "/" + std::to_string(i), "a whole number of milliseconds is expected"});
    }
  }
  out.ms = std::make_shared<const std::vector<std::uint32_t>>(std::move(moments));
}

/// A trace written as its path alone.
void read_path(const Json& value, const std::string& pointer, TraceSettings& out, Reading& reading) {
  if (!value.is_string()) {
    return reading.push_back({pointer, "the path of a trace in mahimahi's format is expected"});
  }
  Parsed<FileTrace> read = reading.trace(value.get<std::string>(), "");
  if (!read.ok()) reading.push_back({pointer, read.error});
  out = {std::move(read.value.numbers), {value.get<std::string>(), read.value.file.sha256}};
}

/// One trace takes the whole place of another. A file is read here and now.
void read_trace(const Setting&, const Json& value, const std::string& pointer, void* owner, Reading& reading) {
  TraceSettings& out = static_cast<DirectionConditions*>(owner)->trace;
  out = {};
  if (!value.is_object()) return read_path(value, pointer, out, reading);
  ObjectReader reader(value, pointer, reading);
  const Json* named = reader.member("file");
  const Json* moments = reader.member("ms");
  if (named != nullptr && moments != nullptr) reader.error("ms", "is what the file has: give one of them");
  FileTrace read = read_file_trace(reader, named, reading);
  if (named != nullptr) {
    out = {std::move(read.numbers), std::move(read.file)};
  } else if (moments != nullptr) {
    read_moments(*moments, reader.pointer_to("ms"), out, reading);
  }
  reader.finish();
}

Json write_trace(const Setting&, const void* owner) {
  const TraceSettings& trace = static_cast<const DirectionConditions*>(owner)->trace;
  if (trace == TraceSettings{}) return {};
  Json out = Json::object();
  if (!trace.file.empty()) {
    write_file(out, trace.file, trace.ms ? trace.ms->size() : 0);
  } else if (trace.ms) {
    out["ms"] = *trace.ms;
  }
  return out;
}

constexpr Setting kTraceMembers[] = {
    {.name = "file",
     .help = "absolute path, read by the daemon: one number of milliseconds a line",
     .alternative = "file",
     .kind = Kind::file},
    {.name = "ms", .help = "the numbers themselves", .alternative = "ms", .longest = kMaxTrace, .kind = Kind::numbers},
};

// -------------------------------------------------------------------------------------------------------------- queue

constexpr std::string_view kMarking[] = {"codel", "pie", "red", "fq_codel"};
constexpr std::string_view kWithTarget[] = {"codel", "pie", "fq_codel"};
constexpr std::string_view kWithInterval[] = {"codel", "fq_codel"};
constexpr std::string_view kPie[] = {"pie"};
constexpr std::string_view kRed[] = {"red"};
constexpr std::string_view kFair[] = {"fq_codel"};

using std::chrono::microseconds, std::chrono::milliseconds, std::chrono::minutes;
constexpr Range kParameterTimes{in_nanoseconds(microseconds(1)), in_nanoseconds(minutes(1))};
constexpr Range kParameterGains{0, 1'000'000'000};

/// A limit is kept in one of three members, by its unit.
constexpr Setting limit_setting() {
  Setting setting{.name = "limit",
                  .example = "100packets",
                  .standard = "one second of the rate or 1 MiB, whichever is more; fq_codel: 10240packets",
                  .help = "packets, bytes or time that may wait",
                  .word = "limit",
                  .kind = Kind::limit};
  setting.read = [](const Setting& s, const Json& value, const std::string& pointer, void* owner, Reading& reading) {
    auto& queue = *static_cast<QueueSettings*>(owner);
    if (const auto read = read_quantity(s, value, pointer, parse_limit, reading)) {
      queue.limit_bytes = read->limit_bytes;
      queue.limit_packets = read->limit_packets;
      queue.limit_time = read->limit_time;
    }
  };
  setting.write = [](const Setting&, const void* owner) -> Json {
    const std::string text = print_limit(*static_cast<const QueueSettings*>(owner));
    return text.empty() ? Json() : Json(text);
  };
  setting.reset = [](void* owner) {
    auto& queue = *static_cast<QueueSettings*>(owner);
    queue.limit_bytes = 0;
    queue.limit_packets = 0;
    queue.limit_time = {};
  };
  return setting;
}

constexpr Setting kQueueMembers[] = {
    limit_setting(),
    choice<&QueueSettings::discipline>(
        {.name = "discipline", .help = "who leaves a queue that is full or too slow", .choices = kDisciplines}),
    flag<&QueueSettings::ecn>({.name = "ecn",
                               .help = "mark ECT packets instead of dropping them (RFC 3168)",
                               .disciplines = kMarking,
                               .word = "ecn"}),
    in<InTime, &QueueSettings::target>({.name = "target",
                                        .example = "5ms",
                                        .range = kParameterTimes,
                                        .standard = "codel, fq_codel: 5ms; pie: 15ms",
                                        .help = "time that packets may wait",
                                        .disciplines = kWithTarget,
                                        .word = "target"}),
    in<InTime, &QueueSettings::interval>({.name = "interval",
                                          .example = "100ms",
                                          .range = kParameterTimes,
                                          .standard = "100ms",
                                          .help = "time after which waiting is too long",
                                          .disciplines = kWithInterval,
                                          .word = "interval"}),
    in<InTime, &QueueSettings::tupdate>({.name = "tupdate",
                                         .example = "15ms",
                                         .range = Range{in_nanoseconds(milliseconds(1)), in_nanoseconds(minutes(1))},
                                         .standard = "15ms",
                                         .help = "time between two updates",
                                         .disciplines = kPie,
                                         .word = "tupdate"}),
    in<InHertz, &QueueSettings::alpha>({.name = "alpha",
                                        .example = "0.125Hz",
                                        .range = kParameterGains,
                                        .standard = "0.125Hz",
                                        .help = "gain of the delay's error",
                                        .disciplines = kPie,
                                        .word = "alpha"}),
    in<InHertz, &QueueSettings::beta>({.name = "beta",
                                       .example = "1.25Hz",
                                       .range = kParameterGains,
                                       .standard = "1.25Hz",
                                       .help = "gain of the delay's change",
                                       .disciplines = kPie,
                                       .word = "beta"}),
    in<InTime, &QueueSettings::max_burst>({.name = "max_burst",
                                           .example = "150ms",
                                           .range = Range{0, in_nanoseconds(minutes(1))},
                                           .standard = "150ms",
                                           .help = "time for which nothing is dropped",
                                           .disciplines = kPie,
                                           .word = "max_burst"}),
    in<InBytes, &QueueSettings::min>({.name = "min",
                                      .example = "30kB",
                                      .range = Range{1, 1'000'000'000},
                                      .standard = "a third of max",
                                      .help = "bytes from which packets are dropped",
                                      .disciplines = kRed,
                                      .word = "min"}),
    in<InBytes, &QueueSettings::max>({.name = "max",
                                      .example = "90kB",
                                      .range = Range{2, 1'000'000'000},
                                      .standard = "a quarter of the limit",
                                      .help = "bytes from which every packet is dropped",
                                      .disciplines = kRed,
                                      .word = "max"}),
    in<InPercent, &QueueSettings::probability>({.name = "probability",
                                                .example = "2%",
                                                .range = Range{0, Probability::kOne},
                                                .standard = "2%",
                                                .help = "share that is dropped at max",
                                                .disciplines = kRed,
                                                .word = "probability"}),
    in<InBytes, &QueueSettings::avpkt>({.name = "avpkt",
                                        .example = "1000B",
                                        .range = Range{64, 65'535},
                                        .standard = "1kB",
                                        .help = "an average packet",
                                        .disciplines = kRed,
                                        .word = "avpkt"}),
    flag<&QueueSettings::gentle>({.name = "gentle",
                                  .help = "the chance rises to 1 from max to twice max",
                                  .disciplines = kRed,
                                  .word = "gentle"}),
    count<&QueueSettings::flows>({.name = "flows",
                                  .example = "1024",
                                  .range = Range{1, kMaxFlows},
                                  .standard = "1024",
                                  .help = "queues for flows",
                                  .disciplines = kFair,
                                  .word = "flows"}),
    in<InBytes, &QueueSettings::quantum>({.name = "quantum",
                                          .example = "1514B",
                                          .range = Range{64, 1'000'000},
                                          .standard = "1514B",
                                          .help = "bytes of each turn",
                                          .disciplines = kFair,
                                          .word = "quantum"}),
};

/// To name another discipline takes back the parameters of the one before.
void take_back_parameters(const Json& patch, void* object) {
  auto& queue = *static_cast<QueueSettings*>(object);
  const auto named = patch.find("discipline");
  if (named == patch.end() || *named == kDisciplines[static_cast<std::size_t>(queue.discipline)]) return;
  if (named->is_null() && queue.discipline == Discipline::droptail) return;
  queue = {.limit_bytes = queue.limit_bytes, .limit_packets = queue.limit_packets, .limit_time = queue.limit_time};
}

}  // namespace

constinit const Setting kRateSetting = object<&DirectionConditions::rate>({.name = "rate",
                                                                           .help = "the bottleneck",
                                                                           .inside = kRateMembers,
                                                                           .shorthand = "rate",
                                                                           .is_written_short = true,
                                                                           .check = check_rate});
constinit const Setting kTraceSetting = [] {
  Setting setting = object<&DirectionConditions::trace>(
      {.name = "trace",
       .help = "in place of a rate: opportunities to send 1,500 bytes, looped (mahimahi)",
       .inside = kTraceMembers,
       .shorthand = "file",
       .check = check_trace});
  setting.read = read_trace;
  setting.write = write_trace;
  return setting;
}();
constinit const Setting kQueueSetting =
    object<&DirectionConditions::queue>({.name = "queue",
                                         .help = "the buffer before the rate or trace",
                                         .inside = kQueueMembers,
                                         .shorthand = "limit",
                                         .before = take_back_parameters,
                                         .check = check_queue});

}  // namespace wobble::api
