#include "emulator/impairments/bottleneck.h"

#include <algorithm>
#include <utility>

namespace wobble {
namespace {

constexpr std::uint64_t kDefaultLimitBytes = std::uint64_t{1} << 20;
constexpr std::uint32_t kDefaultLimitFqCodel = 10'240;  // packets (RFC 8290 5.2.1)
constexpr std::uint32_t kAveragePacket = 1000;
// With absurd limits and rates the backlog could pass the end of time itself (292 years).
constexpr Duration kLongestWait = std::chrono::hours(24 * 365);

std::uint64_t line_bytes_per_second(const RateSettings& rate, const TraceSettings& trace) noexcept {
  if (!trace.ms) return rate.bits_per_second / 8;
  return trace.ms->size() * DeliveryTrace::kOpportunity * 1000 / trace.ms->back();
}

std::uint64_t limit_in_bytes(const QueueSettings& queue, std::uint64_t speed, std::uint64_t by_default) noexcept {
  if (queue.limit_bytes > 0) return queue.limit_bytes;
  if (queue.limit_packets > 0) return std::uint64_t{queue.limit_packets} * kAveragePacket;
  if (queue.limit_time == Duration(0)) return by_default;
  return speed * static_cast<std::uint64_t>(queue.limit_time / std::chrono::microseconds(1)) / 1'000'000;
}

std::uint64_t default_limit(std::uint64_t speed) noexcept { return std::max(speed, kDefaultLimitBytes); }

/// Whether both make the same queue: their limits are the bottleneck's own business.
bool is_same_queue(QueueSettings a, const QueueSettings& b) noexcept {
  a.limit_bytes = b.limit_bytes;
  a.limit_packets = b.limit_packets;
  a.limit_time = b.limit_time;
  return a == b;
}

}  // namespace

Bottleneck::Bottleneck(std::uint64_t seed, Direction direction) noexcept
    : flow_seed_(stream_for(seed, static_cast<std::uint8_t>(direction), Stage::queue, 0).at(0)),
      chance_(seed, direction, Stage::queue) {}

Surroundings Bottleneck::surroundings(const RateSettings& rate, const TraceSettings& trace,
                                      const QueueSettings& queue) const noexcept {
  const std::uint64_t speed = line_bytes_per_second(rate, trace);
  return {flow_seed_, speed, limit_in_bytes(queue, speed, default_limit(speed))};
}

std::unique_ptr<QueueDiscipline> Bottleneck::prepare(const RateSettings& rate, const TraceSettings& trace,
                                                     const QueueSettings& queue, TimePoint now) const {
  const bool is_limited = rate.bits_per_second > 0 || trace.ms;
  if (!is_limited || queue.discipline == Discipline::droptail) return nullptr;
  const Surroundings around = surroundings(rate, trace, queue);
  const bool is_new =
      !is_same_queue(settings_, queue) || (queue.discipline == Discipline::red && !(around == surroundings_));
  return !queue_ || is_new ? make_discipline(queue, around, now) : nullptr;
}

void Bottleneck::configure(const RateSettings& rate, const TraceSettings& trace, const QueueSettings& queue,
                           std::unique_ptr<QueueDiscipline> prepared, TimePoint now) noexcept {
  surroundings_ = surroundings(rate, trace, queue);
  default_limit_ = default_limit(surroundings_.line_bytes_per_second);
  settings_ = queue;
  transmitter_.configure(rate, trace, now);
  waiting_since_ = std::max(waiting_since_, now);  // nothing that waits may begin before
  if (!prepared) return;
  while (std::optional<Waiting> waiting = take()) {
    if (!prepared->push(std::move(*waiting))) drops_.try_push({std::move(*waiting), DropReason::memory});
  }
  queue_ = std::move(prepared);
}

Backlog Bottleneck::waiting() const noexcept {
  Backlog sum = promised_;
  if (queue_) {
    sum.packets += queue_->backlog().packets;
    sum.bytes += queue_->backlog().bytes;
    sum.line_bytes += queue_->backlog().line_bytes;
  }
  return sum;
}

bool Bottleneck::has_room(std::uint32_t length, TimePoint now) const noexcept {
  const Backlog backlog = waiting();
  const TimePoint free = transmitter_.next_start(now);
  if (free - now > kLongestWait) return false;
  if (settings_.limit_time > Duration(0)) {
    return free - now + transmitter_.time_for(backlog.line_bytes) <= settings_.limit_time;
  }
  const std::uint64_t packets = backlog.packets + sent_.size();
  if (settings_.limit_packets > 0) return packets < settings_.limit_packets;
  if (settings_.limit_bytes == 0 && settings_.discipline == Discipline::fq_codel) return packets < kDefaultLimitFqCodel;
  const std::uint64_t limit = settings_.limit_bytes > 0 ? settings_.limit_bytes : default_limit_;
  return length <= limit && backlog.bytes + sent_bytes_ <= limit - length;
}

Bottleneck::Admission Bottleneck::admit(const Arriving& packet, TimePoint now) noexcept {
  Admission out;
  out.departure = now;
  if (!transmitter_.is_limited()) return out;
  forget_sent(now);
  while (!has_room(packet.length, now)) {
    if (holds() && queue_->make_room(drops_)) continue;
    out.dropped = DropReason::queue;
    return out;
  }
  if (!holds()) {
    if (!send(packet.length, now, out.departure)) out.dropped = DropReason::memory;
    return out;
  }
  const std::uint64_t number = chance_.number_for(packet.flow, packet.is_copy);
  const OnArrival verdict = queue_->arrive(number, packet.length, packet.is_ecn_capable, now);
  if (verdict == OnArrival::drop) {
    out.dropped = DropReason::aqm;
    return out;
  }
  out.waits = true;
  out.to_mark = verdict == OnArrival::mark;
  ++promised_.packets;
  promised_.bytes += packet.length;
  promised_.line_bytes += transmitter_.line_bytes(packet.length);
  return out;
}

void Bottleneck::wait(Waiting&& waiting) noexcept {
  waiting.line_bytes = transmitter_.line_bytes(waiting.length());
  promised_.remove(waiting);
  if (queue_->backlog().packets == 0) waiting_since_ = waiting.packet.arrived;
  if (!queue_->push(std::move(waiting))) drops_.try_push({std::move(waiting), DropReason::memory});
}

void Bottleneck::withdraw(std::uint32_t length) noexcept {
  --promised_.packets;
  promised_.bytes -= length;
  promised_.line_bytes -= transmitter_.line_bytes(length);
}

/// Hands a packet to the transmitter. False, without a departure, if there is no memory to remember it.
bool Bottleneck::send(std::uint32_t length, TimePoint since, TimePoint& departure) noexcept {
  departure = transmitter_.transmit(length, since);
  if (!sent_.try_push({departure, length})) return false;
  sent_bytes_ += length;
  return true;
}

void Bottleneck::forget_sent(TimePoint now) noexcept {
  while (!sent_.empty() && sent_.front().departure <= now) sent_bytes_ -= sent_.pop().length;
}

bool Bottleneck::next(TimePoint now, Leaving& out) noexcept {
  if (!queue_) return false;
  if (drops_.empty() && next_due() <= now) {
    const bool is_dissolved = !holds();
    const TimePoint start = transmitter_.next_start(waiting_since_);
    std::optional<Waiting> first = is_dissolved ? queue_->take() : queue_->pop(start, drops_);
    if (first) {
      // What waits is moved on under whatever is set by now.
      const TimePoint since = transmitter_.is_limited() ? waiting_since_ : now;
      forget_sent(std::min(start, now));
      out.dropped = DropReason::none;
      send(first->length(), since, out.departure);
      out.waiting = std::move(*first);
      return true;
    }
  }
  if (drops_.empty()) return false;
  DroppedWaiting dropped = drops_.pop();
  out.waiting = std::move(dropped.waiting);
  out.dropped = dropped.reason;
  return true;
}

TimePoint Bottleneck::next_due() const noexcept {
  if (!drops_.empty()) return TimePoint::min();
  if (!queue_ || queue_->backlog().packets == 0) return kNever;
  return holds() ? transmitter_.next_start(waiting_since_) : TimePoint::min();
}

void Bottleneck::forget_backlog() noexcept {
  sent_.clear();
  sent_bytes_ = 0;
  transmitter_.forget();
}

}  // namespace wobble
