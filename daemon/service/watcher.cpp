#include "daemon/service/watcher.h"

#include <chrono>
#include <string>
#include <vector>

namespace wobble::daemon {

namespace {

constexpr Duration kWatchEvery = std::chrono::milliseconds(250);

/// In slices, between which packets have their turn.
void release_unused(Forwarder& forwarder) {
  forwarder.post([&forwarder](Link& link, TimePoint) {
    if (link.release_unused_memory()) release_unused(forwarder);
  });
}

}  // namespace

Watcher::Watcher(const LinkRegistry& links, LinkLifecycle& lifecycle, LiveConnections& connections,
                 const Journal& journal, const MemoryBudget& memory)
    : links_(links),
      lifecycle_(lifecycle),
      connections_(connections),
      journal_(journal),
      freed_(memory),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void Watcher::run(const std::stop_token& stop) {
  UniqueLock lock(mutex_);
  for (;;) {
    stopped_.wait_for(lock, stop, kWatchEvery, [] { return false; });
    if (stop.stop_requested()) return;
    look();
  }
}

void Watcher::look() {
  std::vector<std::string> names;
  for (const LinkPointer& link : links_.all()) {
    if (!link->record.is_lab()) names.push_back(link->name());
  }
  for (const std::string& name : names) lifecycle_.look_after(name);
  freed_.look([this] { release_unused_memory(); });
  const api::JournalStats stats = journal_.stats();
  if (lost_ends_.is_due(Forwarder::now(), stats.lost_transitions + stats.renewals)) connections_.settle_lost_ends();
}

void Watcher::release_unused_memory() {
  for (const LinkPointer& link : links_.all()) {
    const SharedLock in_use(link->in_use);
    if (link->forwarder) release_unused(*link->forwarder);
  }
}

}  // namespace wobble::daemon
