// Says that there was no memory: the first time, and the first after a while without. One thread.
#pragma once

#include <cstdint>

#include "emulator/connections/connection_table.h"
#include "emulator/time.h"

namespace wobble {

class ExhaustionNotice {
 public:
  /// `observer` must outlive it.
  explicit ExhaustionNotice(ConnectionObserver& observer) noexcept : observer_(observer) {}

  /// There was none for a packet (`limit`: the bound, in bytes), or for a scenario's step (0).
  void tell(TimePoint now, std::uint64_t limit) noexcept {
    if (latest_ == TimePoint::min() || now - latest_ >= kQuiet) observer_.on_exhausted(MemoryExhausted{now, limit});
    latest_ = now;
  }

 private:
  static constexpr Duration kQuiet = std::chrono::seconds(10);

  ConnectionObserver& observer_;
  TimePoint latest_ = TimePoint::min();
};

}  // namespace wobble
