#include "emulator/statistics/reordering_meter.h"

namespace wobble {

ReorderingMeter::Departure ReorderingMeter::depart(std::uint64_t sequence) noexcept {
  Departure departure;
  if (sequence >= next_expected_) {
    if (!runs_.empty() && sequence == next_expected_ && runs_[last_].position + runs_[last_].length == position_) {
      ++runs_[last_].length;
    } else {
      begin_run(sequence);
    }
    next_expected_ = sequence + 1;
  } else {
    departure = {true, position_ - first_later(sequence)};
  }
  ++position_;
  return departure;
}

void ReorderingMeter::begin_run(std::uint64_t sequence) noexcept {
  if (runs_.size() < kRuns) {
    last_ = runs_.size();
    runs_.push_back({sequence, position_, 1});
  } else {
    last_ = oldest_;
    runs_[last_] = {sequence, position_, 1};
    oldest_ = (oldest_ + 1) % kRuns;
  }
}

/// The position of the earliest departure whose number is above `sequence`. Each such was in order, and so in a run,
/// and the runs' numbers and positions ascend.
std::uint64_t ReorderingMeter::first_later(std::uint64_t sequence) const noexcept {
  std::size_t from = 0, to = runs_.size() - 1;  // the last run ends above
  while (from < to) {
    const std::size_t middle = (from + to) / 2;
    const Run& run = runs_[(oldest_ + middle) % runs_.size()];
    if (run.sequence + run.length > sequence + 1) {
      to = middle;
    } else {
      from = middle + 1;
    }
  }
  const Run& run = runs_[(oldest_ + from) % runs_.size()];
  return run.position + (sequence + 1 > run.sequence ? sequence + 1 - run.sequence : 0);
}

}  // namespace wobble
