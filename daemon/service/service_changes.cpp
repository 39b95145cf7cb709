// Changes of what is asked of a link: made, undone, and those for a while ended. A change is told, journalled and
// counted only when the link's loop has taken it over.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "api/conditions/conditions_json.h"
#include "daemon/service/service.h"
#include "daemon/system/log.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kChangePatience = 2s;     // for another change of the same link
constexpr Duration kRevertPatience = 250ms;  // for one link, while others may be due
constexpr Duration kTryAgain = 1s;

}  // namespace

std::unique_lock<std::timed_mutex> Service::lock_changes(ServedLink& link) {
  std::unique_lock lock(link.changing, kChangePatience);
  if (!lock.owns_lock()) {
    throw api::Unavailable("the link '" + link.info.name + "' is being changed by others; nothing was changed");
  }
  return lock;
}

void Service::check_revision(const ServedLink& link, const Asked& if_revision) {
  const std::lock_guard lock(mutex_);
  if (!if_revision || *if_revision == link.info.revision) return;
  throw api::RevisionMismatch("the link is at revision " + std::to_string(link.info.revision) + ", not " +
                              std::to_string(*if_revision) + "; nothing was changed");
}

void Service::wake_reverter() {
  {
    const std::lock_guard lock(mutex_);
    has_new_temporaries_ = true;
  }
  temporaries_changed_.notify_all();
}

api::LinkInfo Service::put_in_force(ServedLink& link, const LinkConditions& conditions, TemporaryChanges temporaries,
                                    const std::string& source) {
  const std::string text = api::to_json(conditions).dump();
  api::LinkInfo info;
  {
    const std::lock_guard lock(mutex_);
    link.info.conditions = conditions;
    link.temporaries = std::move(temporaries);
    ++link.info.revision;
    link.past.add(link.info.revision, text);
    info = info_of(link);
  }
  journal_.record_change({info.name, info.revision, source, text});
  wake_reverter();
  return info;
}

api::LinkInfo Service::apply(const std::string& name, const api::Change& change) {
  refuse_lock_out(link(name).way_in.settings, change, api_);  // may ask a container engine: nothing is locked
  const Use link = use(name);
  const auto changing = lock_changes(*link);
  check_revision(*link, change.if_revision);
  LinkConditions before;
  TemporaryChanges temporaries;
  {
    const std::lock_guard lock(mutex_);
    before = link->info.conditions;
    temporaries = link->temporaries;
  }
  const auto end = [&] { return change.lasts ? Forwarder::now() + *change.lasts : kNever; };
  temporaries.with(change, before, end()).check();
  call(*link, [&](Link& l, TimePoint now) { l.apply(change.conditions, now); });
  // Its time begins now that it is in effect.
  return put_in_force(*link, change.conditions, temporaries.with(change, before, end()), change.source);
}

api::LinkInfo Service::reset(const std::string& name, const std::string& source, Asked if_revision) {
  const Use link = use(name);
  const auto changing = lock_changes(*link);
  check_revision(*link, if_revision);
  call(*link, [](Link& l, TimePoint now) { l.reset(now); });
  return put_in_force(*link, LinkConditions{}, TemporaryChanges{}, source);
}

api::LinkInfo Service::end_temporary(const std::string& name, const std::string& source, Asked if_revision) {
  const Use link = use(name);
  const auto changing = lock_changes(*link);
  check_revision(*link, if_revision);
  LinkConditions lasting;
  {
    const std::lock_guard lock(mutex_);
    if (link->temporaries.upcoming().empty()) return info_of(*link);
    lasting = link->temporaries.upcoming().back().conditions;
  }
  call(*link, [&](Link& l, TimePoint now) { l.apply(lasting, now); });
  return put_in_force(*link, lasting, TemporaryChanges{}, source);
}

std::string Service::past_conditions(const std::string& name, std::uint64_t revision) {
  const LinkPointer link = find(name);
  const std::lock_guard lock(mutex_);
  return link->past.at(revision);
}

void Service::bring_back_when_due() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    has_new_temporaries_ = false;  // from here on
    lock.unlock();
    const TimePoint due = expire_temporaries();
    lock.lock();
    const auto is_woken = [this] { return stopping_ || has_new_temporaries_; };
    if (due == kNever) {
      temporaries_changed_.wait(lock, is_woken);
    } else {
      temporaries_changed_.wait_until(lock, due, is_woken);
    }
  }
}

TimePoint Service::expire_temporaries() {
  TimePoint due = kNever;
  for (const LinkPointer& link : all_links()) due = std::min(due, expire_temporaries(*link));
  return due;
}

TimePoint Service::expire_temporaries(ServedLink& link) noexcept {
  const TimePoint now = Forwarder::now();
  try {
    {
      const std::lock_guard lock(mutex_);
      if (link.temporaries.next_due() > now) return link.temporaries.next_due();
    }
    const std::shared_lock in_use(link.in_use, std::try_to_lock);
    if (!in_use.owns_lock()) return now + kTryAgain;
    const std::unique_lock changing(link.changing, kRevertPatience);
    if (!changing.owns_lock()) return now + kTryAgain;
    TemporaryChanges rest;
    LinkConditions back;
    {
      const std::lock_guard lock(mutex_);
      rest = link.temporaries;
      const LinkConditions* due = rest.due(now);
      if (due == nullptr) return rest.next_due();
      back = *due;
    }
    rest.forget(now);
    if (link.forwarder && !link.forwarder->call([&](Link& l, TimePoint t) { l.apply(back, t); }, kRevertPatience)) {
      if (!std::exchange(link.is_late, true)) {
        log::warn(fmt::format("{}: does not answer; a change that was made for a while ends later than it should",
                              link.info.name));
      }
      return now + kTryAgain;
    }
    link.is_late = false;
    put_in_force(link, back, rest, "the end of a change made for a while");
    return rest.next_due();
  } catch (const std::exception& e) {  // such as no memory: then later
    log::error(fmt::format("{}: a change that was made for a while could not be ended, and is tried again: {}",
                           link.info.name, e.what()));
    return now + kTryAgain;
  }
}

}  // namespace wobble::daemon
