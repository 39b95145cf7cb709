#include "daemon/ways_in/ways_in.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "daemon/ways_in/diversion.h"
#include "daemon/ways_in/run_way.h"

namespace wobble::daemon {
namespace {

template <typename T>
bool meet(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.empty() || b.empty()) return true;  // all of them
  return std::any_of(a.begin(), a.end(), [&](const T& x) { return std::find(b.begin(), b.end(), x) != b.end(); });
}

bool overlap(const api::WayInSettings& a, const api::WayInSettings& b) {
  if (a.index() != b.index()) return false;
  if (const auto* x = std::get_if<api::AttachSettings>(&a)) {
    const auto& y = std::get<api::AttachSettings>(b);
    const bool same_protocol = x->protocol.empty() || y.protocol.empty() || x->protocol == y.protocol;
    return same_protocol && meet(x->interfaces, y.interfaces) && meet(x->ports, y.ports) &&
           meet(x->addresses, y.addresses);
  }
  if (const auto* x = std::get_if<api::LoopbackSettings>(&a)) {
    const auto& y = std::get<api::LoopbackSettings>(b);
    return x->port == y.port && x->protocol == y.protocol;
  }
  if (const auto* x = std::get_if<api::GatewaySettings>(&a)) {
    const auto& y = std::get<api::GatewaySettings>(b);
    return meet<std::string>({x->in, x->out}, {y.in, y.out});
  }
  return false;
}

void refuse_overlap(const api::WayInSettings& settings, const NetworkNamespace& netns,
                    const std::vector<const WayIn*>& there) {
  for (const WayIn* other : there) {
    if (other->netns() != netns.inode() || !overlap(settings, other->settings())) continue;
    throw api::Conflict("the link of " + WaysIn::name_for(other->settings()) +
                        " diverts this traffic already: detach it first, or narrow what each of them takes");
  }
}

Target own_namespace() {
  return {NetworkNamespace::own(), [] { return std::string(); }};
}

}  // namespace

std::string with_remedy(const std::system_error& error) {
  const std::string what = error.what();
  const int code = error.code().value();
  std::string remedy;
  if (code == EPERM || code == EACCES) {
    const bool is_namespace = what.find("namespace") != std::string::npos;
    remedy = std::string("run wobbled as root (docker: --cap-add ") + (is_namespace ? "SYS_ADMIN" : "NET_ADMIN") + ")";
  }
  if (what.find("/dev/net/tun") != std::string::npos && (code == ENOENT || code == ENODEV || code == ENXIO)) {
    remedy = "modprobe tun (docker: --device /dev/net/tun)";
  }
  return what + (remedy.empty() ? "" : ": " + remedy) + "; see 'wobble doctor'";
}

WaysIn::WaysIn(bool offload, Ledger::Tell tell) : offload_(offload), ledger_(kLedgerFolder, std::move(tell)) {}

std::unique_ptr<WayIn> WaysIn::make(const api::WayInSettings& settings, const std::vector<const WayIn*>& there) {
  try {
    return make_kind(settings, there);
  } catch (const std::system_error& e) {
    throw api::Incapable(with_remedy(e));
  } catch (const api::Unfit&) {
    throw;
  } catch (const api::Conflict&) {
    throw;
  } catch (const api::Incapable&) {
    throw;
  } catch (const std::runtime_error& e) {  // a program that is missing, or failed
    throw api::Incapable(e.what());
  }
}

std::unique_ptr<WayIn> WaysIn::make_kind(const api::WayInSettings& settings, const std::vector<const WayIn*>& there) {
  if (const auto* attach = std::get_if<api::AttachSettings>(&settings)) {
    Target target = find_target(attach->target);
    refuse_overlap(settings, target.netns, there);
    const auto plan = [attach](const NetnsView& view, Slot slot) { return plan_attach(*attach, view, slot); };
    return std::make_unique<Diversion>(std::move(target), settings, plan, ledger_, offload_);
  }
  if (const auto* loopback = std::get_if<api::LoopbackSettings>(&settings)) {
    refuse_overlap(settings, NetworkNamespace::own(), there);
    const auto plan = [loopback](const NetnsView& view, Slot slot) { return plan_loopback(*loopback, view, slot); };
    return std::make_unique<Diversion>(own_namespace(), settings, plan, ledger_, offload_);
  }
  if (const auto* gateway = std::get_if<api::GatewaySettings>(&settings)) {
    refuse_overlap(settings, NetworkNamespace::own(), there);
    const auto plan = [gateway](const NetnsView& view, Slot slot) { return plan_gateway(*gateway, view, slot); };
    return std::make_unique<Diversion>(own_namespace(), settings, plan, ledger_, offload_);
  }
  return std::make_unique<RunWay>(std::get<api::RunSettings>(settings), ledger_, offload_);
}

std::string WaysIn::name_for(const api::WayInSettings& settings) {
  if (const auto* attach = std::get_if<api::AttachSettings>(&settings)) return link_name_for(attach->target);
  if (const auto* loopback = std::get_if<api::LoopbackSettings>(&settings)) {
    return "localhost-" + std::to_string(loopback->port);
  }
  if (const auto* gateway = std::get_if<api::GatewaySettings>(&settings)) return gateway->in + "-" + gateway->out;
  return "run";
}

}  // namespace wobble::daemon
