// Links that come and go: made with their way in, watched, taken away. A way in is made while nothing is locked but
// ways_mutex_, so the API answers meanwhile.
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

#include "api/conditions/conditions_json.h"
#include "api/rows/ways_in_json.h"
#include "api/seed.h"
#include "daemon/service/freed_memory.h"
#include "daemon/service/service.h"
#include "daemon/system/log.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr Duration kWatchEvery = 250ms;
/// Many links share one journal that drains each ring twenty times a second: smaller than the lab's.
constexpr std::size_t kRingCapacity = 16'384;

/// An interface's name may be any bytes; those that are no UTF-8 are replaced.
constexpr auto kReplace = nlohmann::json::error_handler_t::replace;

bool follows(const api::WayInSettings& settings) {
  const auto* attach = std::get_if<api::AttachSettings>(&settings);
  return attach != nullptr && attach->follow;
}

}  // namespace

std::uint64_t Service::revision_of(const ServedLink& link) {
  const std::lock_guard lock(mutex_);
  return link.info.revision;
}

std::unique_ptr<Forwarder> Service::forwarder_for(ServedLink& link, std::unique_ptr<PacketDevice> near,
                                                  std::unique_ptr<PacketDevice> far,
                                                  std::unique_ptr<KernelPath> kernel_path) {
  LinkOptions options;
  options.seed = link.info.seed;
  options.connections = table_;
  options.memory = memory_;
  auto forwarder = std::make_unique<Forwarder>(options, link.ring, std::move(near), std::move(far), forwarder_options_,
                                               std::move(kernel_path));
  if (const int error = forwarder->fifo_error(); error != 0) {
    log::debug(fmt::format("link {}: SCHED_FIFO was refused: {}", link.info.name, std::strerror(error)));
  }
  return forwarder;
}

Service::ServedLink& Service::put_into_service(LinkPointer link) {
  const std::string conditions = api::to_json(link->info.conditions).dump();
  link->past.add(link->info.revision, conditions);
  journal_.record_link(link->info.name, conditions);
  journal_.add_link(link->info.name, link->ring);
  ServedLink& served = *link;
  const std::lock_guard links_lock(links_mutex_);
  links_[served.info.name] = std::move(link);
  return served;
}

void Service::add_link(const std::string& name, std::uint64_t seed, api::SideInfo near_info,
                       std::unique_ptr<PacketDevice> near, api::SideInfo far_info, std::unique_ptr<PacketDevice> far) {
  const std::lock_guard ways_lock(ways_mutex_);
  auto link = std::make_shared<ServedLink>(EventRing::kDefaultCapacity);
  link->info.name = name;
  link->info.revision = 1;
  link->info.seed = seed;
  link->info.near = std::move(near_info);
  link->info.far = std::move(far_info);
  link->forwarder = forwarder_for(*link, std::move(near), std::move(far));
  put_into_service(std::move(link));
}

std::string Service::choose_name(const api::NewLink& wanted) {
  const std::shared_lock links_lock(links_mutex_);
  if (!wanted.name.empty()) {
    if (links_.count(wanted.name) != 0) throw api::Conflict("there is a link '" + wanted.name + "' already");
    return wanted.name;
  }
  std::string base = WaysIn::name_for(wanted.way_in);
  if (!api::is_link_name(base)) base = "link";
  std::string name = base;
  for (int n = 2; links_.count(name) != 0; ++n) name = base + "-" + std::to_string(n);
  return name;
}

// The loop runs before the first packet is led to it.
void Service::let_in(ServedLink& link, std::unique_ptr<WayIn> way_in) {
  auto forwarder = forwarder_for(link, way_in->take_near(), way_in->take_far(), way_in->take_kernel_path());
  const auto put_conditions_in_force = [&] {
    LinkConditions conditions;
    {
      const std::lock_guard lock(mutex_);
      conditions = link.info.conditions;
    }
    if (!forwarder->call([&](Link& l, TimePoint now) { l.apply(conditions, now); }, kForwarderTimeout)) {
      throw std::runtime_error("the link '" + link.info.name + "' does not answer");
    }
  };
  const std::uint64_t revision = revision_of(link);
  put_conditions_in_force();
  way_in->serve_by([loop = forwarder.get(), name = link.info.name](const std::function<void()>& work) {
    if (!loop->call([&](Link&, TimePoint) { work(); }, kForwarderTimeout)) {
      throw std::runtime_error("the link '" + name + "' does not answer");
    }
  });
  way_in->open();
  const std::lock_guard in_use(link.in_use);
  const std::lock_guard changing(link.changing);
  if (revision_of(link) != revision) put_conditions_in_force();  // changed while it was not the link's loop yet
  const std::lock_guard lock(mutex_);
  link.info.near = way_in->near_info();
  link.info.far = way_in->far_info();
  link.info.way_in = {way_in->settings(), api::WayInState::up, way_in->detail()};
  link.forwarder = std::move(forwarder);
  link.way_in = std::move(way_in);
}

api::LinkInfo Service::create(const api::NewLink& wanted) {
  refuse_lock_out(wanted, api_);
  const auto ways_lock = ways_mutex_.lock_or_refuse();
  auto link = std::make_shared<ServedLink>(kRingCapacity);
  link->info.name = choose_name(wanted);
  link->info.revision = 1;
  link->info.seed = wanted.seed.value_or(api::draw_seed());
  link->info.conditions = wanted.conditions;
  if (wanted.lasts) {
    api::Change first;
    first.conditions = wanted.conditions;
    link->temporaries = TemporaryChanges().with(first, LinkConditions{}, Forwarder::now() + *wanted.lasts);
  }
  link->info.way_in = {wanted.way_in, api::WayInState::waiting, ""};
  std::unique_ptr<WayIn> way_in;
  try {
    way_in = ways_in_.make(link->info.name, wanted.way_in);
  } catch (const api::Unfit& e) {
    if (!follows(wanted.way_in)) throw;
    link->info.way_in.detail = e.what();
  }
  const std::string name = link->info.name;
  ServedLink& served = put_into_service(std::move(link));
  try {
    if (way_in) let_in(served, std::move(way_in));
  } catch (const std::exception& e) {
    (void)discard(name);  // what it could not put back is in the log
    const auto* refused = dynamic_cast<const std::system_error*>(&e);
    throw api::Incapable(refused != nullptr ? with_remedy(*refused) : e.what());
  }
  wake_reverter();
  api::LinkInfo info;
  {
    const std::lock_guard lock(mutex_);
    info = info_of(served);
  }
  journal_.record_event("link_added", name + ": a link, by " + api::kind_of(info.way_in.settings),
                        api::to_json(info.way_in).dump(-1, ' ', false, kReplace), name);
  journal_.record_change({name, info.revision, "as it was made", api::to_json(info.conditions).dump()});
  return info;
}

// What is in flight leaves at once, while the way onward still stands, and what has come meanwhile behind it.
std::string Service::shut_out(ServedLink& link) noexcept {
  if (!link.way_in) return {};
  const auto let_all_leave = [&] {
    const bool has_left =
        !link.forwarder || (link.forwarder->call([](Link& l, TimePoint now) { l.reset(now); }, kForwarderTimeout) &&
                            link.forwarder->call([](Link&, TimePoint) {}, kForwarderTimeout));  // by now it has
    if (!has_left) log::warn(fmt::format("{}: does not answer; what is in flight is lost", link.info.name));
  };
  let_all_leave();
  const std::string failed = link.way_in->close();
  let_all_leave();
  if (!failed.empty()) {
    log::error(fmt::format("{}: could not be put back, and is tried again later: {}", link.info.name, failed));
    journal_.record_event("way_in", link.info.name + ": could not be put back: " + failed, "", link.info.name);
  }
  return failed;
}

std::string Service::discard(const std::string& name) noexcept {
  LinkPointer link;
  {
    const std::lock_guard links_lock(links_mutex_);
    auto node = links_.extract(name);
    if (!node.empty()) link = std::move(node.mapped());
  }
  if (!link) return {};
  link->is_leaving = true;
  const std::lock_guard in_use(link->in_use);
  std::string failed = shut_out(*link);
  link->forwarder.reset();
  journal_.remove_link(link->ring);
  return failed;
}

void Service::remove(const std::string& name, std::optional<std::uint64_t> if_revision) {
  const auto ways_lock = ways_mutex_.lock_or_refuse();
  {
    const LinkPointer link = find(name);
    check_revision(*link, if_revision);
    const std::lock_guard lock(mutex_);
    if (std::holds_alternative<api::LabSettings>(link->info.way_in.settings)) {
      throw api::Conflict("the lab's link lives as long as the daemon: to clear it of impairments, reset it");
    }
  }
  const std::string failed = discard(name);
  journal_.record_event("link_removed", name + ": detached", "", name);
  if (!failed.empty()) {
    throw api::Incapable("the link is gone, but not all of it could be put back: " + failed +
                         "; it stays on record, and 'wobble cleanup' tries it again");
  }
}

// ---------------------------------------------------------------------------------------------------------- watching

void Service::watch_ways_in() {
  FreedMemory freed(*memory_);
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, kWatchEvery, [this] { return stopping_; })) {
    lock.unlock();
    std::vector<std::string> names;
    for (const LinkPointer& link : all_links()) {
      const std::lock_guard info_lock(mutex_);
      if (!std::holds_alternative<api::LabSettings>(link->info.way_in.settings)) names.push_back(link->info.name);
    }
    for (const std::string& name : names) look_after(name);
    freed.look([this] { release_unused_memory(); });
    const api::JournalStats stats = journal_.stats();
    if (lost_ends_.is_due(Forwarder::now(), stats.lost_transitions + stats.renewals)) settle_lost_ends();
    lock.lock();
  }
}

void Service::release_unused_memory() {
  const std::shared_lock links_lock(links_mutex_);
  for (const auto& [name, link] : links_) {
    if (link->forwarder) link->forwarder->post([](Link& l, TimePoint) { l.release_unused_memory(); });
  }
}

void Service::settle_lost_ends() try {
  constexpr std::size_t kAtOnce = 500;  // the link's loop does nothing else meanwhile
  std::map<std::string, std::vector<ConnectionId>> of_link;
  for (const LivingRow& row : journal_.living()) of_link[row.link].push_back(row.id);
  std::vector<ConnectionId> gone;
  const std::shared_lock links_lock(links_mutex_);
  for (const auto& [name, ids] : of_link) {
    const auto found = links_.find(name);
    if (found == links_.end() || !found->second->forwarder) {
      gone.insert(gone.end(), ids.begin(), ids.end());
      continue;
    }
    for (std::size_t first = 0; first < ids.size(); first += kAtOnce) {
      const auto some = std::span(ids).subspan(first, std::min(kAtOnce, ids.size() - first));
      std::vector<ConnectionId> unknown;  // of these, if the link answers
      const Forwarder::Command ask = [&](Link& l, TimePoint) {
        for (const ConnectionId id : some) {
          if (!l.connections().has(id)) unknown.push_back(id);
        }
      };
      if (found->second->forwarder->call(ask, kForwarderTimeout)) {
        gone.insert(gone.end(), unknown.begin(), unknown.end());
      }
    }
  }
  journal_.end_unknown(gone);
} catch (const api::Unavailable&) {  // the log cannot be read now: it is looked at again
}

void Service::look_after(const std::string& name) {
  const std::lock_guard ways_lock(ways_mutex_);
  const auto found = links_.find(name);  // only we, with ways_mutex_, change the map
  if (found == links_.end()) return;
  ServedLink& link = *found->second;
  if (!link.way_in) return come_back(link);
  std::string why = link.way_in->gone();
  if (why.empty() && link.forwarder && link.forwarder->has_lost_device()) why = "a device of the link was removed";
  if (why.empty()) return see_whether_it_carries(link);
  const bool waits = follows(link.info.way_in.settings);
  log::info(fmt::format("{}: {}{}", name, why, waits ? "; waiting for it" : ""));
  if (!waits) {
    journal_.record_event("way_in", name + ": " + why, "", name);
    (void)discard(name);
    journal_.record_event("link_removed", name + ": its target is gone", "", name);
    return;
  }
  (void)shut_out(link);
  std::unique_ptr<Forwarder> forwarder;
  std::unique_ptr<WayIn> way_in;
  {
    const std::lock_guard in_use(link.in_use);
    const std::lock_guard lock(mutex_);
    forwarder = std::move(link.forwarder);
    way_in = std::move(link.way_in);
    link.info.way_in.state = api::WayInState::waiting;
    link.info.way_in.detail = why;
  }
  journal_.record_event("way_in", name + ": " + why + "; waiting for it", "", name);
}

void Service::see_whether_it_carries(ServedLink& link) {
  const std::string trouble = link.way_in->look();
  for (const std::string& news : link.way_in->take_news()) {
    log::info(fmt::format("{}: {}", link.info.name, news));
    journal_.record_event("way_in", link.info.name + ": " + news, "", link.info.name);
  }
  std::string change;
  {
    const std::lock_guard lock(mutex_);
    api::WayInInfo& info = link.info.way_in;
    const bool was_up = info.state == api::WayInState::up;
    info.counters = link.way_in->counters();
    info.state = trouble.empty() ? api::WayInState::up : api::WayInState::down;
    info.detail = trouble.empty() ? link.way_in->detail() : trouble;
    link.info.near = link.way_in->near_info();
    link.info.far = link.way_in->far_info();
    if (was_up != trouble.empty()) change = trouble.empty() ? "carries again" : "does not carry: " + trouble;
  }
  if (change.empty()) return;
  log::info(fmt::format("{}: {}", link.info.name, change));
  journal_.record_event("way_in", link.info.name + ": " + change, "", link.info.name);
}

void Service::come_back(ServedLink& link) {
  api::WayInSettings settings;
  {
    const std::lock_guard lock(mutex_);
    settings = link.info.way_in.settings;
  }
  try {
    let_in(link, ways_in_.make(link.info.name, settings));
    journal_.record_event("way_in", link.info.name + ": its target is there, and is attached", "", link.info.name);
  } catch (const std::exception& e) {  // not yet
    const std::lock_guard lock(mutex_);
    link.info.way_in.detail = e.what();
  }
}

}  // namespace wobble::daemon
