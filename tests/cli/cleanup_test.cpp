// wobble cleanup and wobble doctor, for real, in namespaces of their own.
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "daemon/system/program.h"
#include "daemon/ways_in/ledger.h"
#include "daemon/ways_in/sysctl.h"
#include "tests/cli/fake_daemon.h"
#include "tests/cli/run_wobble.h"

namespace {

using namespace wobble::test;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kNobody = "http://127.0.0.1:1";  // no daemon there

std::string ip(std::vector<std::string> words) {
  words.insert(words.begin(), "ip");
  const auto finished = wobble::daemon::run_process(words);
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  return finished.out;
}

/// The calling thread's network namespace, by its inode.
ino_t own_netns() {
  struct stat about {};
  EXPECT_EQ(stat("/proc/thread-self/ns/net", &about), 0);
  return about.st_ino;
}

/// Everything that cleanup may touch, as text.
std::string everything() {
  return ip({"rule"}) + ip({"-6", "rule"}) + ip({"route", "show", "table", "all"}) +
         ip({"-6", "route", "show", "table", "all"}) + ip({"-o", "link"}) + ip({"netns", "list"}) +
         wobble::daemon::read_sysctl("ipv4/conf/lo/forwarding").value_or("");
}

/// As a killed daemon has left it, and one of before there was a ledger.
void make_leftovers() {
  {
    wobble::daemon::Ledger dead;
    dead.hold_sysctl(own_netns(), "ipv4/conf/lo/forwarding", "1");
  }
  for (const char* family : {"-4", "-6"}) {
    ip({family, "rule", "add", "priority", "7990", "lookup", "local"});
    ip({family, "rule", "del", "priority", "0"});
    ip({family, "rule", "add", "priority", "7931", "iif", "lo", "lookup", "local"});
    ip({family, "rule", "add", "priority", "7941", "iif", "lo", "ipproto", "tcp", "lookup", "7902"});
    ip({family, "route", "add", "blackhole", "default", "table", "7902", "metric", "4294967295"});
  }
}

void make_what_is_not_ours() {
  ip({"tuntap", "add", "dev", "wobvpn0", "mode", "tun"});
  ip({"link", "set", "wobvpn0", "up"});
  ip({"rule", "add", "priority", "7899", "lookup", "100"});
  ip({"rule", "add", "priority", "7950", "lookup", "7999"});
  ip({"route", "add", "default", "dev", "wobvpn0", "table", "7999"});
  ip({"netns", "add", "wobble-999999-mine"});
}

Ran cleanup(std::vector<std::string> options = {}) {
  options.insert(options.begin(), "cleanup");
  return run_wobble(options, {{"WOBBLE_URL", kNobody}});
}

#define NEEDS_ROOT(entered) \
  if (!(entered)) GTEST_SKIP() << "namespaces cannot be made: that takes root (CAP_SYS_ADMIN)"

TEST(Cleanup, puts_back_what_is_ours_and_nothing_else) {
  NEEDS_ROOT(in_own_namespaces([] {
    make_what_is_not_ours();
    const std::string before = everything();
    make_leftovers();
    ASSERT_NE(everything(), before);
    const Ran ran = cleanup();
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(everything(), before);
    for (const char* line :
         {"put back net.ipv4.conf.lo.forwarding to 0 in the network namespace we are in, left by",
          "put back IPv4 rule 0: lookup local", "put back IPv4 routes in table 7902",
          "put back IPv6 rule priority 7941 iif lo ipproto 6 lookup 7902 in the network namespace"}) {
      EXPECT_THAT(ran.out, HasSubstr(line));
    }
    EXPECT_EQ(cleanup().out, "nothing to clean up\n");
  }));
}

TEST(Cleanup, a_dry_run_changes_nothing) {
  NEEDS_ROOT(in_own_namespaces([] {
    make_leftovers();
    const std::string before = everything();
    const Ran ran = cleanup({"--dry-run"});
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_THAT(ran.out, HasSubstr("would put back net.ipv4.conf.lo.forwarding to 0"));
    EXPECT_THAT(ran.out, HasSubstr("would put back IPv6 rule 0"));
    const json document = json::parse(cleanup({"-n", "--json"}).out);
    EXPECT_EQ(document["dry_run"], true);
    EXPECT_EQ(document["removed"].size(), 11U) << document.dump(1);
    EXPECT_EQ(document["failed"], json::array());
    EXPECT_EQ(everything(), before);
  }));
}

// One in another namespace or at another port was taken for dead.
TEST(Cleanup, does_not_saw_off_the_branch_of_a_living_one) {
  NEEDS_ROOT(in_own_namespaces([] {
    const ino_t netns = own_netns();
    wobble::daemon::Ledger living;
    living.hold_sysctl(netns, "ipv4/conf/lo/forwarding", "1");
    const Ran ran = cleanup();
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.out, "in use, not touched: process " + std::to_string(getpid()) +
                           " holds ipv4/conf/lo/forwarding\nnothing to clean up\n");
    EXPECT_EQ(wobble::daemon::read_sysctl("ipv4/conf/lo/forwarding"), "1");
    EXPECT_EQ(living.release_sysctl(netns, "ipv4/conf/lo/forwarding"), "");
  }));
}

TEST(Cleanup, says_what_could_not_be_put_back) {
  NEEDS_ROOT(in_own_namespaces([] {
    make_leftovers();
    const Ran missing = run_wobble({"cleanup"}, {{"WOBBLE_URL", kNobody}, {"PATH", "/nowhere"}});
    EXPECT_EQ(missing.exit_code, 1);
    EXPECT_EQ(missing.err, "wobble: could not put back: 'ip' is not installed (Debian: apt install iproute2)\n");
    EXPECT_THAT(missing.out, HasSubstr("put back net.ipv4.conf.lo.forwarding"));
    const Ran refused = run_wobble({"cleanup"}, {{"WOBBLE_URL", kNobody}}, Output::pipe, Without{CAP_NET_ADMIN});
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.err, HasSubstr("IPv4 rule 0: lookup local could not be put back"));
  }));
}

bool is_ok(const json& document, const std::string& name) {
  for (const json& check : document["checks"]) {
    if (check["name"] == name) return check["ok"].get<bool>();
  }
  ADD_FAILURE() << "no check of " << name;
  return false;
}

TEST(Doctor, finds_nothing_where_all_is_well) {
  if (access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "there is no /dev/net/tun that we may open";
  NEEDS_ROOT(in_own_namespaces([] {
    FakeDaemon daemon;
    const Ran ran = run_wobble({"doctor"}, {{"WOBBLE_URL", daemon.url()}});
    EXPECT_EQ(ran.exit_code, 0) << ran.out;
    EXPECT_THAT(ran.out, Not(HasSubstr("missing")));
    EXPECT_EQ(ip({"-o", "link"}).find("wob"), std::string::npos) << "it left its device behind";
  }));
}

TEST(Doctor, names_each_thing_that_is_missing_and_what_mends_it) {
  NEEDS_ROOT(in_own_namespaces([] {
    ip({"rule", "add", "priority", "7941", "lookup", "7902"});
    const Ran ran = run_wobble({"doctor", "--json"}, {{"WOBBLE_URL", kNobody}}, Output::pipe, Without{CAP_SYS_ADMIN});
    EXPECT_EQ(ran.exit_code, 1);
    const json document = json::parse(ran.out);
    EXPECT_EQ(document["ok"], false);
    for (const char* name : {"CAP_SYS_ADMIN", "network namespace", "TUN in a namespace", "daemon", "leftovers"}) {
      EXPECT_FALSE(is_ok(document, name)) << name;
    }
    for (const char* name : {"CAP_NET_ADMIN", "ip", "sysctl"}) EXPECT_TRUE(is_ok(document, name)) << name;
    for (const json& check : document["checks"]) EXPECT_EQ(check["mend"].is_null(), check["ok"].get<bool>());
  }));
}

TEST(Doctor, tells_a_journal_that_is_ill) {
  FakeDaemon daemon;
  daemon.answer("GET /healthz", {503, R"({"ok":false,"detail":"disk full"})"});
  const Ran ran = run_wobble({"doctor"}, {{"WOBBLE_URL", daemon.url()}});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("disk full"));
}

}  // namespace
