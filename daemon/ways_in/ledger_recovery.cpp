#include "daemon/ways_in/ledger_recovery.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "daemon/system/network_namespace.h"
#include "daemon/ways_in/legacy_ledger.h"
#include "daemon/ways_in/pid_namespace.h"

namespace wobble::daemon {
namespace {

constexpr char kOwnNamespace[] = "/proc/self/ns/net";

ino_t inode_of(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? about.st_ino : 0;
}

// The paths at which network namespaces are mounted: those with a name, for one.
std::vector<std::string> mounted_namespaces() {
  std::vector<std::string> paths;
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string skipped;
    std::string root;
    std::string path;
    if (fields >> skipped >> skipped >> skipped >> root >> path && root.starts_with("net:[")) paths.push_back(path);
  }
  return paths;
}

// A way to a namespace that lives, by its inode: where it is mounted, through the processes in it, and through those
// that keep it open.
std::string path_to_namespace(ino_t inode) {
  if (inode_of(kOwnNamespace) == inode) return kOwnNamespace;
  for (const std::string& path : mounted_namespaces()) {
    if (inode_of(path) == inode) return path;
  }
  const std::string link = "net:[" + std::to_string(inode) + "]";
  std::error_code error;
  for (const bool among_descriptors : {false, true}) {
    for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
      const std::string path = process.path();
      if (!among_descriptors && inode_of(path + "/ns/net") == inode) return path + "/ns/net";
      if (!among_descriptors) continue;
      std::error_code gone;
      for (const auto& descriptor : std::filesystem::directory_iterator(path + "/fd", gone)) {
        if (std::filesystem::read_symlink(descriptor.path(), gone) == link) return descriptor.path();
      }
    }
  }
  return {};
}

std::string place_of(const NetworkNamespace& netns, const std::string& path) {
  if (netns.is_own()) return " in the network namespace we are in";
  return " in the network namespace " + path;
}

std::string left_by(const Owners& owners) {
  if (owners.empty()) return ", which could not be put back before";
  return ", left by process " + pid_of_owner(owners.back()) + ", which has ended";
}

const char* kind_of(const Undone& undone) {
  switch (undone.kind) {
    case Undone::Kind::sysctl: return "sysctl";
    case Undone::Kind::nft_table: return "nft table";
    case Undone::Kind::filter: return "tc filter";
  }
  return "";
}

class Recoverer {
 public:
  explicit Recoverer(const RecoverOptions& options) : options_(options) {}

  Recovery run() {
    if (std::filesystem::exists(options_.folder)) look_at_records();
    if (options_.search) look_for_rules();
    return std::move(recovery_);
  }

 private:
  void look_at_records() {
    LedgerSession session(options_.folder, options_.dry_run);
    for (const std::string& line : session.told()) recovery_.told.push_back(line);
    if (!session.trouble().empty()) {
      recovery_.failed.push_back("what is on record cannot be seen: " + session.trouble() +
                                 (::geteuid() == 0 ? "" : ": run as root"));
      return;
    }
    for (const std::string& path : find_legacy_records(options_.folder)) look_at_legacy(session, path);
    std::vector<ino_t> inodes;
    for (const auto& [inode, record] : session.records) inodes.push_back(inode);
    for (const ino_t inode : inodes) look_at(session, inode);
    if (options_.dry_run) return;
    session.save();
    if (!session.trouble().empty()) recovery_.failed.push_back(session.trouble());
    remove_files_of_dead_owners(options_.folder);
  }

  // Runs `work(place)` inside a namespace. False: it is gone, and all that was in it.
  template <typename Work>
  bool inside(ino_t inode, const Work& work) {
    const std::string path = path_to_namespace(inode);
    if (path.empty()) {
      if (sees_every_process()) return false;
      recovery_.out_of_reach.push_back("what is on record of the network namespace net:[" + std::to_string(inode) +
                                       "], which is gone, or cannot be reached from this pid namespace");
      return true;
    }
    try {
      const NetworkNamespace netns = NetworkNamespace::open(path);
      netns.run([&] { work(place_of(netns, path)); });
    } catch (const std::exception& e) {
      recovery_.failed.push_back(std::string(e.what()) + " (in " + path + ")");
    }
    return true;
  }

  void look_at(LedgerSession& session, ino_t inode) {
    const NetnsRecord as_noted = session.records[inode];
    const auto is_owned = [&](const Owners& owners) { return session.is_owned(owners); };
    const std::vector<Undone> entries = all_entries(as_noted);
    const auto left =
        std::count_if(entries.begin(), entries.end(), [&](const Undone& entry) { return !is_owned(entry.owners); });
    note_users(session, entries);
    if (left == 0) return;
    const bool is_there = inside(inode, [&](const std::string& place) {
      NetnsRecord& record = session.record_here(inode);
      const Act act = options_.dry_run ? Act::look : Act::undo;
      for (const auto& undone : {undo_filters(record, is_owned, act), undo_nft_tables(record, is_owned, act),
                                 undo_sysctls(record, is_owned, act)}) {
        for (const Undone& entry : undone) note(entry, place);
      }
    });
    if (!is_there) session.records.erase(inode);
  }

  void note(const Undone& entry, const std::string& place) {
    if (!entry.failed.empty()) {
      recovery_.failed.push_back(entry.failed + place);
    } else if (!entry.left.empty()) {
      recovery_.told.push_back(entry.left + place);
    } else if (entry.needed) {
      recovery_.done.push_back({kind_of(entry), entry.what + place + left_by(entry.owners)});
    }
  }

  void note_users(LedgerSession& session, const std::vector<Undone>& entries) {
    std::map<std::string, std::vector<std::string>> used;
    for (const Undone& entry : entries) {
      for (const std::string& owner : entry.owners) {
        if (session.is_owned({owner})) used[owner].push_back(entry.name);
      }
    }
    for (const auto& [owner, names] : used) {
      recovery_.in_use.push_back("process " + pid_of_owner(owner) + " holds " + names.back() +
                                 (names.size() == 1 ? "" : " and " + std::to_string(names.size() - 1) + " more"));
    }
  }

  void look_at_legacy(LedgerSession& session, const std::string& path) try {
    LegacyRecord legacy;
    try {
      legacy = read_legacy_record(path);
    } catch (const std::runtime_error& e) {
      const std::string kept = options_.dry_run ? "" : " and is kept as " + put_aside(path);
      recovery_.told.push_back(path + " cannot be used (" + e.what() + ")" + kept);
      return;
    }
    bool is_used = is_alive(legacy);
    for (const auto& [inode, traces] : legacy.namespaces) {
      inside(inode, [&, &told = traces](const std::string&) { is_used = is_used || is_in_use(told); });
    }
    if (is_used) {
      recovery_.in_use.push_back("process " + legacy.pid + " holds what stands in " + path);
      return;
    }
    const std::size_t failures = recovery_.failed.size();
    for (const auto& [inode, traces] : legacy.namespaces) {
      inside(inode, [&, &told = traces, &number = inode](const std::string& place) {
        take_over(told, session.record_here(number));
        put_rules_back(told, place, ", left by process " + legacy.pid + ", which has ended");
      });
    }
    if (options_.dry_run || recovery_.failed.size() > failures) return;
    session.save();
    if (session.trouble().empty()) std::filesystem::remove(path);
  } catch (const std::exception& e) {
    recovery_.failed.push_back(path + ": " + e.what());
  }

  void put_rules_back(const LegacyTraces& traces, const std::string& place, const std::string& by) {
    const auto lines = find_legacy_rules(traces);
    if (lines.empty()) return;
    if (!options_.dry_run) clear_legacy_rules(traces);
    for (const std::string& line : lines) recovery_.done.push_back({"rule", line + place + by});
  }

  void look_for_rules() {
    try {
      put_rules_back({}, " in the network namespace we are in", "");
    } catch (const std::exception& e) {
      recovery_.failed.push_back(e.what());
    }
  }

  const RecoverOptions& options_;
  Recovery recovery_;
};

}  // namespace

Recovery recover(const RecoverOptions& options) noexcept {
  try {
    return Recoverer(options).run();
  } catch (const std::exception& e) {
    Recovery failed;
    failed.failed.push_back(e.what());
    return failed;
  }
}

std::string why_no_record(const std::string& folder) {
  const std::string parent = std::filesystem::path(folder).parent_path();
  const std::string place = ::access(folder.c_str(), F_OK) == 0 ? folder : parent;
  return ::access(place.c_str(), W_OK) == 0 ? "" : place + ": " + std::strerror(errno);
}

}  // namespace wobble::daemon
