// CoDel (RFC 8289): watches how long packets have waited when their turn comes. When none of them waited less than
// `target` for a whole `interval`, it drops one, and then one after interval / sqrt(1), interval / sqrt(2) ... until
// the wait is below `target` again.
//
// As in the RFC's section 5, with Linux's count on re-entry (which the RFC shows) and Linux's marking: a packet that is
// marked instead of dropped is sent, and counts as one dropped.
#pragma once

#include <cmath>
#include <optional>

#include "emulator/impairments/queue_discipline.h"
#include "emulator/packet/packet_ecn.h"

namespace wobble {

struct CodelParameters {
  Duration target = std::chrono::milliseconds(5);
  Duration interval = std::chrono::milliseconds(100);
  bool ecn = false;
};

/// The control law for one queue: all there is to CoDel but the queue itself.
class Codel {
 public:
  /// RFC 8289's maxpacket: with no more than this behind it, a packet is never dropped.
  static constexpr std::uint64_t kMaxPacket = 1514;

  /// The next packet of `queue` to be sent at `now`. `queue` has `std::optional<Waiting> take()`, which takes out the
  /// head, and `backlog()`.
  template <typename Queue>
  std::optional<Waiting> pop(Queue& queue, const CodelParameters& parameters, TimePoint now, Drops& drops) noexcept;

 private:
  template <typename Queue>
  std::optional<Waiting> take(Queue& queue, const CodelParameters& parameters, TimePoint now,
                              bool& ok_to_drop) noexcept;
  /// Marks it if that will do; otherwise drops it.
  static bool mark(Waiting& waiting, const CodelParameters& parameters) noexcept;
  static TimePoint control_law(TimePoint t, const CodelParameters& parameters, std::uint32_t count) noexcept;

  TimePoint first_above_time_{};  ///< 0: below target
  TimePoint drop_next_{};
  std::uint32_t count_ = 0;       ///< drops since the dropping state was entered
  std::uint32_t last_count_ = 0;  ///< what count_ began with
  bool dropping_ = false;
};

class CodelQueue final : public Fifo {
 public:
  explicit CodelQueue(const CodelParameters& parameters) noexcept : parameters_(parameters) {}
  std::optional<Waiting> pop(TimePoint now, Drops& drops) noexcept override;

 private:
  CodelParameters parameters_;
  Codel codel_;
};

CodelParameters codel_parameters(const QueueSettings& settings) noexcept;

inline bool Codel::mark(Waiting& waiting, const CodelParameters& parameters) noexcept {
  PacketView view;
  view.bytes = waiting.packet.buffer.bytes();
  if (!parameters.ecn || !is_ecn_capable(view)) return false;
  waiting.to_mark = true;
  return true;
}

/// A root and a quotient, each the nearest there is: the same on every machine.
inline TimePoint Codel::control_law(TimePoint t, const CodelParameters& parameters, std::uint32_t count) noexcept {
  const double interval = static_cast<double>(parameters.interval.count());
  return t + Duration(static_cast<std::int64_t>(interval / std::sqrt(static_cast<double>(count))));
}

template <typename Queue>
std::optional<Waiting> Codel::take(Queue& queue, const CodelParameters& parameters, TimePoint now,
                                   bool& ok_to_drop) noexcept {
  ok_to_drop = false;
  std::optional<Waiting> head = queue.take();
  if (!head) {
    first_above_time_ = {};
    return head;
  }
  const Duration sojourn = now - head->packet.arrived;
  if (sojourn < parameters.target || queue.backlog().bytes <= kMaxPacket) {
    first_above_time_ = {};
  } else if (first_above_time_ == TimePoint{}) {
    first_above_time_ = now + parameters.interval;
  } else {
    ok_to_drop = now >= first_above_time_;
  }
  return head;
}

template <typename Queue>
std::optional<Waiting> Codel::pop(Queue& queue, const CodelParameters& parameters, TimePoint now,
                                  Drops& drops) noexcept {
  bool ok_to_drop = false;
  std::optional<Waiting> head = take(queue, parameters, now, ok_to_drop);
  if (dropping_) {
    if (!ok_to_drop) dropping_ = false;
    while (dropping_ && now >= drop_next_) {
      ++count_;
      if (mark(*head, parameters)) {
        drop_next_ = control_law(drop_next_, parameters, count_);
        break;
      }
      drops.try_push({std::move(*head), DropReason::aqm});
      head = take(queue, parameters, now, ok_to_drop);
      if (ok_to_drop) {
        drop_next_ = control_law(drop_next_, parameters, count_);
      } else {
        dropping_ = false;
      }
    }
  } else if (ok_to_drop) {
    if (!mark(*head, parameters)) {
      drops.try_push({std::move(*head), DropReason::aqm});
      head = take(queue, parameters, now, ok_to_drop);
    }
    dropping_ = true;
    // If the wait went above the target soon after it last went below, the rate that controlled it then is a good one
    // to begin with.
    const std::uint32_t delta = count_ - last_count_;
    count_ = delta > 1 && now - drop_next_ < 16 * parameters.interval ? delta : 1;
    drop_next_ = control_law(now, parameters, count_);
    last_count_ = count_;
  }
  return head;
}

}  // namespace wobble
