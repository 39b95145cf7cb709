#include "daemon/ways_in/detour_set.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "daemon/ways_in/forwarding.h"

namespace wobble::daemon {
namespace {

template <typename Values, typename Name>
std::string joined(const Values& values, Name name) {
  std::string all;
  for (const auto& [number, value] : values) all += (all.empty() ? "" : ", ") + name(value);
  return all;
}

}  // namespace

DetourSet::DetourSet(ino_t netns, Ledger& ledger, Choose choose, Settings settings)
    : netns_(netns),
      ledger_(ledger),
      choose_(std::move(choose)),
      settings_(std::move(settings)),
      near_owned_(std::make_unique<DeviceBundle>()),
      far_owned_(std::make_unique<DeviceBundle>()),
      near_(near_owned_.get()),
      far_(far_owned_.get()) {}

void DetourSet::make() {
  routes_ = std::make_unique<RouteSocket>();
  watch_ = std::make_unique<InterfaceWatch>();
  for (const NetworkInterface& interface : choose_(routes_->interfaces())) add(interface);
}

void DetourSet::on_link(const std::function<void()>& work) const {
  if (!run_on_link_) return work();
  run_on_link_(work);
}

void DetourSet::add(const NetworkInterface& interface) {
  std::uint8_t number = 0;
  while (detours_.contains(number)) ++number;
  if (number >= DivertShare::kMostInterfaces) {
    throw std::runtime_error("a link serves at most " + std::to_string(DivertShare::kMostInterfaces) +
                             " interfaces; name those that are meant (--interface)");
  }
  Detour& detour = detours_.emplace(number, Detour(interface, number, settings_(), *routes_)).first->second;
  try {
    auto near = detour.take_near();
    auto far = detour.take_far();
    on_link([&] {
      near_->add(number, std::move(near));
      far_->add(number, std::move(far));
    });
    if (is_put_) divert(detour);
  } catch (...) {
    remove(number);
    throw;
  }
}

void DetourSet::remove(std::uint8_t number) {
  Detour& detour = detours_.at(number);
  detour.take_away();
  for (const TcFilter& filter : detour.filters()) {
    const std::string failure = ledger_.drop_filter(netns_, filter);
    if (!failure.empty()) news_.push_back(failure);
  }
  overruns_of_gone_ += detour.overruns();
  on_link([&] {
    near_->remove(number);
    far_->remove(number);
  });
  detours_.erase(number);
}

void DetourSet::put(Detour& detour) {
  for (const TcFilter& filter : detour.filters()) ledger_.note_filter(netns_, filter);
  detour.put(*routes_);
}

void DetourSet::divert(Detour& detour) {
  try {
    put(detour);
  } catch (const std::system_error& e) {
    if (e.code().value() != ERANGE || detour.kind() != HookKind::tcx) throw;
    if (!settings_().may_use_filters) {
      throw std::runtime_error(
          "the kernel takes no more than " + std::to_string(kMostTcxLinks) + " programs at a tcx hook, and " +
          detour.interface().name +
          " has them: start wobbled with --hook auto, which goes on with cls_bpf, or detach links");
    }
    detour.use_filters();
    put(detour);
  }
  if (detour.look(*routes_) == Detour::Condition::stands) return;
  throw std::runtime_error(
      "what diverts the traffic of " + detour.interface().name +
      " was taken away at once; does another program manage its hooks (bpftool net, tc filter show)?");
}

void DetourSet::put() {
  for (auto& [number, detour] : detours_) divert(detour);
  is_put_ = true;
}

std::string DetourSet::take_away() noexcept {
  is_put_ = false;
  std::string failures;
  for (auto& [number, detour] : detours_) {
    try {
      detour.take_away();
    } catch (const std::exception& e) {  // the ledger keeps it
      add_failure(failures, e.what());
    }
    for (const TcFilter& filter : detour.filters()) add_failure(failures, ledger_.drop_filter(netns_, filter));
  }
  return failures;
}

void DetourSet::look(bool follow_too) {
  if (follow_too) follow();
  std::vector<std::uint8_t> numbers;
  for (const auto& [number, detour] : detours_) numbers.push_back(number);
  for (const std::uint8_t number : numbers) mend(number);
}

void DetourSet::follow() {
  const auto chosen = choose_(routes_->interfaces());
  std::vector<std::uint8_t> gone;
  for (const auto& [number, detour] : detours_) {
    if (std::ranges::find(chosen, detour.interface().index, &NetworkInterface::index) == chosen.end()) {
      gone.push_back(number);
    }
  }
  not_served_.clear();
  for (const std::uint8_t number : gone) {
    news_.push_back("the interface " + detours_.at(number).interface().name + " is gone, or down");
    remove(number);
  }
  for (const NetworkInterface& interface : chosen) {
    const auto is_it = [&](const auto& entry) { return entry.second.interface().index == interface.index; };
    const auto found = std::ranges::find_if(detours_, is_it);
    if (found == detours_.end()) {
      if (!try_to_add(interface)) continue;
      news_.push_back("the interface " + interface.name + " is there, and diverted");
    } else if (found->second.interface().name != interface.name) {
      news_.push_back("the interface " + found->second.interface().name + " is called " + interface.name + " now");
      found->second.rename(interface.name);
    }
  }
}

// One that cannot be served holds up none of the others.
bool DetourSet::try_to_add(const NetworkInterface& interface) {
  try {
    add(interface);
    return true;
  } catch (const std::exception& e) {
    not_served_.emplace_back(interface.name, e.what());
    return false;
  }
}

void DetourSet::mend(std::uint8_t number) {
  const auto condition = detours_.at(number).look(*routes_);
  const NetworkInterface interface = detours_.at(number).interface();
  switch (condition) {
    case Detour::Condition::stands: return;
    case Detour::Condition::disturbed: divert(detours_.at(number)); break;
    case Detour::Condition::lost_device:
      remove(number);
      if (!try_to_add(interface)) return;
      break;
  }
  news_.push_back("what diverts the traffic of " + interface.name + " was disturbed, and is in its place again");
}

bool DetourSet::serves(const std::string& interface) const {
  return std::ranges::any_of(detours_, [&](const auto& entry) { return entry.second.interface().name == interface; });
}

std::string DetourSet::not_served() const {
  if (not_served_.empty()) return {};
  std::string names;
  for (const auto& [name, why] : not_served_) names += (names.empty() ? "" : ", ") + name;
  return "not served: " + names + " (" + not_served_.front().second + ")" + (empty() ? "" : "; the others are");
}

std::vector<std::string> DetourSet::names() const {
  std::vector<std::string> names;
  for (const auto& [number, detour] : detours_) names.push_back(detour.interface().name);
  return names;
}

std::string DetourSet::interfaces() const {
  return joined(detours_, [](const Detour& detour) { return detour.interface().name; });
}

std::string DetourSet::means() const {
  const auto is_tcx = [](const auto& entry) { return entry.second.kind() == HookKind::tcx; };
  if (std::ranges::all_of(detours_, is_tcx)) return "tcx";
  return std::ranges::none_of(detours_, is_tcx) ? "cls_bpf" : "tcx and cls_bpf";
}

std::string DetourSet::near_devices() const {
  return joined(detours_, [](const Detour& detour) { return detour.near_name(); });
}

std::string DetourSet::far_devices() const {
  return joined(detours_, [](const Detour& detour) { return detour.far_name(); });
}

std::uint64_t DetourSet::overruns() const {
  std::uint64_t sum = overruns_of_gone_;
  for (const auto& [number, detour] : detours_) sum += detour.overruns();
  return sum;
}

}  // namespace wobble::daemon
