// Any sequence of packets on either side of an impaired link, at any times: nothing crashes, the counters add up, and
// every connection that was opened is closed once, unless it is reopened.
//
// Input: records of {2 bytes length, 1 byte side, time step and whether its checksum counts, bytes}.
#include <algorithm>
#include <cstdlib>

#include "emulator/link/link.h"

namespace {

using namespace wobble;

class CountingObserver final : public ConnectionObserver {
 public:
  void on(const ConnectionOpened&) noexcept override { ++opened; }
  void on(const Transition&) noexcept override {}
  void on(const ConnectionClosed&) noexcept override { ++closed; }
  void on_reopened(const ConnectionReopened&) noexcept override { --closed; }
  void on(const SegmentRecord&) noexcept override {}
  std::uint64_t opened = 0;
  std::uint64_t closed = 0;
};

void release(Link& link, TimePoint now) {
  link.advance(now);
  for (Direction d : {Direction::up, Direction::down}) {
    while (auto packet = link.pop_due(d, now)) {
      if (packet->release_at > now) std::abort();
      link.complete(*packet, d, packet->arrived.time_since_epoch().count() % 7 != 0, now);
    }
  }
}

void check(const DirectionStats& stats) {
  std::uint64_t dropped = 0;
  for (const std::uint64_t n : stats.total.dropped) dropped += n;
  const std::uint64_t made = stats.total.packets_in + stats.total.duplicated + stats.total.originated;
  if (made != stats.total.packets_out + dropped + stats.packets_in_flight) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace std::chrono_literals;
  CountingObserver observer;
  LinkOptions options;
  options.connections.capacity = 32;
  options.memory_limit = std::size_t{64} * 1024;
  TimePoint now(1s);
  Link link(options, observer, now);
  LinkConditions conditions;
  conditions.up.delay = {5ms, 2ms};
  conditions.up.loss.model = RandomLoss{Probability::percent(10)};
  conditions.up.duplicate.probability = Probability::percent(20);
  conditions.up.corrupt.probability = Probability::percent(10);
  conditions.up.reorder = {Probability::percent(10), 3};
  conditions.down.delay.time = 1ms;
  conditions.down.rate = 1'000'000;
  conditions.down.queue.discipline = Discipline::fq_codel;
  conditions.down.queue.ecn = true;
  conditions.down.queue.flows = 4;
  conditions.down.outage = {false, 100ms, 20ms, true};
  conditions.up.mtu = {200, true};
  conditions.down.mtu = {kMinMtu, true};
  conditions.up.idle_timeout = conditions.down.idle_timeout = {50ms, IdleAction::reset};
  conditions.down.slot = {1ms, 2ms, 3, 500};
  conditions.down.duplicate = {Probability::percent(20), Probability::percent(50), Scope::connection};
  link.apply(conditions, now);

  while (size >= 3) {
    const std::size_t length = std::min<std::size_t>(data[0] << 8 | data[1], size - 3);
    const std::uint8_t how = data[2];
    now += Duration((std::uint64_t{1} << (how >> 1 & 31)) * 16);
    Offload offload;
    offload.is_checksum_verified = (how & 0x40) == 0;  // or nothing that is made up would reach the tracker
    link.admit({data + 3, length}, offload, how & 1 ? Side::far : Side::near, now);
    release(link, now);
    data += 3 + length;
    size -= 3 + length;
  }
  const LinkStats stats = link.stats(now);
  check(stats.up);
  check(stats.down);
  if (stats.connections > options.connections.capacity) std::abort();
  link.connections().close_all(now);
  if (observer.opened != observer.closed) std::abort();
  return 0;
}
