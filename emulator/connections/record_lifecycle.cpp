#include "emulator/connections/record_lifecycle.h"

namespace wobble {
namespace {

/// A packet is never in flight for so long, at conditions of ten minutes each.
constexpr Duration kLongestFlight = std::chrono::hours(1);

}  // namespace

void RecordLifecycle::begin_flow(std::uint32_t index, TimePoint now) noexcept {
  idle_.touch(index, kFlows);
  wheel_.set(index, deadline_of(index), now);
}

TimePoint RecordLifecycle::deadline_of(std::uint32_t index) const noexcept {
  const Record& record = store_[index];
  if (record.is_leaving) return record.last_segment + kLongestFlight;
  if (record.key.protocol != kTcp) return record.last_segment + timeouts_.flow;
  return wobble::deadline_of(record.tcp, timeouts_, record.last_segment);
}

void RecordLifecycle::settle(std::uint32_t index, bool is_use, TimePoint now) noexcept {
  Record& record = store_[index];
  const std::uint8_t list = record.is_leaving ? kLeaving : class_of(awaited_by(record.tcp));
  if (is_use) record.last_segment = now;
  if (is_use || !idle_.is_in(index, list)) idle_.touch(index, list);
  wheel_.set(index, deadline_of(index), now);
  const bool is_over = wobble::is_over(record.tcp);
  if (record.is_end_reported && !is_over) reports_.report_reopened(record, now);
  if (record.is_end_reported || !is_over) return;
  reports_.report_end(record, end_of(record.tcp), now);
  if (record.is_withheld) forget(index, now);  // counted: nobody asks what comes behind it
}

void RecordLifecycle::expire(std::uint32_t index, TimePoint now) noexcept {
  Record& record = store_[index];
  if (record.is_leaving) return end_leaving(index, now);
  if (record.key.protocol != kTcp) {
    reports_.report_end(record, End::idle_timeout, now);
    return dismiss(index, End::idle_timeout, now);
  }
  Steps steps;
  const bool is_done = time_out(record.tcp, timeouts_, record.last_segment, now, steps);
  reports_.report_steps(record, steps, nullptr, now);
  if (is_done) {
    reports_.report_end(record, end_of(record.tcp), now);
    dismiss(index, end_of(record.tcp), now);
  } else {
    settle(index, false, now);
  }
}

void RecordLifecycle::dismiss(std::uint32_t index, End end, TimePoint now) noexcept {
  Record& record = store_[index];
  if (record.is_withheld || pools_.in_flight(record) == 0) {
    reports_.report_end(record, end, now);
    return forget(index, now);
  }
  if (leaving() >= RecordStore::most_leaving(capacity_)) end_leaving(idle_.oldest(kLeaving), now);
  if (record.key.protocol == kTcp) pools_.count_state(record, record.tcp.client.state, -1u);
  store_.leave(index);
  record.is_evicted = end == End::evicted;
  idle_.touch(index, kLeaving);
  wheel_.set(index, deadline_of(index), now);
}

End RecordLifecycle::end_of_leaving(const Record& record) noexcept {
  return record.is_evicted ? End::evicted : End::superseded;
}

void RecordLifecycle::end_leaving(std::uint32_t index, TimePoint now) noexcept {
  reports_.report_end(store_[index], end_of_leaving(store_[index]), now);
  forget(index, now);
}

void RecordLifecycle::forget(std::uint32_t index, TimePoint now) noexcept {
  Record& record = store_[index];
  reports_.report_late(record, now);
  pools_.release(record);
  idle_.remove(index);
  wheel_.cancel(index);
  store_.erase(index);
}

void RecordLifecycle::end_all(TimePoint now) noexcept {
  for (std::uint32_t index = 1; index <= store_.highest(); ++index) {
    Record& record = store_[index];
    if (!record.is_used) continue;
    reports_.report_end(record, record.is_leaving ? end_of_leaving(record) : end_if_open(record.tcp), now);
    forget(index, now);
  }
}

void RecordLifecycle::advance(TimePoint now, std::uint32_t& budget) noexcept {
  const auto deadline_of_record = [this](std::uint32_t index) { return deadline_of(index); };
  while (const std::uint32_t index = wheel_.pop_due(now, budget, deadline_of_record)) expire(index, now);
}

}  // namespace wobble
