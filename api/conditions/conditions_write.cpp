#include "api/conditions/bottleneck_json.h"
#include "api/conditions/conditions_json.h"
#include "api/conditions/file_json.h"
#include "api/conditions/units.h"
#include "api/cut_text.h"

namespace wobble::api {
namespace {

using api::write;  // the bottleneck's

void put_memory(Json& out, Probability correlation, Scope per) {
  if (!correlation.is_zero()) out["correlation"] = print_percent(correlation);
  if (per == Scope::connection) out["per"] = "connection";
}

Json write(const JitterTable& table) {
  Json out = Json::object();
  if (table.file.empty()) {
    out["table"] = table.values ? *table.values : std::vector<std::int16_t>{};
  } else {
    write_file(out, table.file, table.size());
  }
  return out;
}

/// What a delay and the waits for slots have in common.
template <typename Settings>
void put_jitter(Json& out, const Settings& s) {
  if (s.jitter.count() != 0) out["jitter"] = print_duration(s.jitter);
  switch (s.distribution) {
    case Distribution::uniform: break;
    case Distribution::normal: out["distribution"] = "normal"; break;
    case Distribution::pareto: out["distribution"] = "pareto"; break;
    case Distribution::paretonormal: out["distribution"] = "paretonormal"; break;
    case Distribution::table: out["distribution"] = write(s.table); break;
  }
}

Json write(const DelaySettings& s) {
  Json out = {{"time", print_duration(s.time)}};
  put_jitter(out, s);
  if (s.reorder) out["reorder"] = true;
  put_memory(out, s.correlation, s.per);
  return out;
}

Json write(const GilbertElliott& s) {
  Json out = {{"p", print_percent(s.p)}, {"r", print_percent(s.r)}};
  if (s.bad_loss != GilbertElliott{}.bad_loss) out["1-h"] = print_percent(s.bad_loss);
  if (s.good_loss != GilbertElliott{}.good_loss) out["1-k"] = print_percent(s.good_loss);
  return out;
}

Json write(const BurstLoss& s) {
  Json out = {{"percent", print_percent(s.loss)}};
  if (s.length_thousandths != 0) out["length"] = print_mean_packets(s.length_thousandths);
  return out;
}

Json write(const MarkovLoss& s) {
  Json out = {{"p13", print_percent(s.p13)}, {"p31", print_percent(s.p31)}};
  if (s.p32 != MarkovLoss{}.p32) out["p32"] = print_percent(s.p32);
  if (s.p23 != MarkovLoss{}.p23) out["p23"] = print_percent(s.p23);
  if (s.p14 != MarkovLoss{}.p14) out["p14"] = print_percent(s.p14);
  return out;
}

Json write(const LossSettings& s) {
  Json out = Json::object();
  if (!s.random.is_zero()) out["random"] = print_percent(s.random);
  put_memory(out, s.correlation, s.per);
  if (s.burst) out["burst"] = write(*s.burst);
  if (s.gilbert_elliott) out["gilbert_elliott"] = write(*s.gilbert_elliott);
  if (s.markov) out["markov"] = write(*s.markov);
  if (s.every != 0) out["every"] = s.every;
  if (!s.list.empty()) out["list"] = s.list;
  if (!s.pattern.empty()) out["pattern"] = s.pattern;
  if (s.after_rate) out["after_rate"] = true;
  if (s.ecn) out["ecn"] = true;
  return out;
}

Json write(const DuplicateSettings& s) {
  Json out = {{"percent", print_percent(s.probability)}};
  put_memory(out, s.correlation, s.per);
  return out;
}

Json write(const CorruptSettings& s) {
  Json out = {{"percent", print_percent(s.probability)}};
  if (s.bits != 1) out["bits"] = s.bits;
  if (s.fix_checksum) out["fix_checksum"] = true;
  put_memory(out, s.correlation, s.per);
  return out;
}

Json write(const ReorderSettings& s) {
  Json out = {{"percent", print_percent(s.probability)}};
  const std::string by = print_reorder_by({s.by_packets, s.by_time});
  if (!by.empty()) out["by"] = by;
  if (s.gap != 0) out["gap"] = s.gap;
  put_memory(out, s.correlation, s.per);
  return out;
}

Json write(const OutageSettings& s) {
  Json out = Json::object();
  if (s.on) out["on"] = true;
  if (s.up_for.count() != 0) out["up_for"] = print_duration(s.up_for);
  if (s.down_for.count() != 0) out["down_for"] = print_duration(s.down_for);
  if (s.drop_in_flight) out["drop_in_flight"] = true;
  return out;
}

Json write(const SlotSettings& s) {
  Json out = Json::object();
  if (s.min.count() != 0 || s.delay.count() == 0) out["min"] = print_duration(s.min);
  if (s.max != s.min) out["max"] = print_duration(s.max);
  if (s.delay.count() != 0) out["delay"] = print_duration(s.delay);
  put_jitter(out, s);
  if (s.packets != 0) out["packets"] = s.packets;
  if (s.bytes != 0) out["bytes"] = print_size(s.bytes);
  return out;
}

Json write(const MtuSettings& s) {
  Json out = {{"bytes", print_size(s.bytes)}};
  if (!s.icmp) out["icmp"] = false;
  return out;
}

Json write(const IdleTimeoutSettings& s) {
  Json out = {{"time", print_duration(s.time)}};
  if (s.then == IdleAction::reset) out["then"] = "reset";
  return out;
}

template <typename Settings>
void put(Json& out, const char* name, const Settings& settings) {
  if (!(settings == Settings{})) out[name] = write(settings);
}

}  // namespace

Json to_json(const DirectionConditions& c) {
  Json out = Json::object();
  put(out, "delay", c.delay);
  put(out, "loss", c.loss);
  put(out, "duplicate", c.duplicate);
  put(out, "corrupt", c.corrupt);
  put(out, "reorder", c.reorder);
  put(out, "rate", c.rate);
  put(out, "queue", c.queue);
  put(out, "outage", c.outage);
  put(out, "trace", c.trace);
  put(out, "slot", c.slot);
  put(out, "mtu", c.mtu);
  put(out, "idle_timeout", c.idle_timeout);
  return out;
}

Json to_json(const LinkConditions& conditions) {
  Json out = {{"up", to_json(conditions.up)}, {"down", to_json(conditions.down)}};
  for (const ScenarioStep& step : conditions.scenario) {
    Json one = {{"for", print_duration(step.length)}};
    if (step.up) one["up"] = to_json(*step.up);
    if (step.down) one["down"] = to_json(*step.down);
    out["scenario"].push_back(std::move(one));
  }
  return out;
}

std::string pointer_token(std::string_view name) {
  constexpr std::size_t kLongest = 64;
  std::string out;
  for (const char c : cut_text(name, kLongest)) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace wobble::api
