// wobble cleanup: takes away what a dead daemon left: what it kept a record of in any namespace, and what bears our
// marks in this one.
#include <CLI/CLI.hpp>

#include "daemon/cli/command.h"
#include "daemon/cli/leftovers.h"
#include "daemon/ways_in/ledger.h"

namespace wobble::daemon {
namespace {

struct CleanupOptions {
  bool dry_run = false;
  bool force = false;
};

// On loopback a daemon that answers is in this namespace: the rules are in use.
bool daemon_is_here(const Context& context) {
  Client client(context.url);
  if (!client.address().is_loopback()) return false;
  try {
    int status = 0;
    client.get_whatever_status("/healthz", status);
    return true;
  } catch (const Failure& failure) {
    return failure.exit_code != kExitUnreachable;
  }
}

int cleanup(const Context& context, const CleanupOptions& options) {
  Json removed = Json::array();
  // What dead daemons have kept a record of, in whatever namespace; a living one's is not touched.
  for (const std::string& line : recover(kLedgerFolder, options.dry_run)) {
    removed.push_back({{"kind", "record"}, {"what", line}});
    if (!context.json) say((options.dry_run ? "would put back " : "put back ") + line + "\n");
  }
  const std::vector<Leftover> leftovers = find_leftovers();
  if (!leftovers.empty() && !options.dry_run && !options.force && daemon_is_here(context)) {
    throw Failure(kExitRefused, "a daemon answers at " + Address::parse(context.url).url() +
                                    " and may be using what is here: stop it first, or give --force");
  }
  for (const Leftover& leftover : leftovers) {
    if (!options.dry_run) remove_leftover(leftover);
    removed.push_back({{"kind", leftover.kind}, {"what", leftover.what}});
    const bool put_back = leftover.kind == "local rule";
    const std::string verb = options.dry_run ? "would remove " : "removed ";
    const std::string line = (put_back ? (options.dry_run ? "would put back " : "put back ") : verb) + leftover.what;
    if (!context.json) say(line + "\n");
  }
  if (context.json) {
    say_json(Json{{"dry_run", options.dry_run}, {"removed", std::move(removed)}});
  } else if (removed.empty()) {
    say("nothing to clean up\n");
  }
  return kExitOk;
}

}  // namespace

void add_cleanup(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "cleanup", "Put back what a killed daemon left, here and in the namespaces it was attached to");
  auto options = std::make_shared<CleanupOptions>();
  command->add_flag("-n,--dry-run", options->dry_run, "Only say what would be removed");
  command->add_flag("--force", options->force, "Also while a daemon answers here");
  command->callback([&context, options] { context.run = [&context, options] { return cleanup(context, *options); }; });
}

}  // namespace wobble::daemon
