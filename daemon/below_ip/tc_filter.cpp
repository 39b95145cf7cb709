#include "daemon/below_ip/tc_filter.h"

#include <stdexcept>

#include "daemon/below_ip/route_socket.h"

namespace wobble::daemon {

void remove_filter(const TcFilter& filter) {
  RouteSocket routes;
  const Hook hook = filter.egress ? Hook::egress : Hook::ingress;
  if (!routes.interface(filter.interface)) return;
  routes.remove_filters(filter.interface, hook, filter.name, filter.made_qdisc);
  if (routes.filters(filter.interface, hook, filter.name).empty()) return;
  throw std::runtime_error("the tc filter " + filter.name + " of " + filter.device + " stays");
}

}  // namespace wobble::daemon
