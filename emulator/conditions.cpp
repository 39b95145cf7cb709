#include "emulator/conditions.h"

#include <algorithm>
#include <functional>

namespace wobble {
namespace {

/// Gathers what is wrong in one direction; the names are those of the JSON.
class Checker {
 public:
  Checker(std::string prefix, std::vector<FieldError>& errors) : prefix_(std::move(prefix)), errors_(errors) {}

  void require(bool is_right, const char* field, const char* detail) {
    if (!is_right) errors_.push_back({prefix_ + field, detail});
  }
  void probability(Probability p, const char* field) {
    require(p.parts_per_billion <= Probability::kOne, field, "must be 0% to 100%");
  }
  void delay(Duration d, const char* field) { require(d >= Duration(0) && d <= kMaxDelay, field, "must be 0 to 10m"); }

 private:
  std::string prefix_;
  std::vector<FieldError>& errors_;
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
  check.require(others + !loss.random.is_zero() <= 1, "/loss",
                "random, burst, gilbert_elliott, markov, every, list and pattern exclude each other: give one of them");
  check.probability(loss.random, "/loss/random");
  check.require(loss.correlation.parts_per_billion < Probability::kOne, "/loss/correlation",
                "must be below 100%: with it the first packet would decide for all");
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

void check_reorder(const ReorderSettings& reorder, Checker& check) {
  check.probability(reorder.probability, "/reorder/percent");
  const bool has_packets = reorder.by_packets > 0;
  const bool has_time = reorder.by_time != Duration(0);
  check.require(has_packets || has_time || reorder.probability.is_zero(), "/reorder/by",
                "is missing: how far back, in packets (\"3packets\") or time (\"10ms\")");
  check.require(!has_packets || !has_time, "/reorder/by", "is either packets or a time, not both");
  check.require(reorder.by_packets <= kMaxReorderPackets, "/reorder/by", "must be at most 1000packets");
  check.delay(reorder.by_time, "/reorder/by");
}

void check_queue(const QueueSettings& queue, Checker& check) {
  const int limits = (queue.limit_bytes > 0) + (queue.limit_packets > 0) + (queue.limit_time != Duration(0));
  check.require(limits <= 1, "/queue/limit", "is one of bytes, packets or a time, not several");
  check.delay(queue.limit_time, "/queue/limit");
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

void check_direction(const DirectionConditions& conditions, Checker check) {
  check.delay(conditions.delay.time, "/delay/time");
  check.delay(conditions.delay.jitter, "/delay/jitter");
  check_loss(conditions.loss, check);
  check.probability(conditions.duplicate.probability, "/duplicate/percent");
  check.probability(conditions.corrupt.probability, "/corrupt/percent");
  check.require(conditions.corrupt.bits >= 1 && conditions.corrupt.bits <= 64, "/corrupt/bits", "must be 1 to 64");
  check_reorder(conditions.reorder, check);
  check.require(conditions.rate.bits_per_second == 0 ||
                    (conditions.rate.bits_per_second >= kMinRate && conditions.rate.bits_per_second <= kMaxRate),
                "/rate", "must be 0 (not limited) or 8bit to 1000gbit");
  check_queue(conditions.queue, check);
  check_outage(conditions.outage, check);
}

}  // namespace

std::vector<FieldError> validate(const LinkConditions& conditions) {
  std::vector<FieldError> errors;
  check_direction(conditions.up, Checker("/up", errors));
  check_direction(conditions.down, Checker("/down", errors));
  return errors;
}

}  // namespace wobble
