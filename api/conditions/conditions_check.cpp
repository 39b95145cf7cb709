#include "api/conditions/conditions_check.h"

#include <algorithm>
#include <functional>
#include <initializer_list>

#include "api/conditions/bottleneck_table.h"
#include "api/conditions/settings_table.h"

namespace wobble::api {
namespace {

constexpr Duration kNoTime{0};

bool is_in_range(const Range& range, std::int64_t number) {
  return (number >= range.min && number <= range.max) || (number == 0 && !range.zero.empty());
}

/// What is in `object` against its ranges; `above` is where the object stands: "/loss/burst".
void check_ranges(const Setting& object, const void* owner, const std::string& above, ConditionsChecker& check) {
  const void* inside = object.look(owner);
  if (inside == nullptr) return;
  for (const Setting& setting : object.inside) {
    if (setting.look != nullptr) {
      check_ranges(setting, inside, above + "/" + std::string(setting.name), check);
    } else if (setting.range && setting.number != nullptr) {
      const std::optional<std::int64_t> number = setting.number(inside);
      if (!number || is_in_range(*setting.range, *number)) continue;
      const bool is_the_object = object.is_written_short && setting.name == object.shorthand;
      const std::string place = is_the_object ? above : above + "/" + std::string(setting.name);
      check.errors.push_back({check.prefix + place, "must be " + range_text(setting)});
    }
  }
}

void check_table(Distribution distribution, const JitterTable& table, const char* place, ConditionsChecker& check) {
  const bool has_table = distribution == Distribution::table;
  check.require(has_table == !table.empty(), place, has_table ? "is a table without values" : "has a table as well");
  check.require(table.size() <= kMaxTable, place, "is a table of more than 16384 values");
}

void check_burst(const BurstLoss& burst, ConditionsChecker& check) {
  const std::uint64_t length = burst.length_thousandths, loss = burst.loss.parts_per_billion;
  check.require(length != 0, "loss/burst/length", "is missing: how many are lost in a row on average (\"5packets\")");
  // Between two bursts at least one packet is received.
  check.require(loss > Probability::kOne || length < 1000 || loss * (length + 1000) <= Probability::kOne * length,
                "loss/burst/percent",
                "is more than bursts of this length can lose: at most length / (length + 1), as between two bursts a "
                "packet is received");
}

void check_markov(const MarkovLoss& model, ConditionsChecker& check) {
  const auto fit = [](Probability a, Probability b) {
    return std::uint64_t{a.parts_per_billion} + b.parts_per_billion <= Probability::kOne;
  };
  check.require(fit(model.p13, model.p14), "loss/markov/p14", "p13 and p14 are together more than 100%");
  check.require(fit(model.p31, model.p32), "loss/markov/p32", "p31 and p32 are together more than 100%");
}

void check_list(const std::vector<std::uint64_t>& list, ConditionsChecker& check) {
  check.require(list.size() <= kMaxListed, "loss/list", "has more than 10000 numbers");
  const bool is_ascending = std::adjacent_find(list.begin(), list.end(), std::greater_equal<>()) == list.end();
  check.require(is_ascending && (list.empty() || list[0] > 0), "loss/list",
                "is of packet numbers from 1, each greater than the one before");
}

void check_pattern(const std::string& marks, ConditionsChecker& check) {
  check.require(marks.size() <= kMaxPattern, "loss/pattern", "is longer than 10000 packets");
  check.require(marks.find_first_not_of(".x") == std::string::npos, "loss/pattern",
                "is made of . (received) and x (lost), such as \"...x\"");
}

/// "codel, pie and fq_codel".
std::string listed(std::span<const std::string_view> names) {
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    out.append(i == 0 ? "" : i + 1 == names.size() ? " and " : ", ").append(names[i]);
  }
  return out;
}

/// Parameters belong to their disciplines.
void check_parameters(const QueueSettings& queue, ConditionsChecker& check) {
  const std::string_view discipline = kDisciplines[static_cast<std::size_t>(queue.discipline)];
  for (const Setting& parameter : kQueueSetting.inside) {
    const auto& owners = parameter.disciplines;
    const bool is_free = owners.empty() || std::find(owners.begin(), owners.end(), discipline) != owners.end();
    if (is_free || write_setting(parameter, &queue).is_null()) continue;
    check.errors.push_back({check.prefix + "/queue/" + std::string(parameter.name), "belongs to " + listed(owners)});
  }
}

}  // namespace

void check_delay(const DirectionConditions& conditions, ConditionsChecker& check) {
  check_table(conditions.delay.distribution, conditions.delay.table, "delay/distribution", check);
}

void check_loss(const DirectionConditions& conditions, ConditionsChecker& check) {
  const LossSettings& loss = conditions.loss;
  const bool has_model = loss.model != LossModel{};
  check.require(!loss.after_rate || has_model, "loss/after_rate", "says where packets are lost: give a model of loss");
  check.require(!loss.ecn || has_model, "loss/ecn",
                "says that packets are marked instead of lost: give a model of loss");
  check.require(!check.has_exclusion("loss"), "loss",
                "random, burst, gilbert_elliott, markov, every, list and pattern exclude each other: give one of them");
  check.require(loss.correlation.is_zero() || std::holds_alternative<RandomLoss>(loss.model), "loss/correlation",
                "belongs to random and no other model");
  if (const auto* burst = std::get_if<BurstLoss>(&loss.model)) check_burst(*burst, check);
  if (const auto* markov = std::get_if<MarkovLoss>(&loss.model)) check_markov(*markov, check);
  if (const auto* list = std::get_if<ListLoss>(&loss.model)) check_list(list->numbers, check);
  if (const auto* pattern = std::get_if<PatternLoss>(&loss.model)) check_pattern(pattern->marks, check);
}

void check_reorder(const DirectionConditions& conditions, ConditionsChecker& check) {
  const ReorderSettings& reorder = conditions.reorder;
  const bool has_packets = reorder.by_packets > 0, has_time = reorder.by_time != kNoTime;
  check.require(has_packets || has_time || reorder.probability.is_zero(), "reorder/by",
                "is missing: how far back, in packets (\"3packets\") or time (\"10ms\")");
  check.require(!has_packets || !has_time, "reorder/by", "is either packets or a time, not both");
  check.require(reorder.by_packets <= kMaxReorderPackets, "reorder/by", "must be at most 1000packets");
  check.require(reorder.by_time >= kNoTime && reorder.by_time <= kMaxDelay, "reorder/by", "must be 0 to 10m");
}

void check_rate(const DirectionConditions& conditions, ConditionsChecker& check) {
  const RateSettings& rate = conditions.rate;
  check.require(rate.bits_per_second > 0 || rate == RateSettings{}, "rate",
                "burst, overhead and cell say how a rate is kept: give the rate");
  check.require(rate.cell_overhead == 0 || rate.cell_size > 0, "rate/cell/size",
                "is missing: how many bytes of a packet one cell carries (ATM: \"48B\")");
}

void check_trace(const DirectionConditions& conditions, ConditionsChecker& check) {
  const TraceSettings& trace = conditions.trace;
  if (!trace.ms) return;
  const std::vector<std::uint32_t>& ms = *trace.ms;
  const char* where = trace.file.empty() ? "trace/ms" : "trace/file";
  check.require(conditions.rate.bits_per_second == 0, "trace", "stands in place of a rate: give one of them");
  if (!check.is_new(trace.ms.get())) return;
  check.require(!ms.empty(), where, "has no opportunity to send");
  check.require(ms.size() <= kMaxTrace, where, "has more than 4000000 opportunities");
  check.require(std::is_sorted(ms.begin(), ms.end()), where, "goes back in time: its milliseconds never decrease");
  check.require(ms.empty() || ms.back() > 0, where, "must last for some time: its last millisecond is above 0");
}

void check_queue(const DirectionConditions& conditions, ConditionsChecker& check) {
  const QueueSettings& queue = conditions.queue;
  const int limits = (queue.limit_bytes > 0) + (queue.limit_packets > 0) + (queue.limit_time != kNoTime);
  check.require(limits <= 1, "queue/limit", "is one of bytes, packets or a time, not several");
  check.require(queue.limit_time >= kNoTime && queue.limit_time <= kMaxDelay, "queue/limit", "must be 0 to 10m");
  const bool is_limited = conditions.rate.bits_per_second > 0 || conditions.trace.ms || !conditions.trace.file.empty();
  check.require(is_limited || queue.discipline == Discipline::droptail, "queue/discipline",
                "needs a rate or a trace: without one nothing waits");
  check_parameters(queue, check);
  check.require(!queue.min || !queue.max || *queue.min < *queue.max, "queue/min", "must be below max");
}

void check_outage(const DirectionConditions& conditions, ConditionsChecker& check) {
  const bool has_up = conditions.outage.up_for != kNoTime, has_down = conditions.outage.down_for != kNoTime;
  check.require(has_up || !has_down, "outage/up_for", "is missing: a cycle needs up_for and down_for");
  check.require(has_down || !has_up, "outage/down_for", "is missing: a cycle needs up_for and down_for");
}

void check_slot(const DirectionConditions& conditions, ConditionsChecker& check) {
  const SlotSettings& slot = conditions.slot;
  check.require(slot.min <= slot.max, "slot/max", "is shorter than min");
  check_table(slot.distribution, slot.table, "slot/distribution", check);
  const bool is_drawn = slot.delay != kNoTime, is_even = slot.max != kNoTime;
  const bool has_shape = slot.jitter != kNoTime || slot.distribution != Distribution::uniform;
  const bool has_size = slot.packets > 0 || slot.bytes > 0;
  check.require(!is_even || !(is_drawn || has_shape), "slot/delay",
                "with jitter and distribution stands in place of min and max: give one of them");
  check.require(is_drawn || is_even || !has_shape, "slot/delay",
                "is missing: how long from one slot to the next, on average");
  check.require(is_drawn || is_even || has_shape || !has_size, "slot/min",
                "is missing: how long from one slot to the next");
}

namespace {

void check_direction(const DirectionConditions& conditions, ConditionsChecker check) {
  for (const Setting& impairment : impairments()) {
    check_ranges(impairment, &conditions, "/" + std::string(impairment.name), check);
    if (impairment.check != nullptr) impairment.check(conditions, check);
  }
}

}  // namespace

std::vector<FieldError> validate(const LinkConditions& conditions, const HasExclusion& has_exclusion) {
  std::vector<FieldError> errors;
  std::set<const void*> seen;
  check_direction(conditions.up, {"/up", errors, seen, has_exclusion});
  check_direction(conditions.down, {"/down", errors, seen, has_exclusion});
  if (conditions.scenario.size() > kMaxSteps) errors.push_back({"/scenario", "has more than 1000 steps"});
  for (std::size_t i = 0; i < conditions.scenario.size(); ++i) {
    const ScenarioStep& step = conditions.scenario[i];
    const std::string where = "/scenario/" + std::to_string(i);
    if (step.length < kMinStep || step.length > kMaxStep) errors.push_back({where + "/for", "must be 1ms to 168h"});
    if (step.up) check_direction(*step.up, {where + "/up", errors, seen, has_exclusion});
    if (step.down) check_direction(*step.down, {where + "/down", errors, seen, has_exclusion});
  }
  return errors;
}

}  // namespace wobble::api
