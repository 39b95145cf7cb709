// Any text as the body of a PATCH or PUT: it is refused with errors, or understood, and then comes back as it is
// written.
#include <cstdlib>
#include <string>

#include "api/conditions/conditions_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wobble;
  const api::Json body = api::Json::parse(data, data + size, nullptr, false);
  if (body.is_discarded()) return 0;
  std::vector<api::FieldError> errors, merged;
  api::merge_conditions(LinkConditions{}, body, merged);
  const LinkConditions conditions = api::read_conditions(body, errors);
  if (!errors.empty()) return 0;
  std::vector<api::FieldError> again;
  if (api::read_conditions(api::to_json(conditions), again) != conditions || !again.empty()) std::abort();
  return 0;
}
