#include "daemon/lab/lab.h"

#include <string>

#include "daemon/system/program.h"

namespace wobble::daemon {
namespace {

// What stands in one namespace. No link-local address and no multicast: a quiet link is quiet.
std::string commands_for(const std::string& device, const std::string& v4, const std::string& v6) {
  return "link set lo up\n"
         "link set " +
         device +
         " addrgenmode none\n"
         "link set " +
         device +
         " multicast off txqueuelen 10000 mtu 1500 up\n"
         "addr add " +
         v4 + "/16 dev " + device +
         "\n"
         "addr add " +
         v6 + "/64 dev " + device +
         " nodad\n"
         "route add default dev " +
         device +
         "\n"
         "route add ::/0 dev " +
         device + "\n";
}

std::unique_ptr<TunDevice> set_up(const NetworkNamespace& netns, const char* device, const char* v4, const char* v6,
                                  bool offload) {
  std::unique_ptr<TunDevice> tun;
  netns.run([&] {
    tun = std::make_unique<TunDevice>(device, offload);
    run_program({"ip", "-batch", "-"}, commands_for(device, v4, v6));
  });
  return tun;
}

constexpr const char* kNearV4 = "10.77.0.1";
constexpr const char* kNearV6 = "fd77::1";
constexpr const char* kFarV6 = "fd77::1:1";

}  // namespace

Lab::Lab(bool offload)
    : near_(set_up(client_, "near", kNearV4, kNearV6, offload)),
      far_(set_up(server_, "far", kServerAddress, kFarV6, offload)) {}

api::SideInfo Lab::near_info() const { return {"near", client_.path(), {kNearV4, kNearV6}}; }
api::SideInfo Lab::far_info() const { return {"far", server_.path(), {kServerAddress, kFarV6}}; }

}  // namespace wobble::daemon
