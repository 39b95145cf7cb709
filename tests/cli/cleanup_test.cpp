// wobble cleanup and wobble doctor, for real, in namespaces of their own.
#include <gmock/gmock.h>
#include <linux/capability.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "daemon/cli/process.h"
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

/// Everything that cleanup may touch, as text.
std::string everything() {
  return ip({"rule"}) + ip({"-6", "rule"}) + ip({"route", "show", "table", "all"}) +
         ip({"-6", "route", "show", "table", "all"}) + ip({"-o", "link"}) + ip({"netns", "list"});
}

int a_dead_process() {
  pid_t child = -1;
  char name[] = "true";
  char* const words[] = {name, nullptr};
  EXPECT_EQ(posix_spawnp(&child, name, nullptr, nullptr, words, environ), 0);
  waitpid(child, nullptr, 0);
  return child;
}

/// What attach would set up, and beside it what is not ours.
void make_leftovers() {
  ip({"tuntap", "add", "dev", "wobtest", "mode", "tun"});
  ip({"link", "set", "wobtest", "up"});
  for (const char* family : {"-4", "-6"}) {
    ip({family, "route", "add", "default", "dev", "wobtest", "table", "7900"});
    ip({family, "route", "add", "blackhole", "default", "table", "7901", "metric", "77"});
    ip({family, "rule", "add", "priority", "7910", "iif", "wobtest", "lookup", "main"});
    ip({family, "rule", "add", "priority", "7911", "iif", "lo", "lookup", "7900"});
    ip({family, "rule", "add", "priority", "50", "iif", "lo", "lookup", "7901"});
    ip({family, "rule", "add", "priority", "7920", "lookup", "local"});
    ip({family, "rule", "del", "priority", "0"});
  }
  ip({"netns", "add", "wobble-" + std::to_string(a_dead_process()) + "-lab"});
}

void make_what_is_not_ours() {
  ip({"tuntap", "add", "dev", "tun7", "mode", "tun"});
  ip({"link", "add", "wobbly", "type", "veth", "peer", "name", "wobbly2"});
  ip({"rule", "add", "priority", "7899", "lookup", "100"});
  ip({"rule", "add", "priority", "8000", "lookup", "8000"});
  ip({"link", "set", "tun7", "up"});
  ip({"route", "add", "default", "dev", "tun7", "table", "8000"});
  ip({"netns", "add", "wobble-" + std::to_string(getpid()) + "-lab"});
  ip({"netns", "add", "blue"});
}

Ran cleanup(std::vector<std::string> options = {}) {
  options.insert(options.begin(), "cleanup");
  return run_wobble(options, {{"WOBBLE_URL", kNobody}});
}

#define NEEDS_ROOT(entered) \
  if (!(entered)) GTEST_SKIP() << "namespaces cannot be made: that takes root (CAP_SYS_ADMIN)"

TEST(Cleanup, removes_what_is_ours_and_nothing_else) {
  NEEDS_ROOT(in_own_namespaces([] {
    make_what_is_not_ours();
    const std::string before = everything();
    make_leftovers();
    ASSERT_NE(everything(), before);
    const Ran ran = cleanup();
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(everything(), before);
    for (const char* line : {"put back IPv4 rule 0: lookup local", "removed IPv6 rule 7911: iif lo lookup 7900\n",
                             "removed IPv4 rule 50: iif lo lookup 7901\n", "removed TUN device wobtest\n",
                             "removed network namespace wobble-"}) {
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
    EXPECT_THAT(ran.out, HasSubstr("would remove TUN device wobtest\n"));
    EXPECT_THAT(ran.out, HasSubstr("would put back IPv6 rule 0"));
    const json document = json::parse(cleanup({"--dry-run", "--json"}).out);
    EXPECT_EQ(document["dry_run"], true);
    EXPECT_EQ(document["removed"].size(), 16U) << document.dump(1);
    EXPECT_EQ(everything(), before);
  }));
}

TEST(Cleanup, does_not_saw_off_the_branch_of_a_living_daemon) {
  NEEDS_ROOT(in_own_namespaces([] {
    ip({"rule", "add", "priority", "7911", "iif", "lo", "lookup", "7900"});
    FakeDaemon daemon;
    const Ran ran = run_wobble({"cleanup"}, {{"WOBBLE_URL", daemon.url()}});
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_THAT(ran.err, HasSubstr("stop it first, or give --force"));
    EXPECT_THAT(ip({"rule"}), HasSubstr("7911"));
    EXPECT_EQ(run_wobble({"cleanup", "--force"}, {{"WOBBLE_URL", daemon.url()}}).exit_code, 0);
    EXPECT_THAT(ip({"rule"}), Not(HasSubstr("7911")));
  }));
}

TEST(Cleanup, says_that_ip_is_missing_or_fails) {
  NEEDS_ROOT(in_own_namespaces([] {
    const Ran missing = run_wobble({"cleanup"}, {{"WOBBLE_URL", kNobody}, {"PATH", "/nowhere"}});
    EXPECT_EQ(missing.exit_code, 1);
    EXPECT_EQ(missing.err, "wobble: 'ip' is not found: apt install iproute2\n");
    ip({"rule", "add", "priority", "7911", "lookup", "7900"});
    const Ran refused = run_wobble({"cleanup"}, {{"WOBBLE_URL", kNobody}}, Output::pipe, Without{CAP_NET_ADMIN});
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.err, HasSubstr("'ip -4 rule del priority 7911 table 7900' failed"));
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
    ip({"rule", "add", "priority", "7911", "lookup", "7900"});
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
