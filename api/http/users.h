// Users and groups of this machine, by name and number. A name service may be slow to answer: not for a thread that
// must not wait.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace wobble::api {

/// By name, or by the number itself. None: there is no such user, or no such group.
std::optional<uid_t> user_id(const std::string& name_or_number);
std::optional<gid_t> group_id(const std::string& name_or_number);

/// All groups that the user is a member of; empty if the user is not known.
std::vector<gid_t> groups_of(uid_t user);

/// The user's name, or else the number.
std::string user_name(uid_t user);

}  // namespace wobble::api
