#include "emulator/link/pipeline.h"

#include <utility>

#include "emulator/impairments/bottleneck.h"
#include "emulator/impairments/corrupt.h"
#include "emulator/impairments/delay.h"
#include "emulator/impairments/duplicate.h"
#include "emulator/impairments/loss.h"
#include "emulator/impairments/outage.h"
#include "emulator/impairments/reorder.h"
#include "emulator/impairments/slot.h"
#include "emulator/packet/packet_ecn.h"

namespace wobble {

struct Pipeline::Stages {
  Stages(Direction direction, std::uint64_t seed) noexcept
      : loss(seed, direction),
        corrupt(seed, direction),
        duplicate(seed, direction),
        bottleneck(seed, direction),
        slot(seed, direction),
        delay(seed, direction),
        reorder(seed, direction) {}

  DirectionConditions conditions;
  bool is_uniform = true;
  bool asks_nothing = true;
  Outage outage;
  Loss loss;
  Corrupt corrupt;
  Duplicate duplicate;
  Bottleneck bottleneck;
  Slot slot;
  Delay delay;
  Reorder reorder;

  /// The memory of what is asked for by connection. Nothing that is in force changes.
  void reserve(const DirectionConditions& asked, std::uint32_t connections) {
    loss.reserve(asked.loss, connections);
    corrupt.reserve(asked.corrupt, connections);
    duplicate.reserve(asked.duplicate, connections);
    delay.reserve(asked.delay, connections);
    reorder.reserve(asked.reorder, connections);
  }

  /// What the model of loss does to a packet in its place, before the bottleneck or behind it.
  enum class Choice : std::uint8_t { spare, mark, lose };
  Choice choice(bool is_behind, const FlowPosition& flow, std::uint8_t copy, bool is_ecn_capable) noexcept {
    if (conditions.loss.after_rate != is_behind || !loss.loses(flow, copy > 0)) return Choice::spare;
    return conditions.loss.ecn && is_ecn_capable ? Choice::mark : Choice::lose;
  }

  /// When a copy leaves the link that came out of the bottleneck at `departure`. What is moved back holds nobody back.
  TimePoint release(TimePoint departure, const FlowPosition& flow, std::uint32_t length, std::uint8_t copy,
                    bool is_reordered, std::uint32_t& hold_packets) noexcept {
    const TimePoint release_at = delay.departure(slot.opening_for(length, departure), flow, copy > 0);
    if (copy == 0 && is_reordered) {
      hold_packets = reorder.by_packets();
      return release_at + reorder.by_time();
    }
    delay.keep_behind(release_at);
    return release_at;
  }
};

namespace {

Verdict dropped(DropReason reason) noexcept {
  Verdict verdict;
  verdict.fate.dropped = verdict.fate.lost[0] = reason;
  return verdict;
}

/// Whether packets that arrive at one moment, and are not lost, all meet the fate of the first.
bool is_uniform_under(const DirectionConditions& conditions) {
  DirectionConditions uniform;
  uniform.delay.time = conditions.delay.time;
  uniform.outage = conditions.outage;
  if (std::holds_alternative<RandomLoss>(conditions.loss.model)) uniform.loss.model = conditions.loss.model;
  return conditions == uniform;
}

}  // namespace

Pipeline::Pipeline(Direction direction, std::uint64_t seed, std::uint32_t connections)
    : stages_(std::make_unique<Stages>(direction, seed)), connections_(connections) {}
Pipeline::~Pipeline() = default;

struct Pipeline::Prepared {
  DirectionConditions conditions;
  DirectionConditions settings;  ///< the stages' own
  bool is_uniform = true;
  bool asks_nothing = true;
  std::unique_ptr<QueueDiscipline> queue;
};

std::shared_ptr<Pipeline::Prepared> Pipeline::prepare(const DirectionConditions& conditions, TimePoint now) const {
  stages_->reserve(conditions, connections_);
  auto queue = stages_->bottleneck.prepare(conditions.rate, conditions.trace, conditions.queue, now);
  return std::make_shared<Prepared>(Prepared{conditions, conditions, is_uniform_under(conditions),
                                             conditions == DirectionConditions{}, std::move(queue)});
}

void Pipeline::configure(const std::shared_ptr<Prepared>& prepared, TimePoint now) noexcept {
  Stages& s = *stages_;
  DirectionConditions& settings = prepared->settings;
  s.conditions = std::move(prepared->conditions);
  s.is_uniform = prepared->is_uniform;
  s.asks_nothing = prepared->asks_nothing;
  s.outage.configure(settings.outage, now);
  s.loss.configure(std::move(settings.loss));
  s.corrupt.configure(settings.corrupt);
  s.duplicate.configure(settings.duplicate);
  s.bottleneck.configure(settings.rate, settings.trace, settings.queue, std::move(prepared->queue), now);
  s.slot.configure(std::move(settings.slot));
  s.delay.configure(std::move(settings.delay));
  s.reorder.configure(settings.reorder);
}

Verdict Pipeline::admit(const FlowPosition& flow, std::uint32_t length, TimePoint now, bool is_ecn_capable) noexcept {
  Stages& s = *stages_;
  if (s.outage.is_down(now)) return dropped(DropReason::outage);
  const std::uint32_t mtu = s.conditions.mtu.bytes;
  if (mtu > 0 && length > mtu) return dropped(DropReason::mtu);
  const Stages::Choice before = s.choice(false, flow, 0, is_ecn_capable);
  if (before == Stages::Choice::lose) return dropped(DropReason::loss);

  Verdict verdict;
  Fate& fate = verdict.fate;
  if (s.corrupt.strikes(flow)) {
    verdict.to_corrupt = true;
    verdict.corrupt_draw = s.corrupt.draw_for(flow);
  }
  if (s.duplicate.strikes(flow)) fate.copies = 2;

  // Only the original is moved back; its copy goes where it would have gone.
  fate.reordered = s.reorder.strikes(flow);
  for (std::uint8_t copy = 0; copy < fate.copies; ++copy) {
    const Bottleneck::Admission passed = s.bottleneck.admit({flow, length, copy > 0, is_ecn_capable}, now);
    fate.lost[copy] = passed.dropped;
    if (passed.dropped != DropReason::none) continue;
    verdict.to_mark[copy] = passed.to_mark || before == Stages::Choice::mark;
    if (passed.waits) {
      verdict.waits = true;
      fate.release_at[copy] = kNever;
      continue;
    }
    const Stages::Choice behind = s.choice(true, flow, copy, is_ecn_capable);
    if (behind == Stages::Choice::lose) {
      fate.lost[copy] = DropReason::loss;
    } else {
      if (behind == Stages::Choice::mark) verdict.to_mark[copy] = true;
      fate.release_at[copy] = s.release(passed.departure, flow, length, copy, fate.reordered, verdict.hold_packets);
    }
  }
  fate.dropped = fate.lost[0];
  if (fate.is_dropped()) fate.reordered = false;
  return verdict;
}

void Pipeline::wait(Waiting&& waiting) noexcept { stages_->bottleneck.wait(std::move(waiting)); }

void Pipeline::withdraw(std::uint32_t length) noexcept { stages_->bottleneck.withdraw(length); }

bool Pipeline::next_leaving(TimePoint now, LeftBottleneck& out) noexcept {
  Stages& s = *stages_;
  Bottleneck::Leaving left;
  if (!s.bottleneck.next(now, left)) return false;
  const FlowPosition& flow = left.waiting.flow;
  out.packet = std::move(left.waiting.packet);
  out.dropped = left.dropped;
  out.to_mark = left.waiting.to_mark;
  out.hold_packets = 0;
  if (out.dropped != DropReason::none) return true;
  const std::uint8_t copy = out.packet.copy;
  const Stages::Choice behind = s.choice(true, flow, copy, is_ecn_capable(out.packet.buffer.bytes()));
  if (behind == Stages::Choice::lose) {
    out.dropped = DropReason::loss;
    return true;
  }
  if (behind == Stages::Choice::mark) out.to_mark = true;
  out.packet.release_at =
      s.release(left.departure, flow, out.packet.wire_bytes, copy, out.packet.fate.reordered, out.hold_packets);
  out.packet.fate.release_at[copy] = out.packet.release_at;
  return true;
}

TimePoint Pipeline::next_leaving_at() const noexcept { return stages_->bottleneck.next_due(); }

std::optional<InFlight> Pipeline::take_waiting() noexcept {
  std::optional<Waiting> next = stages_->bottleneck.take();
  return next ? std::optional<InFlight>(std::move(next->packet)) : std::nullopt;
}

TimePoint Pipeline::next_change() const noexcept { return stages_->outage.next_change(); }

bool Pipeline::advance(TimePoint now) noexcept { return stages_->outage.advance(now); }

void Pipeline::forget_backlog() noexcept {
  stages_->bottleneck.forget_backlog();
  stages_->slot.forget();
  stages_->delay.forget_order();
}

TimePoint Pipeline::order_floor() const noexcept { return stages_->delay.floor(); }

const LossRuns& Pipeline::loss_runs() const noexcept { return stages_->loss.runs(); }

const DirectionConditions& Pipeline::conditions() const noexcept { return stages_->conditions; }

bool Pipeline::asks_nothing() const noexcept { return stages_->asks_nothing; }

std::uint32_t Pipeline::alike_behind(const FlowPosition& flow, std::uint32_t n) noexcept {
  return stages_->is_uniform ? stages_->loss.spared_behind(flow, n) : 0;
}

}  // namespace wobble
