// Floods of handshakes that are not completed, and of flows of which only one side is seen: when each begins and ends,
// what is opened meanwhile, and what the observer is told of it.
//
// One thread; time is an argument. The observer must outlive it.
#pragma once

#include <cstdint>

#include "emulator/connections/connection_table.h"
#include "emulator/connections/flood_watch.h"
#include "emulator/connections/flow_key.h"
#include "emulator/connections/one_sided_flows.h"

namespace wobble {

class FloodControl {
 public:
  /// `rate`: see FloodWatch.
  FloodControl(ConnectionObserver& observer, HashKey hash_key, std::uint32_t rate)
      : observer_(observer), hash_key_(hash_key), rate_(rate), handshakes_(rate), one_sided_(rate) {}

  void handshake_begun(TimePoint now) noexcept;
  void handshake_completed() noexcept { handshakes_.completed(); }
  /// A flood of handshakes is on.
  bool is_on() const noexcept { return handshakes_.is_on(); }
  /// A handshake that was not reported has come to nothing.
  void count_failure(const FlowKey& key, Side client_side, const Failure& failure, TimePoint now) noexcept;

  /// Of a packet that would open a record without a handshake: whether it may, or there is a flood of such.
  bool may_open(const FlowKey& key, Side client_side, Side arrived_on, TimePoint now) noexcept;
  /// Both sides of a flow that was opened without a handshake have sent.
  void flow_answered() noexcept { one_sided_.completed(); }

  /// When advance() has something to do; kNever if nothing waits.
  TimePoint next_due() const noexcept;
  void advance(TimePoint now) noexcept;
  /// No flood is on any more, and nothing is remembered of any.
  void end(TimePoint now) noexcept;

 private:
  void notify(HalfOpenFlood::Phase phase, TimePoint now, TimePoint since, bool is_one_sided) noexcept;
  void flush(TimePoint now) noexcept;
  void flush_one_sided(TimePoint now) noexcept;

  ConnectionObserver& observer_;
  HashKey hash_key_;
  std::uint32_t rate_;
  FloodWatch handshakes_;
  FloodTally failures_;
  FloodWatch one_sided_;
  FloodTally one_sided_flows_;
  OneSidedFlows seen_;
};

}  // namespace wobble
