#include "daemon/service.h"

#include <utility>

#include "api/conditions_json.h"
#include "daemon/capture/link_capture.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kForwarderPatience = 1s;
constexpr Duration kHealthPatience = 250ms;
constexpr Duration kSyncPatience = 250ms;

}  // namespace

Service::Service(Journal& journal) : journal_(journal), started_at_(Forwarder::now()) {
  reverter_ = std::thread([this] { bring_back_when_due(); });
}

Service::~Service() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  temporaries_changed_.notify_all();
  reverter_.join();
  for (auto& [name, link] : links_) {
    link->forwarder.reset();  // tells the ring where each connection stands
    journal_.remove_link(link->ring);
  }
}

void Service::add_link(const std::string& name, std::uint64_t seed, api::SideInfo near_info,
                       std::unique_ptr<PacketDevice> near, api::SideInfo far_info, std::unique_ptr<PacketDevice> far,
                       const ConnectionTableOptions& table) {
  auto link = std::make_unique<ServedLink>();
  link->info.name = name;
  link->info.revision = 1;
  link->info.seed = seed;
  link->info.near = std::move(near_info);
  link->info.far = std::move(far_info);
  journal_.add_link(name, link->ring);
  LinkOptions options;
  options.seed = seed;
  options.connections = table;
  link->forwarder = std::make_unique<Forwarder>(options, link->ring, std::move(near), std::move(far));
  links_.emplace(name, std::move(link));
}

std::string Service::version() { return WOBBLE_VERSION; }

Duration Service::uptime() { return Forwarder::now() - started_at_; }

api::WallTime Service::wall_clock(TimePoint at) { return journal_.wall_clock(at); }

Service::ServedLink& Service::find(const std::string& name) {
  const auto found = links_.find(name);
  if (found == links_.end()) throw api::NotFound("there is no link '" + name + "'");
  return *found->second;
}

void Service::call(ServedLink& link, const Forwarder::Command& command) {
  if (!link.forwarder->call(command, kForwarderPatience)) {
    throw api::Unavailable("the link '" + link.info.name + "' does not answer; nothing was changed");
  }
}

std::vector<api::LinkInfo> Service::links() {
  const std::lock_guard lock(mutex_);
  std::vector<api::LinkInfo> all;
  for (const auto& [name, link] : links_) all.push_back(link->info);
  return all;
}

api::LinkInfo Service::link(const std::string& name) {
  const std::lock_guard lock(mutex_);
  return find(name).info;
}

void Service::put_in_force(ServedLink& link, const LinkConditions& conditions, const std::string& source) {
  const auto ends = link.temporaries.present_ends();
  link.info.conditions = conditions;
  link.info.reverts_at = ends ? std::optional(wall_clock(*ends)) : std::nullopt;
  ++link.info.revision;
  journal_.record_change({link.info.name, link.info.revision, source, api::to_json(conditions).dump()});
  temporaries_changed_.notify_all();
}

api::LinkInfo Service::apply(const std::string& name, const api::Change& change) {
  const std::lock_guard lock(mutex_);
  ServedLink& link = find(name);
  if (change.if_revision && *change.if_revision != link.info.revision) {
    throw api::RevisionMismatch("the link is at revision " + std::to_string(link.info.revision) + ", not " +
                                std::to_string(*change.if_revision));
  }
  call(link, [&](Link& l, TimePoint now) { l.apply(change.conditions, now); });
  if (change.lasts) {
    link.temporaries.begin(Forwarder::now() + *change.lasts, link.info.conditions);
  } else {
    link.temporaries.settle();
  }
  put_in_force(link, change.conditions, change.source);
  return link.info;
}

api::LinkInfo Service::reset(const std::string& name, const std::string& source) {
  const std::lock_guard lock(mutex_);
  ServedLink& link = find(name);
  call(link, [](Link& l, TimePoint now) { l.reset(now); });
  link.temporaries.settle();
  put_in_force(link, LinkConditions{}, source);
  return link.info;
}

void Service::bring_back_when_due() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    TimePoint due = kNever;
    for (auto& [name, link] : links_) {
      if (const auto before = link->temporaries.expire(Forwarder::now())) {
        link->forwarder->call([&](Link& l, TimePoint now) { l.apply(*before, now); }, kForwarderPatience);
        put_in_force(*link, *before, "the end of a change made for a while");
      }
      due = std::min(due, link->temporaries.next_due());
    }
    if (due == kNever) {
      temporaries_changed_.wait(lock);
    } else {
      temporaries_changed_.wait_until(lock, due);
    }
  }
}

LinkStats Service::stats(const std::string& name) {
  ServedLink& link = find(name);
  LinkStats stats;
  call(link, [&](Link& l, TimePoint now) { stats = l.stats(now); });
  stats.events_lost = link.ring.lost_transitions() + link.ring.lost_segments();
  return stats;
}

void Service::refresh_figures(std::vector<api::ConnectionRow>& rows) {
  for (auto& [name, link] : links_) {
    const Forwarder::Command read = [&, link_name = name](Link& l, TimePoint) {
      for (api::ConnectionRow& row : rows) {
        if (row.closed_at || row.link != link_name) continue;
        const auto figures = l.connections().figures(row.id);
        if (!figures) continue;
        row.client.figures = figures->client;
        row.server.figures = figures->server;
        row.handshake_rtt_client = figures->handshake_rtt_client;
        row.handshake_rtt_server = figures->handshake_rtt_server;
        row.initial_rtt = figures->initial_rtt;
      }
    };
    link->forwarder->call(read, kForwarderPatience);  // without an answer the rows stay as they were journalled
  }
}

api::Page<api::ConnectionRow> Service::connections(const api::ConnectionQuery& query) {
  journal_.sync(kSyncPatience);
  auto page = journal_.connections(query);
  refresh_figures(page.items);
  return page;
}

api::ConnectionRow Service::connection(ConnectionId id) {
  journal_.sync(kSyncPatience);
  const auto row = journal_.connection(id);
  if (!row) throw api::NotFound("there is no connection " + std::to_string(id));
  std::vector<api::ConnectionRow> rows{*row};
  refresh_figures(rows);
  return rows.front();
}

std::vector<api::TransitionRow> Service::transitions(ConnectionId id) {
  connection(id);  // NotFound, if there never was such a one
  return journal_.transitions(id);
}

std::vector<api::SegmentRow> Service::segments(ConnectionId id) {
  connection(id);
  return journal_.segments(id);
}

void Service::follow(ConnectionId id) {
  connection(id);
  for (auto& [name, link] : links_) {
    call(*link, [id](Link& l, TimePoint) { l.connections().follow(id); });
  }
}

std::vector<api::EventRow> Service::events(const api::EventQuery& query) {
  journal_.sync(kSyncPatience);
  return journal_.events(query);
}

std::uint64_t Service::wait_for_event(std::uint64_t since, Duration at_most) {
  return journal_.wait_for_event(since, at_most);
}

std::uint64_t Service::newest_event() { return journal_.newest_event(); }

api::EventRow Service::annotate(const std::string& text, const std::optional<std::string>& link) {
  if (link) find(*link);
  return journal_.annotate(text, link);
}

std::unique_ptr<api::Capture> Service::capture(const std::string& name, const api::CaptureOptions& options) {
  const auto tap = std::make_shared<CaptureTap>(options);
  call(find(name), [&](Link& l, TimePoint) { l.add_tap(tap); });
  const auto detach = [this, name, tap] {
    const auto found = links_.find(name);
    if (found == links_.end()) return;
    found->second->forwarder->call([&](Link& l, TimePoint) { l.remove_tap(*tap); }, kForwarderPatience);
  };
  return std::make_unique<LinkCapture>(
      name, options, tap, [this](TimePoint at) { return wall_clock(at); }, detach);
}

api::Health Service::health() {
  for (auto& [name, link] : links_) {
    if (link->forwarder->has_lost_device()) return {false, "a device of link '" + name + "' is gone; restart wobbled"};
    if (!link->forwarder->call([](Link&, TimePoint) {}, kHealthPatience)) {
      return {false, "the link '" + name + "' does not answer"};
    }
  }
  return journal_.health();
}

api::JournalStats Service::journal() { return journal_.stats(); }

}  // namespace wobble::daemon
