#include "daemon/lock_out.h"

#include <algorithm>
#include <exception>
#include <variant>

#include "api/backend.h"
#include "daemon/ways_in/target.h"

namespace wobble::daemon {
namespace {

constexpr char kRemedy[] =
    "Say for how long, such as \"for\": \"10m\" (wobble: --for 10m), and then the link is clean again";

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
}

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

}  // namespace

void refuse_lock_out(const api::NewLink& wanted, const ApiAddress& api) {
  if (api.port == 0 || wanted.lasts) return;
  const std::string port = std::to_string(api.port);
  if (const auto* loopback = std::get_if<api::LoopbackSettings>(&wanted.way_in)) {
    if (loopback->port != api.port || loopback->protocol != "tcp") return;
    throw api::Unfit("/for", "is missing: port " + port +
                                 " is this API's own, and an outage of it would lock you out. " + kRemedy +
                                 "; or let the API listen elsewhere (wobbled --listen)");
  }
  const auto* attach = std::get_if<api::AttachSettings>(&wanted.way_in);
  if (attach == nullptr || is_loopback(api.address) || !takes_in(*attach, api.port)) return;
  if (!is_own_namespace(attach->target)) return;
  throw api::Unfit("/for", "is missing: others use this machine from outside, as this API at " + api.address +
                               ", port " + port + ", and an outage would lock them and you out. " + kRemedy +
                               "; or attach to less of it: \"ports\" (--port)");
}

}  // namespace wobble::daemon
