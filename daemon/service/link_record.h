// What is known of one link: what is asked of it, now, later and formerly, and how it is reached.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/backend.h"
#include "daemon/journal/journal.h"
#include "daemon/service/past_conditions.h"
#include "daemon/service/temporary_changes.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

/// The revision counts each change of what is asked, and the text of its conditions is kept under it.
/// Any thread: it has a lock of its own, which is held for moments.
class LinkRecord {
 public:
  /// What is in force, and what comes back by itself.
  struct Asked {
    LinkConditions conditions;
    TemporaryChanges temporaries;
  };

  /// Begins at revision 1 with what `info` says. The clock is the journal's, which outlives this.
  LinkRecord(const Journal& journal, api::LinkInfo info, TemporaryChanges temporaries);

  // These two stay, so they are read without the lock.
  const std::string& name() const noexcept WOBBLE_NO_THREAD_SAFETY_ANALYSIS { return info_.name; }
  std::uint64_t seed() const noexcept WOBBLE_NO_THREAD_SAFETY_ANALYSIS { return info_.seed; }

  /// As it is now.
  api::LinkInfo info() const;
  std::uint64_t revision() const;
  /// Throws api::RevisionMismatch if another revision is asked for.
  void check_revision(std::optional<std::uint64_t> if_revision) const;
  Asked asked() const;
  /// When the next change that was made for a while ends; kNever without any.
  TimePoint next_due() const;
  /// JSON as text; throws as PastConditions::at().
  std::string past_conditions(std::uint64_t revision) const;
  /// That is in force; `text` is its conditions as JSON. How things are then.
  api::LinkInfo change(Asked asked, const std::string& text);

  api::WayInInfo way_in() const;
  /// The lab's link stays as long as the daemon.
  bool is_lab() const;
  void set_way_in(api::WayInInfo way_in);
  void set_way_in(api::WayInInfo way_in, api::SideInfo near, api::SideInfo far);

 private:
  api::LinkInfo info_now() const WOBBLE_REQUIRES(mutex_);

  const Journal& journal_;
  mutable Mutex mutex_;
  api::LinkInfo info_ WOBBLE_GUARDED_BY(mutex_);
  TemporaryChanges temporaries_ WOBBLE_GUARDED_BY(mutex_);
  PastConditions past_ WOBBLE_GUARDED_BY(mutex_);
};

}  // namespace wobble::daemon
