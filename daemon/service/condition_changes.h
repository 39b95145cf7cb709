// Changes of what is asked of a link: made, undone, and those for a while ended when their time is over. A change is
// told, journalled and counted only when the link's loop has taken it over.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "api/backend.h"
#include "daemon/journal/journal.h"
#include "daemon/service/link_registry.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

/// Any thread; changes of one link are made one at a time. A thread of its own, the reverter, brings back what was
/// before a change that was made for a while; one that a link does not take over is tried again.
class ConditionChanges {
 public:
  /// Both outlive this. Throws std::system_error if there is no thread to be had.
  ConditionChanges(const LinkRegistry& links, Journal& journal);

  // As api::Backend says.
  api::LinkInfo apply(const std::string& name, const api::Change& change);
  api::LinkInfo reset(const std::string& name, const std::string& source, std::optional<std::uint64_t> if_revision);
  api::LinkInfo end_temporary(const std::string& name, const std::string& source,
                              std::optional<std::uint64_t> if_revision);

  /// A link may have changes that end sooner than all that are known: such as a new link.
  void wake_reverter();

 private:
  /// A link in use, of which nobody else changes the conditions.
  struct Turn {
    LinkRegistry::Use link;
    std::unique_lock<TimedMutex> changing;
  };

  /// Waits 2 s at most. NotFound, Unavailable, RevisionMismatch.
  Turn take_turn(const std::string& name, std::optional<std::uint64_t> if_revision);
  /// The loop has taken it over.
  api::LinkInfo put_in_force(ServedLink& link, LinkRecord::Asked asked, const std::string& source)
      WOBBLE_REQUIRES(link.changing);

  // The reverter's: when they are to be called again.
  void run(const std::stop_token& stop);
  TimePoint bring_back_what_is_due();
  TimePoint bring_back_what_is_due(ServedLink& link) noexcept;

  const LinkRegistry& links_;
  Journal& journal_;
  Mutex mutex_;
  std::condition_variable_any changed_;
  bool has_changed_ WOBBLE_GUARDED_BY(mutex_) = false;
  std::jthread reverter_;  // last: everything else stands when it starts
};

}  // namespace wobble::daemon
