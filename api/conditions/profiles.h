// The presets: named sets of conditions for both directions, each with its source.
//
// Sources that give a round-trip time are halved, since our delays are one-way. A preset without a published source
// says "ours", and why.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "emulator/conditions/conditions.h"

namespace wobble::api {

struct Profile {
  std::string name;
  std::string summary;
  std::string source;
  LinkConditions conditions;
};

/// All of them, slowest first. Made once; any thread.
const std::vector<Profile>& profiles();

/// nullptr if there is none of this name.
const Profile* find_profile(std::string_view name);
/// What to tell somebody who asked for one that there is not: the nearest name, or all of them.
std::string no_such_profile(std::string_view name);

/// The name of the preset that asks for exactly these conditions; empty if none does.
std::string_view profile_of(const LinkConditions& conditions);

/// {"name", "summary", "source", "up", "down"}, and "scenario" if it has one
nlohmann::json to_json(const Profile& profile);

}  // namespace wobble::api
