// The link's transmitter and the buffer before it.
//
// With drop-tail everything about a packet is known when it arrives, so nothing waits here: its departure is computed
// at once, in some nanoseconds, and neighbours stay together. Every other discipline decides later, when a packet could
// be sent; its packets wait here until then, and leave through next(). Both ways give the same departures to the same
// packets.
//
// Time: whoever calls admit(), configure() or next() with a later `now` has first taken everything out that next() has
// to give until then, so that things happen in the order of their moments, however late the caller is.
#pragma once

#include <memory>
#include <optional>

#include "emulator/conditions/conditions.h"
#include "emulator/events/fate.h"
#include "emulator/impairments/chance.h"
#include "emulator/impairments/queue_discipline.h"
#include "emulator/impairments/transmitter.h"
#include "emulator/queue/ring.h"

namespace wobble {

class Bottleneck {
 public:
  Bottleneck(std::uint64_t seed, Direction direction) noexcept;

  /// New settings for what comes, and for what still waits, of which nothing is lost: it goes over to a new discipline
  /// in the order in which the old one would have sent it, or, if that is drop-tail, on its way at once. What has its
  /// departure keeps it, and the transmitter stays busy until then.
  /// `prepared` is what prepare() made for these very settings, with nothing in between.
  void configure(const RateSettings& rate, const TraceSettings& trace, const QueueSettings& queue,
                 std::unique_ptr<QueueDiscipline> prepared, TimePoint now) noexcept;
  /// All that configure() needs memory for; null if nothing. std::bad_alloc.
  std::unique_ptr<QueueDiscipline> prepare(const RateSettings& rate, const TraceSettings& trace,
                                           const QueueSettings& queue, TimePoint now) const;

  struct Arriving {
    FlowPosition flow;
    std::uint32_t length = 0;
    bool is_copy = false;
    bool is_ecn_capable = false;
  };
  /// Dropped for a reason; or it leaves at `departure`; or it `waits`, and is to be brought with wait(), or given up
  /// with withdraw().
  struct Admission {
    DropReason dropped = DropReason::none;
    bool waits = false;
    bool to_mark = false;
    TimePoint departure;
  };
  Admission admit(const Arriving& packet, TimePoint now) noexcept;
  void wait(Waiting&& waiting) noexcept;
  void withdraw(std::uint32_t length) noexcept;

  /// A packet that waited: dropped, or at the beginning of its transmission, which ends with its departure.
  struct Leaving {
    Waiting waiting;
    DropReason dropped = DropReason::none;
    TimePoint departure;
  };
  /// The next one until `now`, one after the other; false if there is none (any more).
  bool next(TimePoint now, Leaving& out) noexcept;
  /// When next() has something to give; kNever if nothing waits.
  TimePoint next_due() const noexcept;

  /// Takes out what would be sent next, of everything that waits; nothing if nothing does.
  std::optional<Waiting> take() noexcept { return queue_ ? queue_->take() : std::nullopt; }
  /// The transmitter is free, and what it has sent is gone.
  void forget_backlog() noexcept;

 private:
  struct Sent {
    TimePoint departure;
    std::uint32_t length = 0;
  };
  bool holds() const noexcept { return transmitter_.is_limited() && settings_.discipline != Discipline::droptail; }
  /// What is admitted and not sent yet.
  Backlog waiting() const noexcept;
  bool has_room(std::uint32_t length, TimePoint now) const noexcept;
  bool send(std::uint32_t length, TimePoint since, TimePoint& departure) noexcept;
  void forget_sent(TimePoint now) noexcept;
  Surroundings surroundings(const RateSettings& rate, const TraceSettings& trace,
                            const QueueSettings& queue) const noexcept;

  std::uint64_t flow_seed_;
  Chance chance_;
  Transmitter transmitter_;
  QueueSettings settings_;
  Surroundings surroundings_;
  std::uint64_t default_limit_ = 0;             ///< in bytes
  std::unique_ptr<QueueDiscipline> queue_;      ///< null if nothing waits here, nor is going to
  Backlog promised_;                            ///< admitted, and not brought yet
  TimePoint waiting_since_ = TimePoint::min();  ///< when the first came of those that have waited without a pause
  Drops drops_;
  Ring<Sent> sent_;               ///< those whose last bit is not sent
  std::uint64_t sent_bytes_ = 0;  ///< of those
};

}  // namespace wobble
