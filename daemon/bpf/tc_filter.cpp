#include "daemon/bpf/tc_filter.h"

#include <net/if.h>

#include <sstream>
#include <stdexcept>
#include <vector>

#include "daemon/program.h"

namespace wobble::daemon {
namespace {

bool is_there(const std::string& device) { return ::if_nametoindex(device.c_str()) != 0; }

void try_tc(const std::vector<std::string>& command) {
  try {
    run_program(command, "");
  } catch (const std::runtime_error&) {  // whether it was there at all is looked at afterwards
  }
}

std::string filters_at(const TcFilter& filter, bool egress) {
  return output_of({"tc", "filter", "show", "dev", filter.device, egress ? "egress" : "ingress"});
}

// A line of it: "filter protocol all pref 5 bpf chain 0 handle 0x7 name ...".
bool stands(const TcFilter& filter) {
  std::ostringstream handle;
  handle << " handle 0x" << std::hex << filter.handle << " ";
  std::istringstream lines(filters_at(filter, filter.egress));
  for (std::string line; std::getline(lines, line);) {
    if (line.find(" pref " + std::to_string(filter.priority) + " bpf ") != std::string::npos &&
        (line + " ").find(handle.str()) != std::string::npos)
      return true;
  }
  return false;
}

bool has_clsact(const TcFilter& filter) {
  return output_of({"tc", "qdisc", "show", "dev", filter.device}).find("qdisc clsact") != std::string::npos;
}

}  // namespace

void remove_filter(const TcFilter& filter) {
  if (!is_there(filter.device) || !has_clsact(filter)) return;
  const std::string side = filter.egress ? "egress" : "ingress";
  const std::string priority = std::to_string(filter.priority);
  try_tc({"tc", "filter", "del", "dev", filter.device, side, "pref", priority, "handle", std::to_string(filter.handle),
          "bpf"});
  if (stands(filter) && is_there(filter.device))
    throw std::runtime_error("the tc filter " + priority + " at " + side + " of " + filter.device + " stays");
  if (!filter.made_qdisc || !filters_at(filter, false).empty() || !filters_at(filter, true).empty()) return;
  try_tc({"tc", "qdisc", "del", "dev", filter.device, "clsact"});
  if (is_there(filter.device) && has_clsact(filter))
    throw std::runtime_error("the qdisc clsact of " + filter.device + " stays");
}

}  // namespace wobble::daemon
