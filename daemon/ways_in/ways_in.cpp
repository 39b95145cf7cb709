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

}  // namespace

std::string with_remedy(const std::system_error& error) {
  const std::string what = error.what();
  const int code = error.code().value();
  std::string remedy;
  if (code == EPERM || code == EACCES) {
    const bool is_namespace = what.find("namespace") != std::string::npos;
    const bool is_bpf = what.find("BPF") != std::string::npos;
    std::string capability = is_namespace ? "--cap-add SYS_ADMIN" : "--cap-add NET_ADMIN";
    if (is_bpf) capability += " --cap-add BPF; engines that do not know BPF, such as Docker 20.10: --cap-add SYS_ADMIN";
    remedy = "run wobbled as root (docker: " + capability + ")";
  }
  if (what.find("/dev/net/tun") != std::string::npos && (code == ENOENT || code == ENODEV || code == ENXIO)) {
    remedy = "modprobe tun (docker: --device /dev/net/tun)";
  }
  if (code == EAGAIN)
    remedy = "no more threads may be started; allow more (pids.max of the control group, ulimit -u, -v)";
  if (code == EMFILE) remedy = "no more files may be open; allow more (ulimit -n, LimitNOFILE of the unit)";
  return what + (remedy.empty() ? "" : ": " + remedy) + "; see 'wobble doctor'";
}

WaysIn::WaysIn(const WaysInOptions& options, Ledger::Tell tell)
    : options_(options), ledger_(options.ledger_folder, std::move(tell)) {}

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
  if (const auto* run = std::get_if<api::RunSettings>(&settings)) {
    return std::make_unique<RunWay>(*run, ledger_, options_.offload);
  }
  const auto* attach = std::get_if<api::AttachSettings>(&settings);
  return divert(attach != nullptr ? find_target(attach->target) : find_target("host"), settings, there);
}

std::unique_ptr<WayIn> WaysIn::divert(Target target, const api::WayInSettings& settings,
                                      const std::vector<const WayIn*>& there) {
  refuse_overlap(settings, target.netns, there);
  if (options_.hook != HookKind::cls) {
    const bool has = has_tcx();
    if (options_.hook && !has)
      throw api::Incapable("this kernel has no tcx (Linux 6.6 has): start wobbled with --hook auto");
    options_.hook = has ? HookKind::tcx : HookKind::cls;
  }
  const Diversion::Means means{ledger_, heartbeat_, *options_.hook, options_.offload, spared_port_};
  return std::make_unique<Diversion>(std::move(target), settings, means);
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
