// A link of the daemon: the loop that runs it, the ring in which that tells what happens, its way in, and what is known
// of it.
//
// Locks are taken in this order: LinkLifecycle's, `in_use`, `changing`, and then, for moments and one at a time, that
// of LinkRegistry or of a LinkRecord. A loop may hang: whoever waits for it holds locks of that link alone, and
// LinkLifecycle's at most.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "api/backend.h"
#include "daemon/service/link_record.h"
#include "daemon/ways_in/way_in.h"
#include "emulator/connections/event_ring.h"
#include "emulator/link/forwarder.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

inline constexpr Duration kForwarderTimeout = std::chrono::seconds(1);  ///< so long a loop may take to answer

struct ServedLink {
  ServedLink(const Journal& journal, std::size_t ring_capacity, api::LinkInfo info, TemporaryChanges temporaries = {})
      : record(journal, std::move(info), std::move(temporaries)), ring(ring_capacity) {}

  LinkRecord record;
  EventRing ring;
  SharedMutex in_use;                                ///< held alone to give it a loop, or take that away
  std::atomic<bool> is_leaving = false;              ///< it is being taken away
  TimedMutex changing;                               ///< held for a whole change of its conditions
  bool is_late WOBBLE_GUARDED_BY(changing) = false;  ///< the end of a change is told to be late already
  // By LinkLifecycle's lock as well: both to change them, one of them to use them (LinkLifecycle::may_use()).
  std::unique_ptr<WayIn> way_in WOBBLE_GUARDED_BY(in_use);         ///< none: the lab's, or it waits for its target
  std::unique_ptr<Forwarder> forwarder WOBBLE_GUARDED_BY(in_use);  ///< none: it waits for its target

  const std::string& name() const noexcept { return record.name(); }

  /// Runs a command on its loop, if there is one. Throws api::Unavailable if that does not answer
  /// within kForwarderTimeout.
  void call(const Forwarder::Command& command) const WOBBLE_REQUIRES_SHARED(in_use) {
    if (forwarder && !forwarder->call(command, kForwarderTimeout)) {
      throw api::Unavailable("the link '" + name() + "' does not answer; nothing was changed");
    }
  }
};

/// It lives until the last that uses it lets go of it, be it in service or not any more.
using LinkPointer = std::shared_ptr<ServedLink>;

}  // namespace wobble::daemon
