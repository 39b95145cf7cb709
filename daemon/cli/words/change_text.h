// What a change of a link's conditions has made of it.
#pragma once

#include <string>

#include "daemon/cli/words/json.h"
#include "daemon/cli/words/terminal.h"

namespace wobble::daemon {

/// "lab in effect, revision 3" and what each direction now has. `link` is the API's.
std::string describe_change(const Json& link, const Paint& paint);

}  // namespace wobble::daemon
