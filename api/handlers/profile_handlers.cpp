#include "api/handlers/profile_handlers.h"

#include "api/conditions/problem.h"
#include "api/conditions/profiles.h"
#include "api/conditions/settings_schema.h"
#include "api/handlers/answers.h"

namespace wobble::api {

void ProfileHandlers::settings(const Call&, Response& response) { send_json(response, 200, settings_description()); }

void ProfileHandlers::list(const Call&, Response& response) {
  Json items = Json::array();
  for (const Profile& profile : profiles()) items.push_back(to_json(profile));
  send_list(response, std::move(items));
}

void ProfileHandlers::one(const Call& call, Response& response) {
  const Profile* profile = find_profile(call.arguments[0]);
  if (profile == nullptr) throw Problem(404, no_such_profile(call.arguments[0]));
  send_json(response, 200, to_json(*profile));
}

}  // namespace wobble::api
