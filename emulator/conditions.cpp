#include "emulator/conditions.h"

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

void check_loss(const LossSettings& loss, Checker& check) {
  check.require(loss.random.is_zero() || !loss.gilbert_elliott, "/loss",
                "random and gilbert_elliott exclude each other: give one of them");
  check.probability(loss.random, "/loss/random");
  if (!loss.gilbert_elliott) return;
  check.probability(loss.gilbert_elliott->p, "/loss/gilbert_elliott/p");
  check.probability(loss.gilbert_elliott->r, "/loss/gilbert_elliott/r");
  check.probability(loss.gilbert_elliott->bad_loss, "/loss/gilbert_elliott/1-h");
  check.probability(loss.gilbert_elliott->good_loss, "/loss/gilbert_elliott/1-k");
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
  check.require(conditions.rate == 0 || (conditions.rate >= kMinRate && conditions.rate <= kMaxRate), "/rate",
                "must be 0 (not limited) or 8bit to 1000gbit");
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
