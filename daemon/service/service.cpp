#include "daemon/service/service.h"

#include <chrono>
#include <utility>

#include "daemon/service/open_capture.h"

namespace wobble::daemon {
namespace {

constexpr Duration kHealthPatience = std::chrono::milliseconds(250);

}  // namespace

Service::Service(Journal& journal, const LinkSettings& settings)
    : journal_(journal),
      memory_(std::make_shared<MemoryBudget>(settings.memory)),
      started_at_(Forwarder::now()),
      lifecycle_(links_, journal, memory_, settings),
      changes_(links_, journal),
      connections_(links_, journal),
      watcher_(links_, lifecycle_, connections_, journal, *memory_) {}

std::string Service::version() { return WOBBLE_VERSION; }

void Service::add_link(const std::string& name, std::uint64_t seed, api::SideInfo near_info,
                       std::unique_ptr<PacketDevice> near, api::SideInfo far_info, std::unique_ptr<PacketDevice> far) {
  api::LinkInfo info;
  info.name = name;
  info.seed = seed;
  info.near = std::move(near_info);
  info.far = std::move(far_info);
  lifecycle_.add(std::move(info), std::move(near), std::move(far));
}

std::vector<api::LinkInfo> Service::links() {
  std::vector<api::LinkInfo> all;
  for (const LinkPointer& link : links_.all()) all.push_back(link->record.info());
  return all;
}

api::LinkInfo Service::apply(const std::string& name, const api::Change& change) {
  // This may ask a container engine: nothing is locked.
  refuse_lock_out(links_.find(name)->record.way_in().settings, change, api_);
  return changes_.apply(name, change);
}

api::LinkInfo Service::create(const api::NewLink& wanted) {
  refuse_lock_out(wanted, api_);
  api::LinkInfo info = lifecycle_.create(wanted);
  changes_.wake_reverter();
  return info;
}

LinkStats Service::stats(const std::string& name) {
  const LinkRegistry::Use link = links_.use(name);
  LinkStats stats;
  stats.at = stats.changed_at = Forwarder::now();  // all there is to tell of a link that waits for its target
  link.call([&](Link& l, TimePoint now) { stats = l.stats(now); });
  stats.events_lost = link->ring.lost_transitions() + link->ring.lost_segments();
  return stats;
}

std::vector<api::TransitionRow> Service::transitions(ConnectionId id) {
  connection(id);  // NotFound, if there never was such a one
  return journal_.transitions(id);
}

std::vector<api::SegmentRow> Service::segments(ConnectionId id) {
  connection(id);
  return journal_.segments(id);
}

std::vector<api::EventRow> Service::events(const api::EventQuery& query) {
  journal_.sync(kSyncPatience);
  return journal_.events(query);
}

api::EventRow Service::annotate(const std::string& text, const std::optional<std::string>& link) {
  if (link) links_.find(*link);
  return journal_.annotate(text, link);
}

std::unique_ptr<api::Capture> Service::capture(const std::string& name, const api::CaptureOptions& options) {
  return open_capture(links_.use(name), options, memory_, journal_);
}

api::Health Service::health() {
  const std::vector<LinkPointer> all = links_.all();
  for (const LinkPointer& link : all) {
    if (!link->in_use.try_lock_shared()) continue;  // it is being set up or taken away
    const SharedLock in_use(link->in_use, std::adopt_lock);
    if (!link->forwarder) continue;  // it waits
    if (!link->way_in && link->forwarder->has_lost_device())
      return {false, "a device of link '" + link->name() + "' is gone; restart wobbled"};
    if (!link->forwarder->call([](Link&, TimePoint) {}, kHealthPatience)) {
      return {false, "the link '" + link->name() + "' does not answer"};
    }
  }
  api::Health health = journal_.health();
  if (!health.ok) return health;
  for (const LinkPointer& link : all) {
    const api::WayInInfo way_in = link->record.way_in();
    if (way_in.state != api::WayInState::down) continue;
    health.detail +=
        (health.detail.empty() ? "" : "; ") + ("the link '" + link->name() + "' does not carry: " + way_in.detail);
  }
  return health;
}

}  // namespace wobble::daemon
