// --socket, --allow-user, --allow-group, --files: who may use wobbled, and how they reach it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "daemon/system/socket_path.h"

namespace CLI {
class App;
}

namespace wobble::daemon {

struct AccessOptions {
  std::string socket = kDefaultSocket;  ///< empty: none
  bool socket_was_asked = false;        ///< then it is an error that it cannot be had
  std::vector<uid_t> users;
  std::vector<gid_t> groups;
  std::string files;  ///< the real path of a directory; empty: none
};

/// As typed, until parsing is done.
struct AccessWords {
  std::string socket;
  std::vector<std::string> users;
  std::vector<std::string> groups;
  std::string files;
};

std::shared_ptr<AccessWords> add_access_options(CLI::App& app);

/// Throws CLI::ValidationError that names the option and says how to write it.
AccessOptions read_access(const AccessWords& words);

}  // namespace wobble::daemon
