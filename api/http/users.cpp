#include "api/http/users.h"

#include <grp.h>
#include <pwd.h>

#include <charconv>

namespace wobble::api {
namespace {

constexpr std::size_t kRecord = std::size_t{64} * 1024;  // a group's record lists its members

template <typename Id>
std::optional<Id> as_number(const std::string& text) {
  Id id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return id;
}

}  // namespace

std::optional<uid_t> user_id(const std::string& name_or_number) {
  if (const auto number = as_number<uid_t>(name_or_number)) return number;
  std::vector<char> buffer(kRecord);
  passwd record{};
  passwd* found = nullptr;
  ::getpwnam_r(name_or_number.c_str(), &record, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::nullopt : std::optional<uid_t>(found->pw_uid);
}

std::optional<gid_t> group_id(const std::string& name_or_number) {
  if (const auto number = as_number<gid_t>(name_or_number)) return number;
  std::vector<char> buffer(kRecord);
  group record{};
  group* found = nullptr;
  ::getgrnam_r(name_or_number.c_str(), &record, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::nullopt : std::optional<gid_t>(found->gr_gid);
}

std::vector<gid_t> groups_of(uid_t user) {
  std::vector<char> buffer(kRecord);
  passwd record{};
  passwd* found = nullptr;
  ::getpwuid_r(user, &record, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return {};
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(found->pw_name, found->pw_gid, groups.data(), &count) < 0) {
    if (count <= static_cast<int>(groups.size())) return {};  // not for want of room
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

std::string user_name(uid_t user) {
  std::vector<char> buffer(kRecord);
  passwd record{};
  passwd* found = nullptr;
  ::getpwuid_r(user, &record, buffer.data(), buffer.size(), &found);
  return found == nullptr ? std::to_string(user) : found->pw_name;
}

}  // namespace wobble::api
