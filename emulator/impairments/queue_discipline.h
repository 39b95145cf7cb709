// What a queue does with the packets that wait in it: who is sent next, who is marked, and who leaves by the back door.
// The bottleneck asks for the next packet at the moment its transmission can begin, so that a discipline may decide
// then.
//
// Time only goes forward over the calls. What changes with time alone (PIE's updates, RED's idle time) is brought up
// to date by the next call: nothing happens to a queue in between, so there is nothing to be seen of it.
#pragma once

#include <memory>
#include <optional>

#include "emulator/conditions/conditions.h"
#include "emulator/connections/connection_table.h"
#include "emulator/queue/release_queue.h"
#include "emulator/queue/ring.h"

namespace wobble {

/// A packet in the bottleneck, with what is still to be known of it behind. It came when it arrived at the link.
struct Waiting {
  InFlight packet;
  FlowPosition flow;
  std::uint64_t line_bytes = 0;  ///< that its transmission takes
  bool to_mark = false;          ///< congestion experienced, when it leaves

  std::uint32_t length() const noexcept { return packet.wire_bytes; }
};

struct DroppedWaiting {
  Waiting waiting;
  DropReason reason = DropReason::none;
};
using Drops = Ring<DroppedWaiting>;

enum class OnArrival : std::uint8_t { enqueue, mark, drop };

/// What waits in a queue.
struct Backlog {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  ///< of IP packets
  std::uint64_t line_bytes = 0;

  void add(const Waiting& waiting) noexcept {
    ++packets;
    bytes += waiting.length();
    line_bytes += waiting.line_bytes;
  }
  void remove(const Waiting& waiting) noexcept {
    --packets;
    bytes -= waiting.length();
    line_bytes -= waiting.line_bytes;
  }
};

class QueueDiscipline {
 public:
  virtual ~QueueDiscipline() = default;

  /// What becomes of a packet that arrives and finds room. `number` is its chance.
  virtual OnArrival arrive(std::uint64_t number, std::uint32_t length, bool is_ecn_capable, TimePoint now) noexcept {
    (void)number, (void)length, (void)is_ecn_capable, (void)now;
    return OnArrival::enqueue;
  }
  /// Takes in what arrive() let in. False, and `waiting` untouched, if there is no memory.
  virtual bool push(Waiting&& waiting) noexcept = 0;
  /// The packet that is sent next, from `now` on; those dropped on the way go to `drops`. Nothing if none is left.
  virtual std::optional<Waiting> pop(TimePoint now, Drops& drops) noexcept = 0;
  /// The same without a judgement, for a queue that is dissolved.
  virtual std::optional<Waiting> take() noexcept = 0;
  /// The buffer is full: makes room at the cost of those that wait. False: the one that arrives has to go.
  virtual bool make_room(Drops& drops) noexcept {
    (void)drops;
    return false;
  }
  const Backlog& backlog() const noexcept { return backlog_; }

 protected:
  Backlog backlog_;
};

/// First come, first served: what most disciplines are made from.
class Fifo : public QueueDiscipline {
 public:
  bool push(Waiting&& waiting) noexcept override;
  std::optional<Waiting> pop(TimePoint, Drops&) noexcept override { return take(); }
  std::optional<Waiting> take() noexcept override;

 private:
  Ring<Waiting> queue_;
};

/// Who has waited longest makes room.
class HeadDrop final : public Fifo {
 public:
  bool make_room(Drops& drops) noexcept override;
};

/// What the defaults of a discipline hang on.
struct Surroundings {
  std::uint64_t seed = 0;                   ///< of the link and the direction
  std::uint64_t line_bytes_per_second = 0;  ///< of the transmitter; of a trace, on average
  std::uint64_t limit_bytes = 0;            ///< of the queue; of another limit, about as many
  bool operator==(const Surroundings&) const = default;
};

/// A queue as set at `now`; with droptail, a plain one.
std::unique_ptr<QueueDiscipline> make_discipline(const QueueSettings& settings, const Surroundings& around,
                                                 TimePoint now);

}  // namespace wobble
