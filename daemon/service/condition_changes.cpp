#include "daemon/service/condition_changes.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "api/conditions/conditions_json.h"
#include "daemon/system/log.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kChangePatience = 2s;     // for another change of the same link
constexpr Duration kRevertPatience = 250ms;  // for one link, while others may be due
constexpr Duration kTryAgain = 1s;

}  // namespace

ConditionChanges::ConditionChanges(const LinkRegistry& links, Journal& journal)
    : links_(links), journal_(journal), reverter_([this](const std::stop_token& stop) { run(stop); }) {}

ConditionChanges::Turn ConditionChanges::take_turn(const std::string& name, std::optional<std::uint64_t> if_revision) {
  LinkRegistry::Use link = links_.use(name);
  std::unique_lock changing(link->changing, kChangePatience);
  if (!changing.owns_lock()) {
    throw api::Unavailable("the link '" + name + "' is being changed by others; nothing was changed");
  }
  link->record.check_revision(if_revision);
  return {std::move(link), std::move(changing)};
}

api::LinkInfo ConditionChanges::put_in_force(ServedLink& link, LinkRecord::Asked asked, const std::string& source) {
  const std::string text = api::to_json(asked.conditions).dump();
  api::LinkInfo info = link.record.change(std::move(asked), text);
  journal_.record_change({info.name, info.revision, source, text});
  wake_reverter();
  return info;
}

api::LinkInfo ConditionChanges::apply(const std::string& name, const api::Change& change) {
  const Turn turn = take_turn(name, change.if_revision);
  ServedLink& link = *turn.link;
  link.changing.assert_held();  // by the turn
  const LinkRecord::Asked before = link.record.asked();
  const auto temporaries = [&] {
    const TimePoint end = change.lasts ? Forwarder::now() + *change.lasts : kNever;
    return before.temporaries.with(change, before.conditions, end);
  };
  temporaries().check();
  turn.link.call([&](Link& l, TimePoint now) { l.apply(change.conditions, now); });
  return put_in_force(link, {change.conditions, temporaries()}, change.source);  // its time begins now
}

api::LinkInfo ConditionChanges::reset(const std::string& name, const std::string& source,
                                      std::optional<std::uint64_t> if_revision) {
  const Turn turn = take_turn(name, if_revision);
  ServedLink& link = *turn.link;
  link.changing.assert_held();  // by the turn
  turn.link.call([](Link& l, TimePoint now) { l.reset(now); });
  return put_in_force(link, {}, source);
}

api::LinkInfo ConditionChanges::end_temporary(const std::string& name, const std::string& source,
                                              std::optional<std::uint64_t> if_revision) {
  const Turn turn = take_turn(name, if_revision);
  ServedLink& link = *turn.link;
  link.changing.assert_held();  // by the turn
  const TemporaryChanges temporaries = link.record.asked().temporaries;
  if (temporaries.upcoming().empty()) return link.record.info();
  const LinkConditions& lasting = temporaries.upcoming().back().conditions;
  turn.link.call([&](Link& l, TimePoint now) { l.apply(lasting, now); });
  return put_in_force(link, {lasting, {}}, source);
}

void ConditionChanges::wake_reverter() {
  {
    const LockGuard lock(mutex_);
    has_changed_ = true;
  }
  changed_.notify_all();
}

void ConditionChanges::run(const std::stop_token& stop) {
  UniqueLock lock(mutex_);
  while (!stop.stop_requested()) {
    has_changed_ = false;  // from here on
    lock.unlock();
    const TimePoint due = bring_back_what_is_due();
    lock.lock();
    const auto has_changed = [this]() WOBBLE_REQUIRES(mutex_) { return has_changed_; };
    if (due == kNever) {
      changed_.wait(lock, stop, has_changed);
    } else {
      changed_.wait_until(lock, stop, due, has_changed);
    }
  }
}

TimePoint ConditionChanges::bring_back_what_is_due() {
  TimePoint due = kNever;
  for (const LinkPointer& link : links_.all()) due = std::min(due, bring_back_what_is_due(*link));
  return due;
}

TimePoint ConditionChanges::bring_back_what_is_due(ServedLink& link) noexcept {
  const TimePoint now = Forwarder::now();
  try {
    if (const TimePoint due = link.record.next_due(); due > now) return due;
    if (!link.in_use.try_lock_shared()) return now + kTryAgain;
    const SharedLock in_use(link.in_use, std::adopt_lock);
    if (!link.changing.try_lock_for(kRevertPatience)) return now + kTryAgain;
    const LockGuard changing(link.changing, std::adopt_lock);
    TemporaryChanges rest = link.record.asked().temporaries;
    const LinkConditions* due = rest.due(now);
    if (due == nullptr) return rest.next_due();
    const LinkConditions back = *due;
    rest.forget(now);
    if (link.forwarder && !link.forwarder->call([&](Link& l, TimePoint t) { l.apply(back, t); }, kRevertPatience)) {
      if (!std::exchange(link.is_late, true)) {
        log::warn(fmt::format("{}: does not answer; a change that was made for a while ends later than it should",
                              link.name()));
      }
      return now + kTryAgain;
    }
    link.is_late = false;
    const TimePoint next_due = rest.next_due();
    put_in_force(link, {back, std::move(rest)}, "the end of a change made for a while");
    return next_due;
  } catch (const std::exception& e) {  // such as no memory: then later
    log::error(fmt::format("{}: a change that was made for a while could not be ended, and is tried again: {}",
                           link.name(), e.what()));
    return now + kTryAgain;
  }
}

}  // namespace wobble::daemon
