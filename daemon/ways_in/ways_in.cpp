#include "daemon/ways_in/ways_in.h"

#include <cerrno>
#include <system_error>

#include "daemon/below_ip/kernel_ring.h"
#include "daemon/ways_in/diversion.h"
#include "daemon/ways_in/run_way.h"

namespace wobble::daemon {

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

std::unique_ptr<WayIn> WaysIn::make(const std::string& link, const api::WayInSettings& settings) {
  try {
    return make_kind(link, settings);
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

std::unique_ptr<WayIn> WaysIn::make_kind(const std::string& link, const api::WayInSettings& settings) {
  if (const auto* run = std::get_if<api::RunSettings>(&settings)) {
    return std::make_unique<RunWay>(*run, ledger_, options_.offload);
  }
  const auto* attach = std::get_if<api::AttachSettings>(&settings);
  return divert(link, find_target(attach != nullptr ? attach->target : "host"), settings);
}

// Asked for each way in: what was short of something once is not to be so for good.
std::string WaysIn::why_no_kernel_path() const {
  if (!options_.kernel_path) return "--path user";
  try {
    const KernelRing ring;
    const ShareMap share;
    DivertProgram program;
    program.traffic = OwnTraffic{};
    program.share = share.map();
    program.ring = ring.map();
    load_program(wobble::daemon::divert(program), "wobble_try");
    return {};
  } catch (const std::system_error& e) {
    return e.what();
  }
}

std::unique_ptr<WayIn> WaysIn::divert(const std::string& link, Target target, const api::WayInSettings& settings) {
  HookKind hook = HookKind::cls;
  if (options_.hook != HookKind::cls) {
    if (!has_tcx_) has_tcx_ = has_tcx();
    if (options_.hook && !*has_tcx_)
      throw api::Incapable("this kernel has no tcx (Linux 6.6 has): start wobbled with --hook auto");
    if (*has_tcx_) hook = HookKind::tcx;
  }
  const Diversion::Means means{ledger_,          heartbeat_,           hook,        !options_.hook,
                               options_.offload, why_no_kernel_path(), spared_port_};
  return std::make_unique<Diversion>(link, std::move(target), settings, means);
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
