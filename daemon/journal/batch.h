// What the journal writes in one transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "emulator/events/event.h"

namespace wobble::daemon {

/// A row of `links`; 0 stands for no link.
using LinkNumber = std::int64_t;

struct NewLink {
  LinkNumber number = 0;
  std::string name;
  api::WallTime at = 0;
};

/// An event that did not come through a ring: its number was given when it was posted.
struct PostedEvent {
  struct Conditions {
    std::uint64_t revision = 0;
    std::string source;
    std::string json;
  };

  std::uint64_t id = 0;
  api::WallTime at = 0;
  std::string kind;  ///< empty: only what was in force anyway is written down again
  LinkNumber link = 0;
  ConnectionId connection = 0;
  std::string text;
  std::string detail;
  std::optional<Conditions> conditions;  ///< a row of condition_changes besides
};

/// What was drained from one link's ring.
struct DrainedEvents {
  LinkNumber link = 0;
  std::vector<LinkEvent> events;
};

/// Whether an event takes a number of the shared sequence. Segments have their own; what only corrects a connection's
/// row needs none.
inline bool takes_event_id(const LinkEvent& event) {
  return !std::holds_alternative<SegmentRecord>(event) && !std::holds_alternative<ConnectionReopened>(event) &&
         !std::holds_alternative<LateFigures>(event);
}

struct Batch {
  std::vector<NewLink> new_links;
  std::vector<PostedEvent> posted;
  std::vector<DrainedEvents> drained;
  std::uint64_t first_id = 0;        ///< of the drained events' numbers: above every posted one's
  std::uint64_t last_id = 0;         ///< the highest number in here; 0: none
  api::WallTime at = 0;              ///< when it was put together
  api::WallTime complete_until = 0;  ///< with this batch, everything that came until then is written
  std::int64_t waiting = 0;          ///< events that came before `at` and stayed in the rings

  bool empty() const {
    for (const DrainedEvents& from : drained) {
      if (!from.events.empty()) return false;
    }
    return new_links.empty() && posted.empty();
  }
  /// Keeps the memory for the next one.
  void clear() {
    new_links.clear();
    posted.clear();
    for (DrainedEvents& from : drained) from.events.clear();
    first_id = last_id = 0;
  }
};

}  // namespace wobble::daemon
