#include "daemon/service/open_capture.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <new>
#include <string>

#include "daemon/capture/link_capture.h"

namespace wobble::daemon {
namespace {

/// How much a capture keeps until it is read: as much as usual, but a sixteenth of a small bound.
std::size_t capture_ring(std::size_t memory_limit) {
  constexpr std::size_t kMin = std::size_t{1} << 18;  // several of the largest packets
  return std::clamp(std::bit_floor(memory_limit / 16), kMin, CaptureTap::kDefaultRing);
}

}  // namespace

std::unique_ptr<api::Capture> open_capture(const LinkRegistry::Use& link, const api::CaptureOptions& options,
                                           const std::shared_ptr<MemoryBudget>& memory, const Journal& journal) {
  link->in_use.assert_held_shared();  // by the lock in it
  if (!link->forwarder) throw api::Conflict("the link '" + link->name() + "' waits for its target: nothing flows yet");
  const std::size_t ring = capture_ring(memory->limit());
  std::shared_ptr<MemoryShare> share;
  std::shared_ptr<CaptureTap> tap;
  try {
    share = std::make_shared<MemoryShare>(memory, ring);
    tap = std::make_shared<CaptureTap>(options, ring);
  } catch (const std::bad_alloc&) {
    throw api::Unavailable("no room for the " + std::to_string(ring >> 10) + " KiB that a capture takes: of " +
                           std::to_string(memory->limit() >> 20) + " MiB (--memory) " +
                           std::to_string(memory->taken() >> 20) +
                           " MiB are taken; end another capture, or let less be in flight");
  }
  link.call([&](Link& l, TimePoint) { l.add_tap(tap); });
  const auto detach = [which = std::weak_ptr(link.link), tap, share] {  // taken as long as the capture lives
    const LinkPointer captured = which.lock();
    if (!captured) return;
    const SharedLock in_use(captured->in_use);
    if (captured->forwarder) captured->forwarder->post([tap](Link& l, TimePoint) { l.remove_tap(*tap); });
  };
  return std::make_unique<LinkCapture>(
      link->name(), options, tap, [&journal](TimePoint at) { return journal.wall_clock(at); }, detach);
}

}  // namespace wobble::daemon
