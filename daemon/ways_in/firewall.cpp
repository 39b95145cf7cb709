#include "daemon/ways_in/firewall.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "daemon/system/program.h"

namespace wobble::daemon {
namespace {

std::string upper_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

std::string iptables_lines(Family family, const std::string& chain, const std::string& devices) {
  const std::string program = family == Family::v4 ? "iptables" : "ip6tables";
  std::string lines = program + " -I " + chain + " -i '" + devices + "+' -j ACCEPT";
  if (chain == "FORWARD") lines += "; " + program + " -I " + chain + " -o '" + devices + "+' -j ACCEPT";
  return lines;
}

std::string nft_lines(const std::string& chain, const std::string& hook, const std::string& devices) {
  const std::string rule = "nft insert rule " + chain;
  std::string lines = rule + " iifname '" + devices + "*' accept";
  if (hook == "forward") lines += "; " + rule + " oifname '" + devices + "*' accept";
  return lines;
}

}  // namespace

std::string what_lets_through(const IpJson& chains, Family family, const std::string& hook,
                              const std::string& devices) {
  const std::string own_family = family == Family::v4 ? "ip" : "ip6";
  std::string culprits;
  std::string remedies;
  bool has_firewalld = false;
  for (const IpJson& entry : chains) {
    const auto found = entry.find("chain");
    if (found == entry.end()) continue;
    const std::string of = member(*found, "family");
    const std::string table = member(*found, "table");
    const std::string name = member(*found, "name");
    if (table == "firewalld") has_firewalld = true;
    if (member(*found, "hook") != hook || member(*found, "policy") != "drop") continue;
    if (of != "inet" && of != own_family) continue;
    const std::string full = of + " " + table + " " + name;
    const bool is_of_iptables = of == own_family && table == "filter" && name == upper_case(hook);
    culprits += (culprits.empty() ? "the policy of " : " and of ") + full;
    remedies += (remedies.empty() ? "" : "; ") +
                (is_of_iptables ? iptables_lines(family, name, devices) : nft_lines(full, hook, devices));
  }
  if (!culprits.empty()) return culprits + " (see 'nft list chains') drops them; let them through: " + remedies;
  if (has_firewalld) {
    return "firewalld rejects them; let them through: firewall-cmd --zone=trusted --add-interface='" + devices + "+'";
  }
  return "a rule drops them (see 'nft list ruleset' and 'iptables-legacy -S'); let them through before it, such as "
         "by: " +
         iptables_lines(family, upper_case(hook), devices);
}

std::string what_lets_through(Family family, const std::string& hook, const std::string& devices) {
  IpJson chains = IpJson::array();
  try {
    const IpJson answer = IpJson::parse(output_of({"nft", "--json", "list", "chains"}), nullptr, false);
    if (answer.is_object() && answer.contains("nftables")) chains = answer["nftables"];
  } catch (const std::exception&) {  // then it is said without
  }
  return what_lets_through(chains, family, hook, devices);
}

}  // namespace wobble::daemon
