#include "emulator/impairments/queue_discipline.h"

#include <utility>

namespace wobble {

bool Fifo::push(Waiting&& waiting) noexcept {
  if (!queue_.try_push(std::move(waiting))) return false;
  backlog_.add(queue_.back());
  return true;
}

std::optional<Waiting> Fifo::take() noexcept {
  if (queue_.empty()) return std::nullopt;
  backlog_.remove(queue_.front());
  return queue_.pop();
}

bool HeadDrop::make_room(Drops& drops) noexcept {
  std::optional<Waiting> head = take();
  if (!head) return false;
  drops.try_push({std::move(*head), DropReason::queue});
  return true;
}

std::unique_ptr<QueueDiscipline> make_discipline(const QueueSettings& settings, const Surroundings&, TimePoint) {
  switch (settings.discipline) {
    case Discipline::drophead: return std::make_unique<HeadDrop>();
    default: return std::make_unique<Fifo>();
  }
}

}  // namespace wobble
