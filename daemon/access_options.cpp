#include "daemon/access_options.h"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "api/http/users.h"

namespace wobble::daemon {
namespace {

std::string real_directory(const std::string& path) {
  std::error_code error;
  const std::filesystem::path real = std::filesystem::canonical(path, error);
  if (error || !std::filesystem::is_directory(real, error) || real == "/") {
    throw CLI::ValidationError("--files", "'" + path + "': write a directory that exists, other than /");
  }
  return real.string();
}

}  // namespace

std::shared_ptr<AccessWords> add_access_options(CLI::App& app) {
  auto words = std::make_shared<AccessWords>();
  app.add_option("--socket", words->socket,
                 std::string("PATH of the API's Unix socket, for its owner and the group '") + kSocketGroup +
                     "'; none: there is none (default " + kDefaultSocket + ")");
  app.add_option("--allow-user", words->users,
                 "a user of this machine who may use the API over loopback, beside root and the daemon's own (may be "
                 "repeated)")
      ->allow_extra_args(false);
  app.add_option("--allow-group", words->groups, "a group whose members may (may be repeated)")
      ->allow_extra_args(false);
  app.add_option("--files", words->files,
                 "FOLDER below which others than root and the daemon's own user may name files in their requests");
  return words;
}

AccessOptions read_access(const AccessWords& words) {
  AccessOptions options;
  if (!words.socket.empty()) {
    options.socket_was_asked = true;
    options.socket = words.socket == "none" ? "" : words.socket;
    if (!options.socket.empty() && !options.socket.starts_with('/')) {
      throw CLI::ValidationError("--socket", "'" + words.socket + "': write an absolute path, or none");
    }
  }
  for (const std::string& name : words.users) {
    const auto user = api::user_id(name);
    if (!user) throw CLI::ValidationError("--allow-user", "'" + name + "': there is no such user");
    options.users.push_back(*user);
  }
  for (const std::string& name : words.groups) {
    const auto group = api::group_id(name);
    if (!group) throw CLI::ValidationError("--allow-group", "'" + name + "': there is no such group");
    options.groups.push_back(*group);
  }
  if (!words.files.empty()) options.files = real_directory(words.files);
  return options;
}

}  // namespace wobble::daemon
