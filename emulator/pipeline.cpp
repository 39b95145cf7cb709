#include "emulator/pipeline.h"

#include "emulator/impairments/bottleneck.h"
#include "emulator/impairments/corrupt.h"
#include "emulator/impairments/delay.h"
#include "emulator/impairments/duplicate.h"
#include "emulator/impairments/loss.h"
#include "emulator/impairments/outage.h"
#include "emulator/impairments/reorder.h"
#include "emulator/impairments/slot.h"

namespace wobble {

struct Pipeline::Stages {
  Stages(Direction direction, std::uint64_t seed) noexcept
      : loss(seed, direction),
        corrupt(seed, direction),
        duplicate(seed, direction),
        slot(seed, direction),
        delay(seed, direction),
        reorder(seed, direction) {}

  DirectionConditions conditions;
  Outage outage;
  Loss loss;
  Corrupt corrupt;
  Duplicate duplicate;
  Bottleneck bottleneck;
  Slot slot;
  Delay delay;
  Reorder reorder;
};

namespace {

Verdict dropped(DropReason reason) noexcept {
  Verdict verdict;
  verdict.fate.dropped = verdict.fate.lost[0] = reason;
  return verdict;
}

}  // namespace

Pipeline::Pipeline(Direction direction, std::uint64_t seed) : stages_(std::make_unique<Stages>(direction, seed)) {}
Pipeline::~Pipeline() = default;

void Pipeline::configure(const DirectionConditions& conditions, TimePoint now) {
  Stages& s = *stages_;
  s.conditions = conditions;
  s.outage.configure(conditions.outage, now);
  s.loss.configure(conditions.loss);
  s.corrupt.configure(conditions.corrupt);
  s.duplicate.configure(conditions.duplicate);
  s.bottleneck.configure(conditions.rate, conditions.queue);
  s.slot.configure(conditions.slot);
  s.delay.configure(conditions.delay);
  s.reorder.configure(conditions.reorder);
}

Verdict Pipeline::admit(const FlowPosition& flow, std::uint32_t length, TimePoint now) noexcept {
  Stages& s = *stages_;
  if (s.outage.is_down(now)) return dropped(DropReason::outage);
  if (s.loss.loses(flow)) return dropped(DropReason::loss);

  Verdict verdict;
  Fate& fate = verdict.fate;
  if (s.corrupt.strikes(flow)) {
    verdict.to_corrupt = true;
    verdict.corrupt_draw = s.corrupt.draw_for(flow);
  }
  if (s.duplicate.strikes(flow)) fate.copies = 2;

  const std::uint64_t jitter = s.delay.draw(flow);
  for (std::uint8_t copy = 0; copy < fate.copies; ++copy) {
    TimePoint sent;
    fate.lost[copy] = s.bottleneck.admit(length, now, sent);
    if (fate.lost[copy] != DropReason::none) continue;
    sent = s.slot.opening_for(length, sent);
    fate.release_at[copy] = s.delay.departure(sent, jitter, copy > 0);
    // Only the original is moved back, and it holds nobody else back; its copy goes where it would have gone.
    if (copy == 0 && s.reorder.strikes(flow)) {
      fate.reordered = true;
      fate.release_at[copy] += s.reorder.by_time();
      verdict.hold_packets = s.reorder.by_packets();
    } else {
      s.delay.keep_behind(fate.release_at[copy]);
    }
  }
  fate.dropped = fate.lost[0];
  return verdict;
}

TimePoint Pipeline::next_change() const noexcept { return stages_->outage.next_change(); }

bool Pipeline::advance(TimePoint now) noexcept { return stages_->outage.advance(now); }

void Pipeline::forget_backlog(TimePoint) noexcept {
  stages_->bottleneck.forget_backlog();
  stages_->slot.forget();
  stages_->delay.forget_order();
}

const DirectionConditions& Pipeline::conditions() const noexcept { return stages_->conditions; }

}  // namespace wobble
