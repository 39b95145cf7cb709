// FQ-CoDel (RFC 8290): flows are kept apart by a hash into `flows` queues, each with a CoDel of its own, and served by
// deficit round robin, those that have just begun before the others. When the whole is full, the flow with most bytes
// loses from its head: half of what it has, and at most 64 packets at once.
//
// The hash is keyed by the link's seed, and is of what the link knows a flow by: its n-th connection to a server has
// the same queue in every run. A quantum counts bytes of IP packets, as all lengths here do.
#pragma once

#include <vector>

#include "emulator/impairments/codel.h"

namespace wobble {

class FqCodelQueue final : public QueueDiscipline {
 public:
  FqCodelQueue(const QueueSettings& settings, std::uint64_t seed);

  bool push(Waiting&& waiting) noexcept override;
  std::optional<Waiting> pop(TimePoint now, Drops& drops) noexcept override;
  std::optional<Waiting> take() noexcept override;
  bool make_room(Drops& drops) noexcept override;

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;
  enum class List : std::uint8_t { none, fresh, old };

  /// One queue; active ones stand in a list.
  struct Flow {
    Fifo packets;
    Codel codel;
    std::int64_t deficit = 0;
    std::uint32_t next = kNone;
    List list = List::none;
  };
  struct FlowList {
    std::uint32_t first = kNone;
    std::uint32_t last = kNone;
    bool empty() const noexcept { return first == kNone; }
  };
  /// A flow's queue whose packets leave the whole's backlog as well.
  struct Taker {
    FqCodelQueue& all;
    Flow& flow;
    std::optional<Waiting> take() noexcept { return all.take_from(flow); }
    const Backlog& backlog() const noexcept { return flow.packets.backlog(); }
  };

  template <typename PopFrom>
  std::optional<Waiting> serve(PopFrom pop_from) noexcept;
  std::optional<Waiting> take_from(Flow& flow) noexcept;
  void append(FlowList& list, List name, std::uint32_t index) noexcept;
  std::uint32_t remove_first(FlowList& list) noexcept;

  CodelParameters parameters_;
  std::uint64_t seed_;
  std::int64_t quantum_;
  std::vector<Flow> flows_;
  FlowList fresh_;
  FlowList old_;
};

}  // namespace wobble
