#include "daemon/service/lock_out.h"

#include <algorithm>
#include <exception>
#include <variant>

#include "api/backend.h"
#include "api/http/peers.h"
#include "daemon/ways_in/target.h"

namespace wobble::daemon {
namespace {

constexpr char kRemedy[] =
    "Say for how long, such as \"for\": \"10m\" (wobble: --for 10m), and then the link is clean again";

bool is_own_namespace(const std::string& target) {
  try {
    return target == "host" || find_target(target).netns.inode() == NetworkNamespace::own().inode();
  } catch (const std::exception&) {  // it is not there: whoever attaches to it says so
    return false;
  }
}

bool takes_in(const api::AttachSettings& attach, std::uint16_t port) {
  const bool is_port_meant = attach.ports.empty() || std::ranges::find(attach.ports, port) != attach.ports.end();
  return is_port_meant && (attach.protocol.empty() || attach.protocol == "tcp");
}

/// Why a link there could lock somebody out who can make it; empty: it cannot.
std::string danger_of(const api::WayInSettings& way_in, const ApiAddress& api) {
  if (api.port == 0) return "";
  const std::string port = std::to_string(api.port);
  if (const auto* loopback = std::get_if<api::LoopbackSettings>(&way_in)) {
    if (loopback->port != api.port || loopback->protocol != "tcp") return "";
    return "port " + port + " is this API's own, and an outage of it would lock you out. " + kRemedy +
           "; or let the API listen elsewhere (wobbled --listen)";
  }
  const auto* attach = std::get_if<api::AttachSettings>(&way_in);
  if (attach == nullptr || api::is_loopback(api.address) || !takes_in(*attach, api.port)) return "";
  if (!is_own_namespace(attach->target)) return "";
  return "others use this machine from outside, as this API at " + api.address + ", port " + port +
         ", and an outage would lock them and you out. " + kRemedy + "; or attach to less of it: \"ports\" (--port)";
}

// What no longer lets a person work through it: a request over TCP takes minutes, if it succeeds at all.
bool is_cut_off(const DirectionConditions& conditions) {
  constexpr double kMostLoss = 0.5;
  constexpr Duration kMostDelay = std::chrono::seconds(3);
  constexpr std::uint64_t kLeastRate = 8'000;
  const RateSettings& rate = conditions.rate;
  const CorruptSettings& corrupt = conditions.corrupt;
  const bool damages = !corrupt.fix_checksum && corrupt.probability.fraction() >= kMostLoss;
  const bool waits =
      conditions.delay.time >= kMostDelay || conditions.slot.min >= kMostDelay || conditions.slot.delay >= kMostDelay;
  return conditions.outage.on || conditions.outage.down_for.count() > 0 || mean_loss(conditions.loss) >= kMostLoss ||
         damages || waits || (rate.bits_per_second > 0 && rate.bits_per_second < kLeastRate);
}

bool is_cut_off(const LinkConditions& conditions) {
  for (std::size_t step = 0; step <= conditions.scenario.size(); ++step) {
    if (is_cut_off(up_in_step(conditions, step)) || is_cut_off(down_in_step(conditions, step))) return true;
  }
  return false;
}

}  // namespace

void refuse_lock_out(const api::NewLink& wanted, const ApiAddress& api) {
  if (wanted.lasts) return;
  const std::string danger = danger_of(wanted.way_in, api);
  if (!danger.empty()) throw api::Unfit("/for", "is missing: " + danger);
}

void refuse_lock_out(const api::WayInSettings& way_in, const api::Change& change, const ApiAddress& api) {
  if (change.lasts || !is_cut_off(change.conditions)) return;
  const std::string danger = danger_of(way_in, api);
  if (!danger.empty()) throw api::Unfit("/for", "is missing: " + danger);
}

}  // namespace wobble::daemon
