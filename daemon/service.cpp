#include "daemon/service.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <new>
#include <random>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "api/conditions_json.h"
#include "api/connection_row.h"
#include "daemon/capture/link_capture.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kForwarderPatience = 1s;
constexpr Duration kHealthPatience = 250ms;
constexpr Duration kSyncPatience = 250ms;

/// How much a capture keeps until it is read: as much as usual, but a sixteenth of a small bound.
std::size_t capture_ring(std::size_t memory_limit) {
  constexpr std::size_t kMin = std::size_t{1} << 18;  // several of the largest packets
  return std::clamp(std::bit_floor(memory_limit / 16), kMin, CaptureTap::kDefaultRing);
}

/// Does the work for each item, by several threads: taking a device away is mostly waiting for the kernel.
template <typename Item, typename Work>
void in_parallel(const std::vector<Item*>& items, const Work& work) {
  constexpr std::size_t kMostThreads = 16;
  std::atomic<std::size_t> next = 0;
  const auto do_some = [&] {
    for (std::size_t i = next++; i < items.size(); i = next++) work(*items[i]);
  };
  std::vector<std::thread> helpers;
  try {
    while (helpers.size() + 1 < std::min(items.size(), kMostThreads)) helpers.emplace_back(do_some);
  } catch (const std::system_error&) {  // no more threads are to be had: then with those that are
  }
  do_some();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace

Service::Service(Journal& journal, const Settings& settings)
    : journal_(journal),
      forwarder_options_(settings.forwarder),
      memory_(std::make_shared<MemoryBudget>(settings.memory)),
      started_at_(Forwarder::now()),
      ways_in_(settings.ways_in, [](const std::string& line) { spdlog::warn("{}", line); }) {
  table_.capacity = settings.connections;
  table_.flood_rate = settings.flood_rate;
  std::random_device device;
  for (std::uint64_t& key : table_.hash_key) key = (std::uint64_t{device()} << 32) | device();
  table_.ids = journal.connection_ids();
  reverter_ = std::thread([this] { bring_back_when_due(); });
  watcher_ = std::thread([this] { watch_ways_in(); });
}

Service::~Service() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  temporaries_changed_.notify_all();
  stopped_.notify_all();
  watcher_.join();
  reverter_.join();
  std::vector<ServedLink*> links;
  for (auto& [name, link] : links_) links.push_back(link.get());
  in_parallel(links, [this](ServedLink& link) {
    shut_out(link);
    link.forwarder.reset();  // tells the ring where each connection stands
    journal_.remove_link(link.ring);
    link.way_in.reset();
  });
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
  if (link.forwarder && !link.forwarder->call(command, kForwarderPatience)) {
    throw api::Unavailable("the link '" + link.info.name + "' does not answer; nothing was changed");
  }
}

std::vector<api::LinkInfo> Service::links() {
  const std::shared_lock links_lock(links_mutex_);
  const std::lock_guard lock(mutex_);
  std::vector<api::LinkInfo> all;
  for (const auto& [name, link] : links_) all.push_back(info_of(*link));
  return all;
}

api::LinkInfo Service::link(const std::string& name) {
  const std::shared_lock links_lock(links_mutex_);
  const std::lock_guard lock(mutex_);
  return info_of(find(name));
}

api::LinkInfo Service::info_of(const ServedLink& link) {
  api::LinkInfo info = link.info;
  const auto ends = link.temporaries.present_ends();
  if (ends) info.reverts_at = wall_clock(*ends);
  return info;
}

void Service::put_in_force(ServedLink& link, const LinkConditions& conditions, const std::string& source) {
  link.info.conditions = conditions;
  ++link.info.revision;
  journal_.record_change({link.info.name, link.info.revision, source, api::to_json(conditions).dump()});
  has_new_temporaries_ = true;
  temporaries_changed_.notify_all();
}

api::LinkInfo Service::apply(const std::string& name, const api::Change& change) {
  refuse_lock_out(link(name).way_in.settings, change, api_);  // may ask a container engine: nothing is locked
  const std::shared_lock links_lock(links_mutex_);
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
  return info_of(link);
}

api::LinkInfo Service::reset(const std::string& name, const std::string& source) {
  const std::shared_lock links_lock(links_mutex_);
  const std::lock_guard lock(mutex_);
  ServedLink& link = find(name);
  call(link, [](Link& l, TimePoint now) { l.reset(now); });
  link.temporaries.settle();
  put_in_force(link, LinkConditions{}, source);
  return info_of(link);
}

void Service::bring_back_when_due() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const TimePoint due = expire_temporaries();
    lock.lock();
    if (stopping_) return;
    if (due == kNever) {
      temporaries_changed_.wait(lock, [this] { return stopping_ || std::exchange(has_new_temporaries_, false); });
    } else {
      temporaries_changed_.wait_until(lock, due,
                                      [this] { return stopping_ || std::exchange(has_new_temporaries_, false); });
    }
  }
}

TimePoint Service::expire_temporaries() {
  const std::shared_lock links_lock(links_mutex_);
  const std::lock_guard lock(mutex_);
  TimePoint due = kNever;
  for (auto& [name, link] : links_) {
    if (const auto before = link->temporaries.expire(Forwarder::now())) {
      if (link->forwarder) {
        link->forwarder->call([&](Link& l, TimePoint now) { l.apply(*before, now); }, kForwarderPatience);
      }
      put_in_force(*link, *before, "the end of a change made for a while");
    }
    due = std::min(due, link->temporaries.next_due());
  }
  return due;
}

LinkStats Service::stats(const std::string& name) {
  const std::shared_lock links_lock(links_mutex_);
  ServedLink& link = find(name);
  LinkStats stats;
  stats.at = stats.changed_at = Forwarder::now();  // all there is to tell of a link that waits for its target
  call(link, [&](Link& l, TimePoint now) { stats = l.stats(now); });
  stats.events_lost = link.ring.lost_transitions() + link.ring.lost_segments();
  return stats;
}

void Service::refresh_figures(std::vector<api::ConnectionRow>& rows) {
  const std::shared_lock links_lock(links_mutex_);
  for (auto& [name, link] : links_) {
    const Forwarder::Command read = [&, link_name = name](Link& l, TimePoint) {
      for (api::ConnectionRow& row : rows) {
        if (row.link != link_name) continue;
        const auto figures = l.connections().figures(row.id);
        if (figures) api::set_figures(row, *figures, [&](TimePoint at) { return wall_clock(at); });
      }
    };
    if (link->forwarder)
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

std::vector<api::ConditionsRow> Service::conditions(ConnectionId id) { return journal_.conditions(id); }

void Service::follow(ConnectionId id) {
  connection(id);
  const std::shared_lock links_lock(links_mutex_);
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
  if (link) {
    const std::shared_lock links_lock(links_mutex_);
    find(*link);
  }
  return journal_.annotate(text, link);
}

std::unique_ptr<api::Capture> Service::capture(const std::string& name, const api::CaptureOptions& options) {
  const std::shared_lock links_lock(links_mutex_);
  ServedLink& link = find(name);
  if (!link.forwarder) throw api::Conflict("the link '" + name + "' waits for its target: nothing flows yet");
  const std::size_t ring = capture_ring(memory_->limit());
  std::shared_ptr<MemoryShare> share;
  std::shared_ptr<CaptureTap> tap;
  try {
    share = std::make_shared<MemoryShare>(memory_, ring);
    tap = std::make_shared<CaptureTap>(options, ring);
  } catch (const std::bad_alloc&) {
    throw api::Unavailable("no room for the " + std::to_string(ring >> 10) + " KiB that a capture takes: of " +
                           std::to_string(memory_->limit() >> 20) + " MiB (--memory) " +
                           std::to_string(memory_->taken() >> 20) + " MiB are taken; end another capture, or let less "
                           "be in flight");
  }
  call(link, [&](Link& l, TimePoint) { l.add_tap(tap); });
  const auto detach = [this, name, tap, share] {  // the share is taken as long as the capture lives
    const std::shared_lock lock(links_mutex_);
    const auto found = links_.find(name);
    if (found == links_.end() || !found->second->forwarder) return;
    found->second->forwarder->call([&](Link& l, TimePoint) { l.remove_tap(*tap); }, kForwarderPatience);
  };
  return std::make_unique<LinkCapture>(
      name, options, tap, [this](TimePoint at) { return wall_clock(at); }, detach);
}

api::Health Service::health() {
  const std::shared_lock links_lock(links_mutex_);
  for (auto& [name, link] : links_) {
    if (!link->forwarder) continue;
    if (!link->way_in && link->forwarder->has_lost_device())
      return {false, "a device of link '" + name + "' is gone; restart wobbled"};
    if (!link->forwarder->call([](Link&, TimePoint) {}, kHealthPatience)) {
      return {false, "the link '" + name + "' does not answer"};
    }
  }
  api::Health health = journal_.health();
  if (!health.ok) return health;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, link] : links_) {
    const api::WayInInfo& way_in = link->info.way_in;
    if (way_in.state != api::WayInState::down) continue;
    health.detail += (health.detail.empty() ? "" : "; ") + ("the link '" + name + "' does not carry: " + way_in.detail);
  }
  return health;
}

api::JournalStats Service::journal() { return journal_.stats(); }

}  // namespace wobble::daemon
