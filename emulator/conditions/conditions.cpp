#include "emulator/conditions/conditions.h"

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <set>

namespace wobble {
namespace {

/// Lists that were looked through already: one that many steps share is long, and looked through once.
using Seen = std::set<const void*>;

/// Gathers what is wrong in one direction; the names are those of the JSON.
class Checker {
 public:
  Checker(std::string prefix, std::vector<FieldError>& errors, Seen& seen)
      : prefix_(std::move(prefix)), errors_(errors), seen_(seen) {}

  /// True the first time.
  bool is_new(const void* list) { return seen_.insert(list).second; }

  void require(bool is_right, const char* field, const char* detail) {
    if (!is_right) errors_.push_back({prefix_ + field, detail});
  }
  void probability(Probability p, const char* field) {
    require(p.parts_per_billion <= Probability::kOne, field, "must be 0% to 100%");
  }
  void correlation(Probability p, const char* field) {
    require(p.parts_per_billion < Probability::kOne, field,
            "must be below 100%: with it the first packet would decide for all");
  }
  void delay(Duration d, const char* field) { require(d >= Duration(0) && d <= kMaxDelay, field, "must be 0 to 10m"); }

 private:
  std::string prefix_;
  std::vector<FieldError>& errors_;
  Seen& seen_;
};

void check_gilbert_elliott(const GilbertElliott& model, Checker& check) {
  check.probability(model.p, "/loss/gilbert_elliott/p");
  check.probability(model.r, "/loss/gilbert_elliott/r");
  check.probability(model.bad_loss, "/loss/gilbert_elliott/1-h");
  check.probability(model.good_loss, "/loss/gilbert_elliott/1-k");
}

void check_burst(const BurstLoss& burst, Checker& check) {
  check.probability(burst.loss, "/loss/burst/percent");
  const std::uint64_t length = burst.length_thousandths;
  check.require(length != 0, "/loss/burst/length", "is missing: how many are lost in a row on average (\"5packets\")");
  check.require(length == 0 || (length >= 1000 && length <= kMaxBurstLength), "/loss/burst/length",
                "must be 1packet to 1000000packets");
  // Between two bursts at least one packet is received.
  const std::uint64_t loss = burst.loss.parts_per_billion;
  check.require(loss > Probability::kOne || length < 1000 || loss * (length + 1000) <= Probability::kOne * length,
                "/loss/burst/percent",
                "is more than bursts of this length can lose: at most length / (length + 1), as between two bursts a "
                "packet is received");
}

void check_markov(const MarkovLoss& model, Checker& check) {
  check.probability(model.p13, "/loss/markov/p13");
  check.probability(model.p31, "/loss/markov/p31");
  check.probability(model.p32, "/loss/markov/p32");
  check.probability(model.p23, "/loss/markov/p23");
  check.probability(model.p14, "/loss/markov/p14");
  const auto fit = [](Probability a, Probability b) {
    return std::uint64_t{a.parts_per_billion} + b.parts_per_billion <= Probability::kOne;
  };
  check.require(fit(model.p13, model.p14), "/loss/markov/p14", "p13 and p14 are together more than 100%");
  check.require(fit(model.p31, model.p32), "/loss/markov/p32", "p31 and p32 are together more than 100%");
}

void check_loss(const LossSettings& loss, Checker& check) {
  const int others = loss.gilbert_elliott.has_value() + loss.burst.has_value() + loss.markov.has_value() +
                     (loss.every > 0) + !loss.list.empty() + !loss.pattern.empty();
  check.require(!loss.after_rate || others > 0 || !loss.random.is_zero(), "/loss/after_rate",
                "says where packets are lost: give a model of loss");
  check.require(!loss.ecn || others > 0 || !loss.random.is_zero(), "/loss/ecn",
                "says that packets are marked instead of lost: give a model of loss");
  check.require(others + !loss.random.is_zero() <= 1, "/loss",
                "random, burst, gilbert_elliott, markov, every, list and pattern exclude each other: give one of them");
  check.probability(loss.random, "/loss/random");
  check.correlation(loss.correlation, "/loss/correlation");
  check.require(loss.correlation.is_zero() || others == 0, "/loss/correlation", "belongs to random and no other model");
  if (loss.gilbert_elliott) check_gilbert_elliott(*loss.gilbert_elliott, check);
  if (loss.burst) check_burst(*loss.burst, check);
  if (loss.markov) check_markov(*loss.markov, check);
  check.require(loss.list.size() <= kMaxListed, "/loss/list", "has more than 10000 numbers");
  const bool is_ascending =
      std::adjacent_find(loss.list.begin(), loss.list.end(), std::greater_equal<>()) == loss.list.end();
  check.require(is_ascending && (loss.list.empty() || loss.list[0] > 0), "/loss/list",
                "is of packet numbers from 1, each greater than the one before");
  check.require(loss.pattern.size() <= kMaxPattern, "/loss/pattern", "is longer than 10000 packets");
  check.require(loss.pattern.find_first_not_of(".x") == std::string::npos, "/loss/pattern",
                "is made of . (received) and x (lost), such as \"...x\"");
}

void check_table(Distribution distribution, const JitterTable& table, const char* field, Checker& check) {
  const bool has_table = distribution == Distribution::table;
  check.require(has_table == !table.empty(), field, has_table ? "is a table without values" : "has a table as well");
  check.require(table.size() <= kMaxTable, field, "is a table of more than 16384 values");
}

void check_reorder(const ReorderSettings& reorder, Checker& check) {
  check.probability(reorder.probability, "/reorder/percent");
  const bool has_packets = reorder.by_packets > 0;
  const bool has_time = reorder.by_time != Duration(0);
  check.require(has_packets || has_time || reorder.probability.is_zero(), "/reorder/by",
                "is missing: how far back, in packets (\"3packets\") or time (\"10ms\")");
  check.require(!has_packets || !has_time, "/reorder/by", "is either packets or a time, not both");
  check.require(reorder.by_packets <= kMaxReorderPackets, "/reorder/by", "must be at most 1000packets");
  check.delay(reorder.by_time, "/reorder/by");
  check.correlation(reorder.correlation, "/reorder/correlation");
  check.require(reorder.gap <= kMaxGap, "/reorder/gap", "must be at most 1000000");
}

void check_rate(const RateSettings& rate, Checker& check) {
  const std::uint64_t bits = rate.bits_per_second;
  check.require(bits == 0 || (bits >= kMinRate && bits <= kMaxRate), "/rate",
                "must be 0 (not limited) or 8bit to 1000gbit");
  check.require(bits > 0 || rate == RateSettings{}, "/rate",
                "burst, overhead and cell say how a rate is kept: give the rate");
  check.require(rate.burst <= kMaxBurst, "/rate/burst", "must be at most 1GB");
  check.require(rate.overhead >= -kMaxOverhead && rate.overhead <= kMaxOverhead, "/rate/overhead",
                "must be -1500B to 1500B");
  check.require(rate.cell_size == 0 || (rate.cell_size >= kMinCell && rate.cell_size <= kMaxCell), "/rate/cell/size",
                "must be 8B to 65535B");
  check.require(rate.cell_overhead == 0 || rate.cell_size > 0, "/rate/cell/size",
                "is missing: how many bytes of a packet one cell carries (ATM: \"48B\")");
  check.require(rate.cell_overhead <= kMaxCellOverhead, "/rate/cell/overhead", "must be at most 256B");
}

void check_trace(const DirectionConditions& conditions, Checker& check) {
  const TraceSettings& trace = conditions.trace;
  if (!trace.ms) return;
  const std::vector<std::uint32_t>& ms = *trace.ms;
  const char* where = trace.file.empty() ? "/trace/ms" : "/trace/file";
  check.require(conditions.rate.bits_per_second == 0, "/trace", "stands in place of a rate: give one of them");
  if (!check.is_new(trace.ms.get())) return;
  check.require(!ms.empty(), where, "has no opportunity to send");
  check.require(ms.size() <= kMaxTrace, where, "has more than 4000000 opportunities");
  check.require(std::is_sorted(ms.begin(), ms.end()), where, "goes back in time: its milliseconds never decrease");
  check.require(ms.empty() || ms.back() > 0, where, "must last for some time: its last millisecond is above 0");
}

/// Parameters belong to their disciplines.
class ParameterChecker {
 public:
  ParameterChecker(Discipline discipline, Checker& check) : discipline_(discipline), check_(check) {}

  template <typename T>
  void require(const char* field, const std::optional<T>& value, T least, T most, const char* range,
               std::initializer_list<Discipline> owners, const char* belongs) {
    if (!value) return;
    check_.require(std::find(owners.begin(), owners.end(), discipline_) != owners.end(), field, belongs);
    check_.require(*value >= least && *value <= most, field, range);
  }

 private:
  Discipline discipline_;
  Checker& check_;
};

void check_parameters(const QueueSettings& queue, Checker& check) {
  using enum Discipline;
  constexpr Duration kShortest = std::chrono::microseconds(1), kTick = std::chrono::milliseconds(1),
                     kLongest = std::chrono::minutes(1);
  constexpr std::uint32_t kMaxGain = 1'000'000'000;
  constexpr std::uint64_t kLargest = 1'000'000'000;
  constexpr const char* kTimes = "must be 1us to 1m";
  constexpr const char* kGains = "must be at most 1000Hz";
  constexpr const char* kPie = "belongs to pie";
  constexpr const char* kRed = "belongs to red";
  constexpr const char* kFair = "belongs to fq_codel";
  ParameterChecker own(queue.discipline, check);
  own.require("/queue/target", queue.target, kShortest, kLongest, kTimes, {codel, pie, fq_codel},
              "belongs to codel, pie and fq_codel");
  own.require("/queue/interval", queue.interval, kShortest, kLongest, kTimes, {codel, fq_codel},
              "belongs to codel and fq_codel");
  own.require("/queue/tupdate", queue.tupdate, kTick, kLongest, "must be 1ms to 1m", {pie}, kPie);
  own.require("/queue/alpha", queue.alpha, 0U, kMaxGain, kGains, {pie}, kPie);
  own.require("/queue/beta", queue.beta, 0U, kMaxGain, kGains, {pie}, kPie);
  own.require("/queue/max_burst", queue.max_burst, Duration(0), kLongest, "must be 0 to 1m", {pie}, kPie);
  own.require("/queue/min", queue.min, std::uint64_t{1}, kLargest, "must be 1B to 1GB", {red}, kRed);
  own.require("/queue/max", queue.max, std::uint64_t{2}, kLargest, "must be 2B to 1GB", {red}, kRed);
  own.require("/queue/probability", queue.probability, Probability{0}, Probability{Probability::kOne},
              "must be 0% to 100%", {red}, kRed);
  own.require("/queue/avpkt", queue.avpkt, 64U, 65'535U, "must be 64B to 65535B", {red}, kRed);
  own.require("/queue/flows", queue.flows, 1U, kMaxFlows, "must be 1 to 65536", {fq_codel}, kFair);
  own.require("/queue/quantum", queue.quantum, 64U, 1'000'000U, "must be 64B to 1MB", {fq_codel}, kFair);
  check.require(!queue.gentle || queue.discipline == red, "/queue/gentle", kRed);
  check.require(!queue.min || !queue.max || *queue.min < *queue.max, "/queue/min", "must be below max");
}

void check_queue(const DirectionConditions& conditions, Checker& check) {
  const QueueSettings& queue = conditions.queue;
  const int limits = (queue.limit_bytes > 0) + (queue.limit_packets > 0) + (queue.limit_time != Duration(0));
  check.require(limits <= 1, "/queue/limit", "is one of bytes, packets or a time, not several");
  check.delay(queue.limit_time, "/queue/limit");
  const bool is_limited = conditions.rate.bits_per_second > 0 || conditions.trace.ms || !conditions.trace.file.empty();
  const bool is_plain = queue.discipline == Discipline::droptail || queue.discipline == Discipline::drophead;
  check.require(is_limited || queue.discipline == Discipline::droptail, "/queue/discipline",
                "needs a rate or a trace: without one nothing waits");
  check.require(!queue.ecn || !is_plain, "/queue/ecn", "needs a discipline that marks: codel, pie, red or fq_codel");
  check_parameters(queue, check);
}

void check_outage(const OutageSettings& outage, Checker& check) {
  constexpr const char* kRange = "must be 0 to 168h";
  const auto is_in_range = [](Duration d) { return d >= Duration(0) && d <= kMaxOutagePart; };
  check.require(is_in_range(outage.up_for), "/outage/up_for", kRange);
  check.require(is_in_range(outage.down_for), "/outage/down_for", kRange);
  const bool has_up = outage.up_for != Duration(0);
  const bool has_down = outage.down_for != Duration(0);
  check.require(has_up || !has_down, "/outage/up_for", "is missing: a cycle needs up_for and down_for");
  check.require(has_down || !has_up, "/outage/down_for", "is missing: a cycle needs up_for and down_for");
}

void check_slot(const SlotSettings& slot, Checker& check) {
  check.delay(slot.min, "/slot/min");
  check.delay(slot.max, "/slot/max");
  check.require(slot.min <= slot.max, "/slot/max", "is shorter than min");
  check.delay(slot.delay, "/slot/delay");
  check.delay(slot.jitter, "/slot/jitter");
  check_table(slot.distribution, slot.table, "/slot/distribution", check);
  const bool is_drawn = slot.delay != Duration(0), is_even = slot.max != Duration(0);
  const bool has_shape = slot.jitter != Duration(0) || slot.distribution != Distribution::uniform;
  const bool has_size = slot.packets > 0 || slot.bytes > 0;
  check.require(!is_even || !(is_drawn || has_shape), "/slot/delay",
                "with jitter and distribution stands in place of min and max: give one of them");
  check.require(is_drawn || is_even || !has_shape, "/slot/delay",
                "is missing: how long from one slot to the next, on average");
  check.require(is_drawn || is_even || has_shape || !has_size, "/slot/min",
                "is missing: how long from one slot to the next");
}

void check_direction(const DirectionConditions& conditions, Checker check) {
  check.delay(conditions.delay.time, "/delay/time");
  check.delay(conditions.delay.jitter, "/delay/jitter");
  check.correlation(conditions.delay.correlation, "/delay/correlation");
  check_table(conditions.delay.distribution, conditions.delay.table, "/delay/distribution", check);
  check_loss(conditions.loss, check);
  check.probability(conditions.duplicate.probability, "/duplicate/percent");
  check.correlation(conditions.duplicate.correlation, "/duplicate/correlation");
  check.probability(conditions.corrupt.probability, "/corrupt/percent");
  check.require(conditions.corrupt.bits >= 1 && conditions.corrupt.bits <= 64, "/corrupt/bits", "must be 1 to 64");
  check.correlation(conditions.corrupt.correlation, "/corrupt/correlation");
  check_reorder(conditions.reorder, check);
  check_rate(conditions.rate, check);
  check_queue(conditions, check);
  check_outage(conditions.outage, check);
  check_trace(conditions, check);
  check_slot(conditions.slot, check);
  const std::uint32_t mtu = conditions.mtu.bytes;
  check.require(mtu == 0 || (mtu >= kMinMtu && mtu <= 65'535), "/mtu/bytes",
                "must be 0 (not limited) or 68B to 65535B");
  const Duration idle = conditions.idle_timeout.time;
  check.require(idle >= Duration(0) && idle <= kMaxIdle, "/idle_timeout/time", "must be 0 (never) to 168h");
}

}  // namespace

std::vector<FieldError> validate(const LinkConditions& conditions) {
  std::vector<FieldError> errors;
  Seen seen;
  check_direction(conditions.up, Checker("/up", errors, seen));
  check_direction(conditions.down, Checker("/down", errors, seen));
  if (conditions.scenario.size() > kMaxSteps) errors.push_back({"/scenario", "has more than 1000 steps"});
  for (std::size_t i = 0; i < conditions.scenario.size(); ++i) {
    const ScenarioStep& step = conditions.scenario[i];
    const std::string where = "/scenario/" + std::to_string(i);
    Checker(where, errors, seen)
        .require(step.length >= kMinStep && step.length <= kMaxStep, "/for", "must be 1ms to 168h");
    if (step.up) check_direction(*step.up, Checker(where + "/up", errors, seen));
    if (step.down) check_direction(*step.down, Checker(where + "/down", errors, seen));
  }
  return errors;
}

}  // namespace wobble
