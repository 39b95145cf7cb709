#include "emulator/impairments/queue_discipline.h"

#include <utility>

#include "emulator/impairments/codel.h"
#include "emulator/impairments/fq_codel.h"
#include "emulator/impairments/pie.h"
#include "emulator/impairments/red.h"

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

std::unique_ptr<QueueDiscipline> make_discipline(const QueueSettings& settings, const Surroundings& around,
                                                 TimePoint now) {
  switch (settings.discipline) {
    case Discipline::droptail: break;
    case Discipline::drophead: return std::make_unique<HeadDrop>();
    case Discipline::codel: return std::make_unique<CodelQueue>(codel_parameters(settings));
    case Discipline::pie: return std::make_unique<PieQueue>(settings, now);
    case Discipline::red: return std::make_unique<RedQueue>(settings, around);
    case Discipline::fq_codel: return std::make_unique<FqCodelQueue>(settings, around.seed);
  }
  return std::make_unique<Fifo>();
}

}  // namespace wobble
