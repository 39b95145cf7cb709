#include "daemon/service/link_lifecycle.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <functional>
#include <random>
#include <system_error>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "api/conditions/conditions_json.h"
#include "api/rows/ways_in_json.h"
#include "api/seed.h"
#include "daemon/system/log.h"

namespace wobble::daemon {
namespace {

/// Many links share one journal that drains each ring twenty times a second: smaller than the lab's.
constexpr std::size_t kRingCapacity = 16'384;

/// An interface's name may be any bytes; those that are no UTF-8 are replaced.
constexpr auto kReplace = nlohmann::json::error_handler_t::replace;

bool follows(const api::WayInSettings& settings) {
  const auto* attach = std::get_if<api::AttachSettings>(&settings);
  return attach != nullptr && attach->follow;
}

std::runtime_error no_answer_of(const std::string& link) {
  return std::runtime_error("the link '" + link + "' does not answer");
}

/// Does the work for each link, by several threads: taking a device away is mostly waiting for the kernel.
template <typename Work>
void in_parallel(const std::vector<LinkPointer>& links, const Work& work) {
  constexpr std::size_t kMaxThreads = 16;
  std::atomic<std::size_t> next = 0;
  const auto do_some = [&] {
    for (std::size_t i = next++; i < links.size(); i = next++) work(*links[i]);
  };
  std::vector<std::thread> helpers;
  try {
    while (helpers.size() + 1 < std::min(links.size(), kMaxThreads)) helpers.emplace_back(do_some);
  } catch (const std::system_error&) {  // no more threads are to be had: then with those that are
  }
  do_some();
  for (std::thread& helper : helpers) helper.join();
}

}  // namespace

LinkLifecycle::LinkLifecycle(LinkRegistry& links, Journal& journal, std::shared_ptr<MemoryBudget> memory,
                             const LinkSettings& settings)
    : links_(links),
      journal_(journal),
      forwarder_options_(settings.forwarder),
      ways_in_(settings.ways_in, [](const std::string& line) { log::warn(line); }) {
  link_options_.memory = std::move(memory);
  ConnectionTableOptions& table = link_options_.connections;
  table.capacity = settings.connections;
  table.flood_rate = settings.flood_rate;
  std::random_device device;
  for (std::uint64_t& key : table.hash_key) key = (std::uint64_t{device()} << 32) | device();
  table.ids = journal.connection_ids();
}

LinkLifecycle::~LinkLifecycle() {
  in_parallel(links_.all(), [this](ServedLink& link) {
    mutex_.assert_held();  // as it were: nobody else is there any more
    (void)discard(link);
  });
}

void LinkLifecycle::record(const ServedLink& link, const std::string& what) {
  journal_.record_event("way_in", link.name() + ": " + what, "", link.name());
}

std::unique_ptr<Forwarder> LinkLifecycle::forwarder_for(ServedLink& link, std::unique_ptr<PacketDevice> near,
                                                        std::unique_ptr<PacketDevice> far,
                                                        std::unique_ptr<KernelPath> kernel_path) const {
  LinkOptions options = link_options_;
  options.seed = link.record.seed();
  auto forwarder = std::make_unique<Forwarder>(options, link.ring, std::move(near), std::move(far), forwarder_options_,
                                               std::move(kernel_path));
  if (const int error = forwarder->fifo_error(); error != 0) {
    log::debug(fmt::format("link {}: SCHED_FIFO was refused: {}", link.name(), std::strerror(error)));
  }
  return forwarder;
}

void LinkLifecycle::put_into_service(const LinkPointer& link) {
  journal_.record_link(link->name(), link->record.past_conditions(link->record.revision()));
  journal_.add_link(link->name(), link->ring);
  links_.add(link);
}

void LinkLifecycle::add(api::LinkInfo info, std::unique_ptr<PacketDevice> near, std::unique_ptr<PacketDevice> far) {
  const LockGuard lock(mutex_);
  const auto link = std::make_shared<ServedLink>(journal_, EventRing::kDefaultCapacity, std::move(info));
  link->in_use.assert_held();  // as it were: nobody else knows it yet
  link->forwarder = forwarder_for(*link, std::move(near), std::move(far));
  put_into_service(link);
}

std::string LinkLifecycle::choose_name(const api::NewLink& wanted) const {
  if (!wanted.name.empty()) {
    if (links_.get(wanted.name)) throw api::Conflict("there is a link '" + wanted.name + "' already");
    return wanted.name;
  }
  std::string base = WaysIn::name_for(wanted.way_in);
  if (!api::is_link_name(base)) base = "link";
  std::string name = base;
  for (int n = 2; links_.get(name); ++n) name = base + "-" + std::to_string(n);
  return name;
}

// The loop runs before the first packet is led to it.
void LinkLifecycle::let_in(ServedLink& link, std::unique_ptr<WayIn> way_in) {
  auto forwarder = forwarder_for(link, way_in->take_near(), way_in->take_far(), way_in->take_kernel_path());
  const auto put_conditions_in_force = [&] {
    const LinkConditions conditions = link.record.asked().conditions;
    if (!forwarder->call([&](Link& l, TimePoint now) { l.apply(conditions, now); }, kForwarderTimeout)) {
      throw no_answer_of(link.name());
    }
  };
  const std::uint64_t revision = link.record.revision();
  put_conditions_in_force();
  way_in->serve_by([loop = forwarder.get(), name = link.name()](const std::function<void()>& work) {
    if (!loop->call([&](Link&, TimePoint) { work(); }, kForwarderTimeout)) throw no_answer_of(name);
  });
  way_in->open();
  const LockGuard in_use(link.in_use);
  const LockGuard changing(link.changing);
  if (link.record.revision() != revision) put_conditions_in_force();  // changed while it was not the link's loop yet
  link.record.set_way_in({way_in->settings(), api::WayInState::up, way_in->detail()}, way_in->near_info(),
                         way_in->far_info());
  link.forwarder = std::move(forwarder);
  link.way_in = std::move(way_in);
}

api::LinkInfo LinkLifecycle::create(const api::NewLink& wanted) {
  mutex_.lock_or_refuse();
  const LockGuard lock(mutex_, std::adopt_lock);
  api::LinkInfo info;
  info.name = choose_name(wanted);
  info.seed = wanted.seed.value_or(api::draw_seed());
  info.conditions = wanted.conditions;
  info.way_in = {wanted.way_in, api::WayInState::waiting, ""};
  TemporaryChanges temporaries;
  if (wanted.lasts) {
    api::Change first;
    first.conditions = wanted.conditions;
    temporaries = temporaries.with(first, LinkConditions{}, Forwarder::now() + *wanted.lasts);
  }
  std::unique_ptr<WayIn> way_in;
  try {
    way_in = ways_in_.make(info.name, wanted.way_in);
  } catch (const api::Unfit& e) {
    if (!follows(wanted.way_in)) throw;
    info.way_in.detail = e.what();
  }
  const auto link = std::make_shared<ServedLink>(journal_, kRingCapacity, std::move(info), std::move(temporaries));
  put_into_service(link);
  try {
    if (way_in) let_in(*link, std::move(way_in));
  } catch (const std::exception& e) {
    (void)discard(*link);  // what it could not put back is in the log
    const auto* refused = dynamic_cast<const std::system_error*>(&e);
    throw api::Incapable(refused != nullptr ? with_remedy(*refused) : e.what());
  }
  api::LinkInfo made = link->record.info();
  journal_.record_event("link_added", made.name + ": a link, by " + api::kind_of(made.way_in.settings),
                        api::to_json(made.way_in).dump(-1, ' ', false, kReplace), made.name);
  journal_.record_change({made.name, made.revision, "as it was made", api::to_json(made.conditions).dump()});
  return made;
}

// What is in flight leaves at once, while the way onward still stands, and what has come meanwhile behind it.
std::string LinkLifecycle::shut_out(ServedLink& link) noexcept {
  may_use(link);
  if (!link.way_in) return {};
  const auto let_all_leave = [&]() WOBBLE_REQUIRES_SHARED(link.in_use) {
    const bool has_left =
        !link.forwarder || (link.forwarder->call([](Link& l, TimePoint now) { l.reset(now); }, kForwarderTimeout) &&
                            link.forwarder->call([](Link&, TimePoint) {}, kForwarderTimeout));  // by now it has
    if (!has_left) log::warn(fmt::format("{}: does not answer; what is in flight is lost", link.name()));
  };
  let_all_leave();
  std::string failed = link.way_in->close();
  let_all_leave();
  if (!failed.empty()) {
    log::error(fmt::format("{}: could not be put back, and is tried again later: {}", link.name(), failed));
    record(link, "could not be put back: " + failed);
  }
  return failed;
}

std::string LinkLifecycle::discard(ServedLink& link) noexcept {
  links_.remove(link.name());
  link.is_leaving = true;
  std::unique_ptr<WayIn> way_in;  // goes behind the lock, when nobody has to wait for it
  const LockGuard in_use(link.in_use);
  std::string failed = shut_out(link);
  link.forwarder.reset();  // tells the ring where each connection stands
  journal_.remove_link(link.ring);
  way_in = std::move(link.way_in);
  return failed;
}

void LinkLifecycle::remove(const std::string& name, std::optional<std::uint64_t> if_revision) {
  mutex_.lock_or_refuse();
  const LockGuard lock(mutex_, std::adopt_lock);
  const LinkPointer link = links_.find(name);
  link->record.check_revision(if_revision);
  if (link->record.is_lab()) {
    throw api::Conflict("the lab's link lives as long as the daemon: to clear it of impairments, reset it");
  }
  const std::string failed = discard(*link);
  journal_.record_event("link_removed", name + ": detached", "", name);
  if (!failed.empty()) {
    throw api::Incapable("the link is gone, but not all of it could be put back: " + failed +
                         "; it stays on record, and 'wobble cleanup' tries it again");
  }
}

void LinkLifecycle::look_after(const std::string& name) {
  const LockGuard lock(mutex_);
  const LinkPointer link = links_.get(name);
  if (!link) return;
  may_use(*link);
  if (!link->way_in) return come_back(*link);
  std::string why = link->way_in->gone();
  if (why.empty() && link->forwarder && link->forwarder->has_lost_device()) why = "a device of the link was removed";
  if (why.empty()) return see_whether_it_carries(*link);
  lose_target(*link, why);
}

void LinkLifecycle::lose_target(ServedLink& link, const std::string& why) {
  api::WayInInfo info = link.record.way_in();
  const bool waits = follows(info.settings);
  log::info(fmt::format("{}: {}{}", link.name(), why, waits ? "; waiting for it" : ""));
  if (!waits) {
    record(link, why);
    (void)discard(link);
    journal_.record_event("link_removed", link.name() + ": its target is gone", "", link.name());
    return;
  }
  (void)shut_out(link);
  std::unique_ptr<Forwarder> forwarder;
  std::unique_ptr<WayIn> way_in;
  {
    const LockGuard in_use(link.in_use);
    forwarder = std::move(link.forwarder);
    way_in = std::move(link.way_in);
    info.state = api::WayInState::waiting;
    info.detail = why;
    link.record.set_way_in(std::move(info));
  }
  record(link, why + "; waiting for it");
}

void LinkLifecycle::see_whether_it_carries(ServedLink& link) {
  may_use(link);
  const std::string trouble = link.way_in->look();
  std::vector<std::string> news = link.way_in->take_news();
  api::WayInInfo info = link.record.way_in();
  const bool was_up = info.state == api::WayInState::up;
  const bool is_up = trouble.empty();
  info.counters = link.way_in->counters();
  info.state = is_up ? api::WayInState::up : api::WayInState::down;
  info.detail = is_up ? link.way_in->detail() : trouble;
  link.record.set_way_in(std::move(info), link.way_in->near_info(), link.way_in->far_info());
  if (was_up != is_up) news.push_back(is_up ? "carries again" : "does not carry: " + trouble);
  for (const std::string& line : news) {
    log::info(fmt::format("{}: {}", link.name(), line));
    record(link, line);
  }
}

void LinkLifecycle::come_back(ServedLink& link) {
  try {
    let_in(link, ways_in_.make(link.name(), link.record.way_in().settings));
    record(link, "its target is there, and is attached");
  } catch (const std::exception& e) {  // not yet
    api::WayInInfo info = link.record.way_in();
    info.detail = e.what();
    link.record.set_way_in(std::move(info));
  }
}

}  // namespace wobble::daemon
