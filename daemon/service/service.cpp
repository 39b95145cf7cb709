#include "daemon/service/service.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <new>
#include <random>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "api/rows/connection_row.h"
#include "daemon/capture/link_capture.h"
#include "daemon/system/log.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kHealthPatience = 250ms;
constexpr Duration kFiguresPatience = 250ms;
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
      ways_in_(settings.ways_in, [](const std::string& line) { log::warn(line); }) {
  table_.capacity = settings.connections;
  table_.flood_rate = settings.flood_rate;
  std::random_device device;
  for (std::uint64_t& key : table_.hash_key) key = (std::uint64_t{device()} << 32) | device();
  table_.ids = journal.connection_ids();
  try {
    reverter_ = std::thread([this] { bring_back_when_due(); });
    watcher_ = std::thread([this] { watch_ways_in(); });
  } catch (...) {  // no more threads are to be had
    end_threads();
    throw;
  }
}

void Service::end_threads() noexcept {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  temporaries_changed_.notify_all();
  stopped_.notify_all();
  for (std::thread* thread : {&watcher_, &reverter_}) {
    if (thread->joinable()) thread->join();
  }
}

Service::~Service() {
  end_threads();
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

Service::LinkPointer Service::find(const std::string& name) {
  const std::shared_lock lock(links_mutex_);
  const auto found = links_.find(name);
  if (found == links_.end()) throw api::NotFound("there is no link '" + name + "'");
  return found->second;
}

Service::Use Service::use(const std::string& name) {
  LinkPointer link = find(name);
  std::shared_lock lock(link->in_use);
  if (link->is_leaving) throw api::NotFound("there is no link '" + name + "': it has just been taken away");
  return {std::move(link), std::move(lock)};
}

std::vector<Service::LinkPointer> Service::all_links() {
  const std::shared_lock lock(links_mutex_);
  std::vector<LinkPointer> all;
  for (const auto& [name, link] : links_) all.push_back(link);
  return all;
}

void Service::call(ServedLink& link, const Forwarder::Command& command) {
  if (link.forwarder && !link.forwarder->call(command, kForwarderTimeout)) {
    throw api::Unavailable("the link '" + link.info.name + "' does not answer; nothing was changed");
  }
}

std::vector<api::LinkInfo> Service::links() {
  std::vector<api::LinkInfo> all;
  for (const LinkPointer& link : all_links()) {
    const std::lock_guard lock(mutex_);
    all.push_back(info_of(*link));
  }
  return all;
}

api::LinkInfo Service::link(const std::string& name) {
  const LinkPointer link = find(name);
  const std::lock_guard lock(mutex_);
  return info_of(*link);
}

api::LinkInfo Service::info_of(const ServedLink& link) {
  api::LinkInfo info = link.info;
  info.as_of = Forwarder::now();
  info.upcoming = link.temporaries.upcoming();
  for (api::UpcomingConditions& upcoming : info.upcoming) upcoming.at = wall_clock(upcoming.due);
  if (!info.upcoming.empty()) info.reverts_at = info.upcoming.front().at;
  return info;
}

LinkStats Service::stats(const std::string& name) {
  const Use link = use(name);
  LinkStats stats;
  stats.at = stats.changed_at = Forwarder::now();  // all there is to tell of a link that waits for its target
  call(*link, [&](Link& l, TimePoint now) { stats = l.stats(now); });
  stats.events_lost = link->ring.lost_transitions() + link->ring.lost_segments();
  return stats;
}

void Service::refresh_figures(std::vector<api::ConnectionRow>& rows) {
  std::map<std::string, std::vector<api::ConnectionRow*>> rows_of;
  for (api::ConnectionRow& row : rows) rows_of[row.link].push_back(&row);
  for (const LinkPointer& link : all_links()) {
    const auto own = rows_of.find(link->info.name);
    const std::shared_lock in_use(link->in_use, std::try_to_lock);
    if (own == rows_of.end() || !in_use.owns_lock() || !link->forwarder) continue;
    const Forwarder::Command read = [&](Link& l, TimePoint) {
      for (api::ConnectionRow* row : own->second) {
        const auto figures = l.connections().figures(row->id);
        if (figures) api::set_figures(*row, *figures, [&](TimePoint at) { return wall_clock(at); });
      }
    };
    (void)link->forwarder->call(read, kFiguresPatience);  // without an answer the rows stay as they were journalled
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
  const std::string name = connection(id).link;
  const std::vector<LinkPointer> all = all_links();
  const bool is_there = std::any_of(all.begin(), all.end(), [&](const LinkPointer& l) { return l->info.name == name; });
  if (!is_there) return;  // taken away, and the connection ended with it
  call(*use(name), [id](Link& l, TimePoint) { l.connections().follow(id); });
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
  const Use link = use(name);
  if (!link->forwarder) throw api::Conflict("the link '" + name + "' waits for its target: nothing flows yet");
  const std::size_t ring = capture_ring(memory_->limit());
  std::shared_ptr<MemoryShare> share;
  std::shared_ptr<CaptureTap> tap;
  try {
    share = std::make_shared<MemoryShare>(memory_, ring);
    tap = std::make_shared<CaptureTap>(options, ring);
  } catch (const std::bad_alloc&) {
    throw api::Unavailable("no room for the " + std::to_string(ring >> 10) + " KiB that a capture takes: of " +
                           std::to_string(memory_->limit() >> 20) + " MiB (--memory) " +
                           std::to_string(memory_->taken() >> 20) +
                           " MiB are taken; end another capture, or let less "
                           "be in flight");
  }
  call(*link, [&](Link& l, TimePoint) { l.add_tap(tap); });
  const auto detach = [which = std::weak_ptr(link.link), tap, share] {  // taken as long as the capture lives
    const LinkPointer captured = which.lock();
    if (!captured) return;
    const std::shared_lock in_use(captured->in_use);
    if (captured->forwarder) captured->forwarder->post([tap](Link& l, TimePoint) { l.remove_tap(*tap); });
  };
  return std::make_unique<LinkCapture>(
      name, options, tap, [this](TimePoint at) { return wall_clock(at); }, detach);
}

api::Health Service::health() {
  const std::vector<LinkPointer> all = all_links();
  for (const LinkPointer& link : all) {
    const std::shared_lock in_use(link->in_use, std::try_to_lock);
    if (!in_use.owns_lock() || !link->forwarder) continue;  // it is being set up or taken away, or waits
    const std::string& name = link->info.name;
    if (!link->way_in && link->forwarder->has_lost_device())
      return {false, "a device of link '" + name + "' is gone; restart wobbled"};
    if (!link->forwarder->call([](Link&, TimePoint) {}, kHealthPatience)) {
      return {false, "the link '" + name + "' does not answer"};
    }
  }
  api::Health health = journal_.health();
  if (!health.ok) return health;
  const std::lock_guard lock(mutex_);
  for (const LinkPointer& link : all) {
    const api::WayInInfo& way_in = link->info.way_in;
    if (way_in.state != api::WayInState::down) continue;
    health.detail +=
        (health.detail.empty() ? "" : "; ") + ("the link '" + link->info.name + "' does not carry: " + way_in.detail);
  }
  return health;
}

api::JournalStats Service::journal() { return journal_.stats(); }

}  // namespace wobble::daemon
