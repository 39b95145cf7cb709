// wobble cleanup: puts back what dead daemons and `run`s have left, in whatever network namespace it is on record, and
// what an older wobbled has left in this one, and the logs of theirs that nobody keeps. What living ones hold is named,
// and not touched.
#include <CLI/CLI.hpp>
#include <iostream>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/text.h"
#include "daemon/journal/temporary_log.h"
#include "daemon/system/socket_path.h"
#include "daemon/ways_in/ledger_recovery.h"
#include "daemon/ways_in/socket_folder.h"

namespace wobble::daemon {
namespace {

struct CleanupOptions {
  bool dry_run = false;
};

std::string done_line(const Recovery::Trace& trace, bool dry_run) {
  const bool is_removed =
      trace.kind == "nft table" || trace.kind == "tc filter" || trace.kind == "log" || trace.kind == "socket";
  const std::string verb = is_removed ? (dry_run ? "remove " : "removed ") : "put back ";
  return (dry_run ? "would " : "") + verb + clean(trace.what) + "\n";
}

void say_all(const Recovery& recovery, bool dry_run) {
  for (const std::string& line : recovery.told) std::cerr << "wobble: " << clean(line) << "\n";
  for (const Recovery::Trace& trace : recovery.done) say(done_line(trace, dry_run));
  for (const std::string& line : recovery.in_use) say("in use, not touched: " + clean(line) + "\n");
  for (const std::string& line : recovery.out_of_reach) say("not touched: " + clean(line) + "\n");
  if (recovery.done.empty() && recovery.failed.empty()) say("nothing to clean up\n");
}

Json as_json(const Recovery& recovery, bool dry_run) {
  Json removed = Json::array();
  for (const Recovery::Trace& trace : recovery.done) removed.push_back({{"kind", trace.kind}, {"what", trace.what}});
  return {{"dry_run", dry_run},        {"removed", std::move(removed)},         {"failed", recovery.failed},
          {"in_use", recovery.in_use}, {"out_of_reach", recovery.out_of_reach}, {"told", recovery.told}};
}

int cleanup(const Context& context, const CleanupOptions& options) {
  const bool had_dead_socket = remove_dead_socket(options.dry_run);  // first: the folder goes with what is put back
  Recovery recovery = recover({kLedgerFolder, options.dry_run, true});
  for (const std::string& folder : remove_abandoned_logs(options.dry_run)) {
    recovery.done.push_back({"log", "the log of a run that was killed, " + folder});
  }
  if (had_dead_socket)
    recovery.done.push_back({"socket", std::string("the socket of a killed daemon, ") + kDefaultSocket});
  if (context.json) {
    say_json(as_json(recovery, options.dry_run));
  } else {
    say_all(recovery, options.dry_run);
  }
  if (recovery.failed.empty()) return kExitOk;
  std::vector<std::string> more;
  for (std::size_t i = 1; i < recovery.failed.size(); ++i) more.push_back("could not put back: " + recovery.failed[i]);
  throw Failure(kExitRefused, "could not put back: " + recovery.failed.front(), more);
}

}  // namespace

void add_cleanup(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand(
      "cleanup", "Put back what killed daemons and runs left, here and in the namespaces they changed");
  auto options = std::make_shared<CleanupOptions>();
  command->add_flag("-n,--dry-run", options->dry_run, "Only say what would be put back");
  command->callback([&context, options] { context.run = [&context, options] { return cleanup(context, *options); }; });
}

}  // namespace wobble::daemon
