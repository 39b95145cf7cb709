// wobble doctor: what wobble needs of this machine, one line each, and for what is missing the command that mends it.
#include "daemon/cli/commands/doctor.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/table.h"
#include "daemon/cli/words/text.h"
#include "daemon/system/program.h"
#include "daemon/ways_in/ledger_recovery.h"

namespace wobble::daemon {
namespace {

constexpr char kTun[] = "/dev/net/tun";

Check tun_device() {
  Check check{"TUN device", true, kTun, ""};
  const int fd = open(kTun, O_RDWR | O_CLOEXEC);
  if (fd >= 0) {
    close(fd);
    return check;
  }
  check = {check.name, false, std::string(kTun) + ": " + std::strerror(errno), "run as root"};
  if (errno == ENOENT)
    check.mend = "mkdir -p /dev/net && mknod -m 600 /dev/net/tun c 10 200 (docker: --device /dev/net/tun)";
  if (errno == ENODEV || errno == ENXIO) check.mend = "modprobe tun";
  return check;
}

Check capability(const char* name, unsigned number, const char* what_for) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> data{};
  const bool read = syscall(SYS_capget, &header, data.data()) == 0;
  const bool has = read && (data[number / 32].effective >> (number % 32) & 1) != 0;
  if (has) return {name, true, what_for, ""};
  return {name, false, std::string("needed ") + what_for,
          "run as root (docker: --cap-add " + std::string(name).substr(std::strlen("CAP_")) + ")"};
}

enum class Reached : std::uint8_t { all, no_namespace, no_tun };

// On a thread of its own, so that the others stay where they are. The device and the namespace go with it.
Reached try_namespace_and_tun(int& error) {
  Reached reached = Reached::all;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      error = errno;
      reached = Reached::no_namespace;
      return;
    }
    const int fd = open(kTun, O_RDWR | O_CLOEXEC);
    ifreq request{};
    std::strncpy(request.ifr_name, "wobdoctor", IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) {
      error = errno;
      reached = Reached::no_tun;
    }
    if (fd >= 0) close(fd);
  }).join();
  return reached;
}

void add_namespace_checks(std::vector<Check>& checks) {
  int error = 0;
  const Reached reached = try_namespace_and_tun(error);
  Check space{"network namespace", true, "can be made", ""};
  Check tun{"TUN in a namespace", true, "can be made", ""};
  if (reached == Reached::no_namespace) {
    space = {space.name, false, std::string("cannot be made: ") + std::strerror(error),
             "run as root (docker: --cap-add SYS_ADMIN)"};
    tun = {tun.name, false, "not tried", "see the line above"};
  } else if (reached == Reached::no_tun) {
    tun = {tun.name, false, std::string("cannot be made: ") + std::strerror(error),
           "run as root with /dev/net/tun (docker: --cap-add NET_ADMIN --device /dev/net/tun)"};
  }
  checks.push_back(space);
  checks.push_back(tun);
}

Check ip_command() {
  const std::string path = find_program("ip");
  if (!path.empty()) return {"ip", true, path, ""};
  return {"ip", false, "not in PATH", "apt install iproute2"};
}

Check sysctls() {
  std::string values;
  for (const char* name : {"ip_forward", "ip_early_demux", "conf/all/rp_filter"}) {
    const std::string path = std::string("/proc/sys/net/ipv4/") + name;
    std::ifstream file(path);
    std::string value;
    if (!(file >> value)) {
      return {"sysctl", false, path + " cannot be read", "mount -t proc proc /proc"};
    }
    values += (values.empty() ? "" : ", ") + std::string(name) + " " + clean(value);
  }
  return {"sysctl", true, values, ""};
}

void add_daemon_checks(const Context& context, std::vector<Check>& checks) {
  Client client(context.url);
  const std::string url = client.address().url();
  Check daemon{"daemon", true, url, ""};
  Check journal{"journal", true, "healthy", ""};
  try {
    int status = 0;
    const Json health = client.get_whatever_status("/healthz", status);
    if (status != 200) {
      journal = {journal.name, false, text(health, "detail"), "see the daemon's messages; is the disk full?"};
    }
  } catch (const Failure& failure) {
    daemon = {daemon.name, false, failure.exit_code == kExitUnreachable ? "none answers at " + url : failure.what(),
              "wobbled --lab, or give --url"};
    journal = {journal.name, false, "not known without the daemon", "see the line above"};
  }
  checks.push_back(daemon);
  checks.push_back(journal);
}

Check leftovers() {
  const Recovery recovery = recover({kLedgerFolder, true, true});
  const auto number = [](const auto& list) { return std::to_string(list.size()); };
  if (!recovery.failed.empty()) return {"leftovers", false, clean(recovery.failed.front()), "wobble cleanup, as root"};
  if (!recovery.done.empty()) {
    return {"leftovers", false, number(recovery.done) + ", the first: " + clean(recovery.done.front().what),
            "wobble cleanup (or start wobbled)"};
  }
  if (recovery.in_use.empty()) return {"leftovers", true, "none", ""};
  return {"leftovers", true, "none; in use: " + clean(recovery.in_use.front()), ""};
}

std::vector<Check> examine(const Context& context) {
  std::vector<Check> checks;
  checks.push_back(tun_device());
  checks.push_back(capability("CAP_NET_ADMIN", CAP_NET_ADMIN, "to make devices, addresses and routes"));
  checks.push_back(capability("CAP_SYS_ADMIN", CAP_SYS_ADMIN, "to make and enter namespaces"));
  add_namespace_checks(checks);
  checks.push_back(ip_command());
  checks.push_back(sysctls());
  for (const Check& check : check_ways_in()) checks.push_back(check);
  add_daemon_checks(context, checks);
  checks.push_back(leftovers());
  return checks;
}

int doctor(const Context& context) {
  const std::vector<Check> checks = examine(context);
  bool all_ok = true;
  Json list = Json::array();
  Table table({{""}, {""}, {""}});
  for (const Check& check : checks) {
    all_ok = all_ok && check.ok;
    const Json mend = check.mend.empty() ? Json() : Json(check.mend);
    list.push_back({{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}, {"mend", mend}});
    table.add({{check.ok ? "ok" : "missing", check.ok ? Colour::green : Colour::red},
               {check.name},
               {check.detail + (check.mend.empty() ? "" : "; to mend it: " + check.mend)}});
  }
  if (context.json) {
    say_json(Json{{"ok", all_ok}, {"checks", std::move(list)}});
  } else {
    say(table.print(context.paint));
  }
  return all_ok ? kExitOk : kExitRefused;
}

}  // namespace

void add_doctor(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("doctor", "Check what wobble needs here, and say how to mend what is missing");
  command->callback([&context] { context.run = [&context] { return doctor(context); }; });
}

}  // namespace wobble::daemon
