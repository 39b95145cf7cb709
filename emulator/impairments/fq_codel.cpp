#include "emulator/impairments/fq_codel.h"

#include <algorithm>
#include <utility>

#include "emulator/chance/random.h"

namespace wobble {
namespace {

constexpr std::uint32_t kDefaultFlows = 1024;
constexpr std::uint32_t kDefaultQuantum = 1514;
constexpr std::uint32_t kDropBatch = 64;

}  // namespace

FqCodelQueue::FqCodelQueue(const QueueSettings& settings, std::uint64_t seed)
    : parameters_(codel_parameters(settings)),
      seed_(seed),
      quantum_(settings.quantum.value_or(kDefaultQuantum)),
      flows_(settings.flows.value_or(kDefaultFlows)) {}

bool FqCodelQueue::push(Waiting&& waiting) noexcept {
  const auto index = static_cast<std::uint32_t>(mix64(seed_ ^ mix64(waiting.flow.flow_key)) % flows_.size());
  Flow& flow = flows_[index];
  const Waiting& pushed = waiting;
  const Backlog before = backlog_;
  backlog_.add(pushed);
  if (!flow.packets.push(std::move(waiting))) {
    backlog_ = before;
    return false;
  }
  if (flow.list == List::none) {
    flow.deficit = quantum_;
    append(fresh_, List::fresh, index);
  }
  return true;
}

std::optional<Waiting> FqCodelQueue::pop(TimePoint now, Drops& drops) noexcept {
  return serve([&](Flow& flow) {
    Taker queue{*this, flow};
    return flow.codel.pop(queue, parameters_, now, drops);
  });
}

std::optional<Waiting> FqCodelQueue::take() noexcept {
  return serve([&](Flow& flow) { return take_from(flow); });
}

/// RFC 8290 4.2: the first list that has flows, its first flow that has a deficit left.
template <typename PopFrom>
std::optional<Waiting> FqCodelQueue::serve(PopFrom pop_from) noexcept {
  for (;;) {
    const bool is_fresh = !fresh_.empty();
    FlowList& list = is_fresh ? fresh_ : old_;
    if (list.empty()) return std::nullopt;
    Flow& flow = flows_[list.first];
    if (flow.deficit <= 0) {
      flow.deficit += quantum_;
      append(old_, List::old, remove_first(list));
      continue;
    }
    std::optional<Waiting> head = pop_from(flow);
    if (head) {
      flow.deficit -= head->length();
      return head;
    }
    // An empty one that was new goes round with the old ones once more, so that it cannot come back at once as new.
    const std::uint32_t index = remove_first(list);
    if (is_fresh && !old_.empty()) {
      append(old_, List::old, index);
    } else {
      flow.list = List::none;
    }
  }
}

bool FqCodelQueue::make_room(Drops& drops) noexcept {
  const auto fattest = std::max_element(flows_.begin(), flows_.end(), [](const Flow& a, const Flow& b) {
    return a.packets.backlog().bytes < b.packets.backlog().bytes;
  });
  const std::uint64_t half = fattest->packets.backlog().bytes / 2;
  std::uint64_t dropped = 0;
  for (std::uint32_t i = 0; i < kDropBatch; ++i) {
    std::optional<Waiting> head = take_from(*fattest);
    if (!head) return i > 0;
    dropped += head->length();
    drops.try_push({std::move(*head), DropReason::queue});
    if (dropped >= half) break;
  }
  return true;
}

std::optional<Waiting> FqCodelQueue::take_from(Flow& flow) noexcept {
  std::optional<Waiting> head = flow.packets.take();
  if (head) backlog_.remove(*head);
  return head;
}

void FqCodelQueue::append(FlowList& list, List name, std::uint32_t index) noexcept {
  flows_[index].next = kNone;
  flows_[index].list = name;
  if (list.empty()) {
    list.first = index;
  } else {
    flows_[list.last].next = index;
  }
  list.last = index;
}

std::uint32_t FqCodelQueue::remove_first(FlowList& list) noexcept {
  const std::uint32_t index = list.first;
  list.first = flows_[index].next;
  return index;
}

}  // namespace wobble
