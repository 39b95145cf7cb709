#include "daemon/ways_in/ledger_file.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

namespace wobble::daemon {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 3;  // 1 were the files that each daemon had for itself: legacy_ledger.h
constexpr int kVersionWithoutClaims = 2;

Json to_json(const NetnsRecord& record) {
  Json sysctls = Json::array();
  for (const SysctlEntry& entry : record.sysctls) {
    sysctls.push_back({{"name", entry.name},
                       {"before", entry.before},
                       {"ours", entry.ours},
                       {"interface", entry.interface},
                       {"owners", entry.owners}});
  }
  Json tables = Json::array();
  for (const NftTableEntry& entry : record.nft_tables)
    tables.push_back({{"name", entry.name}, {"owners", entry.owners}});
  Json filters = Json::array();
  for (const auto& [filter, owners] : record.filters) {
    filters.push_back({{"interface", filter.interface},
                       {"device", filter.device},
                       {"egress", filter.egress},
                       {"name", filter.name},
                       {"made_qdisc", filter.made_qdisc},
                       {"owners", owners}});
  }
  Json claims = Json::array();
  for (const auto& [claim, owners] : record.claims) {
    claims.push_back({{"link", claim.link},
                      {"kind", claim.kind},
                      {"interfaces", claim.interfaces},
                      {"ports", claim.ports},
                      {"addresses", claim.addresses},
                      {"protocol", claim.protocol},
                      {"owners", owners}});
  }
  return {{"cookie", record.cookie},
          {"sysctls", sysctls},
          {"nft_tables", tables},
          {"filters", filters},
          {"claims", claims}};
}

ClaimEntry claim_from(const Json& entry) {
  expect_members(entry, {"link", "kind", "interfaces", "ports", "addresses", "protocol", "owners"});
  const Claim claim{entry.at("link"),  entry.at("kind"),      entry.at("interfaces"),
                    entry.at("ports"), entry.at("addresses"), entry.at("protocol")};
  try {
    (void)overlap(claim, claim);
  } catch (const std::invalid_argument& e) {
    throw std::runtime_error(e.what());
  }
  return {claim, entry.at("owners")};
}

NetnsRecord record_from(const Json& json, bool has_claims) {
  std::vector<std::string> members{"cookie", "sysctls", "nft_tables", "filters"};
  if (has_claims) members.emplace_back("claims");
  expect_members(json, members);
  NetnsRecord record;
  json.at("cookie").get_to(record.cookie);
  for (const Json& entry : json.at("sysctls")) {
    expect_members(entry, {"name", "before", "ours", "interface", "owners"});
    record.sysctls.push_back(
        {entry.at("name"), entry.at("before"), entry.at("ours"), entry.at("interface"), entry.at("owners")});
  }
  for (const Json& entry : json.at("nft_tables")) {
    expect_members(entry, {"name", "owners"});
    record.nft_tables.push_back({entry.at("name"), entry.at("owners")});
  }
  for (const Json& entry : json.at("filters")) {
    expect_members(entry, {"interface", "device", "egress", "name", "made_qdisc", "owners"});
    const TcFilter filter{entry.at("interface"), entry.at("device"), entry.at("egress"), entry.at("name"),
                          entry.at("made_qdisc")};
    record.filters.push_back({filter, entry.at("owners")});
  }
  if (!has_claims) return record;
  for (const Json& entry : json.at("claims")) record.claims.push_back(claim_from(entry));
  return record;
}

}  // namespace

Json parse_ledger(std::istream& file) {
  const auto check = [](int, Json::parse_event_t event, const Json& value) {
    if (event == Json::parse_event_t::value && value.is_number_float()) {
      throw std::runtime_error("it has " + value.dump() + " where a whole number is expected");
    }
    return true;
  };
  try {
    return Json::parse(file, check);
  } catch (const Json::exception& e) {
    throw std::runtime_error(e.what());
  }
}

void expect_members(const Json& object, const std::vector<std::string>& names) {
  if (!object.is_object()) throw std::runtime_error("it has no object where one is expected");
  for (const std::string& name : names) {
    if (!object.contains(name)) throw std::runtime_error("it lacks '" + name + "'");
  }
  for (const auto& [name, value] : object.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw std::runtime_error("it has '" + name + "', which is unknown here");
  }
}

std::string path_of_ledger(const std::string& folder) { return folder + "/ledger.json"; }

Records read_records(const std::string& folder) {
  std::ifstream file(path_of_ledger(folder));
  if (!file.is_open()) return {};
  try {
    const Json json = parse_ledger(file);
    const bool is_older = json.is_object() && json.contains("version") && json.at("version") == kVersionWithoutClaims;
    if (json.is_object() && json.contains("version") && json.at("version") != kVersion && !is_older)
      throw std::runtime_error("it is of version " + json.at("version").dump() + ", not " + std::to_string(kVersion));
    expect_members(json, {"version", "namespaces"});
    Records records;
    for (const auto& [inode, record] : json.at("namespaces").items()) {
      ino_t number = 0;
      const auto [end, error] = std::from_chars(inode.data(), inode.data() + inode.size(), number);
      if (error != std::errc() || end != inode.data() + inode.size())
        throw std::runtime_error("'" + inode + "' is no inode");
      records[number] = record_from(record, !is_older);
    }
    return records;
  } catch (const Json::exception& e) {
    throw std::runtime_error(e.what());
  }
}

void write_records(const std::string& folder, const Records& records) {
  const std::string path = path_of_ledger(folder);
  const std::string beside = path + ".new";
  Json namespaces = Json::object();
  for (const auto& [netns, record] : records) {
    if (!record.empty()) namespaces[std::to_string(netns)] = to_json(record);
  }
  if (namespaces.empty()) {
    std::filesystem::remove(beside);
    std::filesystem::remove(path);
    return;
  }
  errno = 0;
  std::ofstream out(beside, std::ios::trunc);
  out << Json{{"version", kVersion}, {"namespaces", std::move(namespaces)}}.dump() << "\n";
  out.close();
  if (!out) throw std::system_error(errno, std::generic_category(), "cannot write " + beside);
  std::filesystem::rename(beside, path);
}

std::string put_aside(const std::string& path) {
  std::string aside = path + ".aside";
  for (int number = 2; std::filesystem::exists(aside); ++number) aside = path + ".aside" + std::to_string(number);
  std::filesystem::rename(path, aside);
  return aside;
}

std::uint64_t netns_cookie() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  std::uint64_t cookie = 0;
  socklen_t length = sizeof cookie;
  return ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

LedgerSession::LedgerSession(std::string folder, bool only_looks) : folder_(std::move(folder)) {
  try {
    lock_.emplace(folder_);
    try {
      records = read_records(folder_);
    } catch (const std::runtime_error& e) {
      const std::string path = path_of_ledger(folder_);
      told_.push_back(path + " cannot be used (" + e.what() + ")" +
                      (only_looks ? "" : " and is kept as " + put_aside(path)));
    }
    for (auto& [netns, record] : records) {
      std::erase_if(record.claims, [&](const ClaimEntry& entry) { return !is_owned(entry.owners); });
    }
  } catch (const std::system_error& e) {
    trouble_ = e.what();
    lock_.reset();
  }
}

NetnsRecord& LedgerSession::record_here(ino_t netns) {
  NetnsRecord& record = records[netns];
  const std::uint64_t cookie = netns_cookie();
  if (record.cookie != cookie && record.cookie != 0 && cookie != 0) record = {};
  record.cookie = cookie;
  return record;
}

bool LedgerSession::is_owned(const Owners& owners) {
  return std::any_of(owners.begin(), owners.end(), [&](const std::string& owner) {
    const auto [known, is_new] = alive_.try_emplace(owner, false);
    if (!is_new || !lock_) return known->second;
    try {
      known->second = is_owner_alive(folder_, owner);
    } catch (const std::system_error&) {  // we may not ask: then nothing of it is touched
      known->second = true;
    }
    return known->second;
  });
}

void LedgerSession::save() noexcept {
  if (!trouble_.empty()) return;
  try {
    write_records(folder_, records);
  } catch (const std::exception& e) {
    trouble_ = e.what();
  }
}

}  // namespace wobble::daemon
