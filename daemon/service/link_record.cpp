#include "daemon/service/link_record.h"

#include <utility>
#include <variant>

#include "api/conditions/conditions_json.h"
#include "emulator/link/forwarder.h"

namespace wobble::daemon {

LinkRecord::LinkRecord(const Journal& journal, api::LinkInfo info, TemporaryChanges temporaries)
    : journal_(journal), info_(std::move(info)), temporaries_(std::move(temporaries)) {
  info_.revision = 1;
  past_.add(info_.revision, api::to_json(info_.conditions).dump());
}

api::LinkInfo LinkRecord::info_now() const {
  api::LinkInfo info = info_;
  info.as_of = Forwarder::now();
  info.upcoming = temporaries_.upcoming();
  for (api::UpcomingConditions& upcoming : info.upcoming) upcoming.at = journal_.wall_clock(upcoming.due);
  if (!info.upcoming.empty()) info.reverts_at = info.upcoming.front().at;
  return info;
}

api::LinkInfo LinkRecord::info() const {
  const LockGuard lock(mutex_);
  return info_now();
}

std::uint64_t LinkRecord::revision() const {
  const LockGuard lock(mutex_);
  return info_.revision;
}

void LinkRecord::check_revision(std::optional<std::uint64_t> if_revision) const {
  const std::uint64_t present = revision();
  if (!if_revision || *if_revision == present) return;
  throw api::RevisionMismatch("the link is at revision " + std::to_string(present) + ", not " +
                              std::to_string(*if_revision) + "; nothing was changed");
}

LinkRecord::Asked LinkRecord::asked() const {
  const LockGuard lock(mutex_);
  return {info_.conditions, temporaries_};
}

TimePoint LinkRecord::next_due() const {
  const LockGuard lock(mutex_);
  return temporaries_.next_due();
}

std::string LinkRecord::past_conditions(std::uint64_t revision) const {
  const LockGuard lock(mutex_);
  return past_.at(revision);
}

api::LinkInfo LinkRecord::change(Asked asked, const std::string& text) {
  const LockGuard lock(mutex_);
  info_.conditions = std::move(asked.conditions);
  temporaries_ = std::move(asked.temporaries);
  ++info_.revision;
  past_.add(info_.revision, text);
  return info_now();
}

api::WayInInfo LinkRecord::way_in() const {
  const LockGuard lock(mutex_);
  return info_.way_in;
}

bool LinkRecord::is_lab() const {
  const LockGuard lock(mutex_);
  return std::holds_alternative<api::LabSettings>(info_.way_in.settings);
}

void LinkRecord::set_way_in(api::WayInInfo way_in) {
  const LockGuard lock(mutex_);
  info_.way_in = std::move(way_in);
}

void LinkRecord::set_way_in(api::WayInInfo way_in, api::SideInfo near, api::SideInfo far) {
  const LockGuard lock(mutex_);
  info_.way_in = std::move(way_in);
  info_.near = std::move(near);
  info_.far = std::move(far);
}

}  // namespace wobble::daemon
