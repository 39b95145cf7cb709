// One direction's impairments, in their fixed order:
//
//   outage → mtu → loss → corrupt → duplicate → bottleneck (rate, queue) → slot → delay, jitter, reorder
//
// admit() takes a packet's identity, length and time of arrival and answers with its fate: dropped and why, or when
// each copy leaves; or that it waits in the bottleneck, where the queue's discipline decides later (bottleneck.h). Then
// the packet itself is brought with wait(), and next_leaving() gives it back when it is dropped, or when its
// transmission begins and the moment of its release is known. Apart from what waits, it touches no bytes and holds no
// packets: it is a pure function of its arguments, the seed and what it admitted before. Each stage is a small class of
// its own below impairments/.
//
// Invariant: unless `delay.reorder` or `reorder` asks for it, release times never decrease, also across a change of
// conditions. One thread. No allocation in admit() once warm; no exceptions.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "emulator/conditions/conditions.h"
#include "emulator/connections/connection_table.h"
#include "emulator/events/fate.h"
#include "emulator/packet/packet.h"
#include "emulator/queue/release_queue.h"
#include "emulator/statistics/link_stats.h"

namespace wobble {

struct Waiting;

/// What the pipeline decided beyond the Fate.
struct Verdict {
  Fate fate;
  std::uint64_t corrupt_draw = 0;  ///< for corrupt_packet(), if to_corrupt
  bool to_corrupt = false;
  /// > 0: the original is to be set aside until so many have come after it; release_at[0] is then the earliest.
  std::uint32_t hold_packets = 0;
  bool waits = false;                            ///< the copies that are not lost do, in the bottleneck
  std::array<bool, Fate::kMaxCopies> to_mark{};  ///< with congestion experienced, when it leaves the bottleneck
};

/// What comes out of the bottleneck after it has waited there.
struct LeftBottleneck {
  InFlight packet;  ///< with its release_at, unless dropped
  DropReason dropped = DropReason::none;
  bool to_mark = false;
  std::uint32_t hold_packets = 0;  ///< as Verdict's
};

class Pipeline {
 public:
  /// `connections`: how many the table has at most, whose handles admit() is given.
  Pipeline(Direction direction, std::uint64_t seed, std::uint32_t connections = ConnectionTableOptions{}.capacity);
  ~Pipeline();

  /// New conditions for packets that arrive from now on. Stages whose settings did not change keep their state
  /// (a burst goes on, the bottleneck stays busy). `conditions` must be valid.
  void configure(const DirectionConditions& conditions, TimePoint now) { configure(prepare(conditions, now), now); }
  /// The same in two steps: all that needs memory (std::bad_alloc, and nothing has changed), and all the rest. Nothing
  /// else may come in between.
  struct Prepared;
  std::shared_ptr<Prepared> prepare(const DirectionConditions& conditions, TimePoint now) const;
  void configure(const std::shared_ptr<Prepared>& prepared, TimePoint now) noexcept;

  /// `length` is the IP packet's. `now` never decreases, and next_leaving() has nothing more until then.
  Verdict admit(const FlowPosition& flow, std::uint32_t length, TimePoint now, bool is_ecn_capable = false) noexcept;

  /// Brings a copy that waits, as the verdict said, at its arrival and in the order of the verdicts.
  void wait(Waiting&& waiting) noexcept;
  /// There is no memory to bring it.
  void withdraw(std::uint32_t length) noexcept;
  /// What leaves the bottleneck until `now`, one after the other; false if there is nothing (any more). To be asked
  /// until then also before and after configure().
  bool next_leaving(TimePoint now, LeftBottleneck& out) noexcept;
  /// When next_leaving() has something to give; kNever if nothing waits.
  TimePoint next_leaving_at() const noexcept;
  /// Takes out what would be sent next of what waits; nothing if nothing does.
  std::optional<InFlight> take_waiting() noexcept;

  /// When the outage next begins or ends by its cycle; kNever without one.
  TimePoint next_change() const noexcept;
  /// Brings the outage's cycle up to `now`; true if an outage with drop_in_flight has begun since the last call, so
  /// that what is in flight is lost.
  bool advance(TimePoint now) noexcept;

  /// Forgets the order to be kept and the bottleneck's backlog: after everything in flight was released or dropped.
  void forget_backlog() noexcept;

  /// Before this nothing leaves that keeps the order; in the past if nothing is on its way.
  TimePoint order_floor() const noexcept;

  const DirectionConditions& conditions() const noexcept;
  /// Nothing is to happen to any packet.
  bool asks_nothing() const noexcept;
  /// How many of the next `n` packets of a flow, behind one that was just let through, meet its very fate if they
  /// arrive at the same moment. None where anything but random loss hangs on chance, on number or on size.
  std::uint32_t alike_behind(const FlowPosition& flow, std::uint32_t n) noexcept;
  /// What the model of loss has done so far, whatever it was.
  const LossRuns& loss_runs() const noexcept;

 private:
  struct Stages;
  std::unique_ptr<Stages> stages_;
  std::uint32_t connections_;
};

}  // namespace wobble
