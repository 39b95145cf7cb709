// wobble exec: a command on one side of a link, that is, in that side's network namespace.
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "daemon/cli/command.h"
#include "daemon/cli/process.h"
#include "daemon/cli/text.h"

namespace wobble::daemon {
namespace {

struct Options {
  std::string link;
  std::string side;
  std::vector<std::string> command;
};

Failure cannot_enter(const std::string& path, int error) {
  const std::string what = "cannot enter the network namespace " + clean(path) + ": ";
  if (error == EPERM || error == EACCES) {
    return {kExitRefused, what + "that takes CAP_SYS_ADMIN: run 'wobble exec' as root"};
  }
  if (error == ENOENT || error == EINVAL || error == ENOTTY) {
    return {kExitRefused, what +
                              "there is no such namespace here: the daemon is in another pid namespace (a container?) "
                              "or has just ended; run 'wobble exec' where the daemon runs"};
  }
  return {kExitRefused, what + std::strerror(error)};
}

void enter(const std::string& path) {
  // Non-blocking: the path comes from outside, and to open a FIFO would wait.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw cannot_enter(path, errno);
  const int kind = ioctl(fd, NS_GET_NSTYPE);
  int error = kind < 0 ? errno : kind != CLONE_NEWNET ? EINVAL : 0;
  if (error == 0 && setns(fd, CLONE_NEWNET) != 0) error = errno;
  close(fd);
  if (error != 0) throw cannot_enter(path, error);
}

void check_here(const Client& client) {
  // On loopback we and the daemon share a network namespace: the one that is meant.
  if (client.address().is_loopback()) return;
  throw Failure(kExitRefused,
                "this side of the link is in the daemon's own network namespace, which cannot be entered "
                "from here: run 'wobble exec' where the daemon runs");
}

int exec(const Context& context, const Options& options) {
  std::vector<std::string> command = options.command;
  command.insert(command.end(), context.tail.begin(), context.tail.end());
  if (command.empty()) {
    throw Failure(kExitUsage,
                  "exec: the command is missing: wobble exec " + options.link + " " + options.side + " -- COMMAND...");
  }
  std::string path;
  {
    Client client(context.url);
    const Json link = client.get("/api/v1/links/" + url_encode(options.link));
    const Json& netns = field(field(link, options.side), "netns");
    if (netns.is_string()) path = netns.get<std::string>();
    if (path.empty()) check_here(client);
  }
  if (!path.empty()) enter(path);
  const int code = replace_process(command);
  throw Failure(code, "exec: " + command[0] + ": " + std::strerror(errno));
}

}  // namespace

void add_exec(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("exec", "Run a command on one side of a link: exec LINK near|far -- COMMAND");
  auto options = std::make_shared<Options>();
  command->add_option("LINK", options->link, "The link")->required();
  command->add_option("SIDE", options->side, "near or far")->required()->check(CLI::IsMember({"near", "far"}));
  command->add_option("COMMAND", options->command, "The command; behind -- if it has options of its own");
  command->callback([&context, options] { context.run = [&context, options] { return exec(context, *options); }; });
}

}  // namespace wobble::daemon
