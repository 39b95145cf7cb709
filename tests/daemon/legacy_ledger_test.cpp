#include "daemon/ways_in/legacy_ledger.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>

#include "daemon/system/program.h"
#include "tests/daemon/ledger_fixture.h"

namespace wobble::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kNobody[] = "4194303-1.json";  // above any pid that there is

class LegacyTest : public LedgerTest {
 protected:
  /// What stands in the namespace that recovery may touch.
  std::string everything() const {
    std::string out;
    for (const char* family : {"-4", "-6"}) {
      out += ip(std::string(family) + " rule");
      out += ip(std::string(family) + " route show table all");
    }
    return out + output_inside({"nft", "list", "tables"}) + value("ipv4/conf/lo/forwarding") +
           value("ipv4/ip_early_demux");
  }

  /// As an attach in slot 0, a loopback in slot 1 and a run left it when their daemon was killed, `fail closed`.
  void make_traces() const {
    for (const std::string family : {"-4 ", "-6 "}) {
      ip(family + "rule add priority 7990 lookup local");
      ip(family + "rule del priority 0");
      ip(family + "rule add priority 7900 iif wob0f lookup main");
      ip(family + "rule add priority 7900 iif wob0n lookup local");
      ip(family + "rule add priority 7930 iif lo lookup local");
      ip(family + "rule add priority 7920 iif lo ipproto tcp lookup 7901");
      ip(family + "rule add priority 7940 iif lo ipproto tcp dport 80 lookup 7900");
      ip(family + "rule add priority 7940 iif lo ipproto tcp sport 80 lookup 7900");
      ip(family + "route add blackhole default table 7900 metric 4294967295");
      ip(family + "route add blackhole default table 7901 metric 4294967295");
    }
    ip("-6 rule add priority 7901 iif lo fwmark 7827298 lookup local");
    ip("-6 rule add priority 7921 from ::1 ipproto tcp dport 81 lookup 7902");
    ip("-6 rule add priority 7921 from ::1 ipproto tcp dport 81 lookup local");
    ip("-6 rule add priority 7921 to ::1 ipproto tcp dport 81 type unreachable");
    inside([] { run_program({"nft", "add", "table", "inet", "wobble_run3"}, ""); });
    set("ipv4/conf/lo/forwarding", "1");
    set("ipv4/ip_early_demux", "0");
  }

  void write_record(const std::string& name, const std::string& slots = "[0,1]",
                    const std::string& local = "[true,true]") const {
    write_file(name, R"({"namespaces":{")" + std::to_string(inode()) + R"(":{"slots":)" + slots + R"(,"local_rule":)" +
                         local + R"(,"nft_tables":["wobble_run3"],"sysctls":[
      {"name":"ipv4/conf/lo/forwarding","before":"0","ours":"1"},
      {"name":"ipv4/ip_early_demux","before":"1","ours":"0"}]}}})");
  }
};

TEST_F(LegacyTest, everything_on_record_is_put_back) {
  const std::string before = everything();
  make_traces();
  write_record(kNobody);
  const std::string after = everything();
  const Recovery looked = recover_all(true);
  EXPECT_THAT(looked.done, Contains(Field(&Recovery::Trace::what, HasSubstr("IPv4 rule 0: lookup local"))));
  EXPECT_EQ(everything(), after) << "a dry run changes nothing";
  const Recovery recovery = recover_all();
  EXPECT_THAT(recovery.failed, IsEmpty());
  EXPECT_EQ(recovery.done.size(), looked.done.size());
  EXPECT_EQ(everything(), before);
  EXPECT_TRUE(std::filesystem::is_empty(folder()));
  EXPECT_THAT(recover_all().done, IsEmpty());
}

TEST_F(LegacyTest, without_any_local_rule_it_is_put_back) {
  const std::string before = everything();
  write_record(kNobody, "[]");
  ip("rule del priority 0");  // as after `ip rule flush` while a link was attached
  ip("-6 rule del priority 0");
  recover_all();
  EXPECT_EQ(everything(), before);
}

// F3 of old: killed before the first rule stood.
TEST_F(LegacyTest, parameters_are_put_back_without_a_rule) {
  const std::string before = everything();
  write_record(kNobody, "[0]", "[false,false]");
  set("ipv4/conf/lo/forwarding", "1");
  set("ipv4/ip_early_demux", "0");
  recover_all();
  EXPECT_EQ(everything(), before);
}

TEST_F(LegacyTest, what_a_living_daemon_uses_is_left_alone) {
  make_traces();
  const std::string before = everything();
  write_record(std::to_string(::getpid()) + "-" + start_time("self") + ".json");
  EXPECT_THAT(recover_all().in_use, ElementsAre(HasSubstr("process " + std::to_string(::getpid()))));
  EXPECT_EQ(everything(), before);
}

// In another pid namespace with the same /run a living one was taken for dead.
TEST_F(LegacyTest, a_device_tells_that_its_daemon_lives_whatever_its_pid) {
  make_traces();
  ip("tuntap add dev wob1n mode tun");
  const std::string before = everything();
  write_record(kNobody);
  EXPECT_THAT(recover_all().in_use, ElementsAre(HasSubstr("holds what stands in")));
  EXPECT_EQ(everything(), before);
}

TEST_F(LegacyTest, rules_that_are_on_no_record_are_known_by_their_form) {
  const std::string before = everything();
  make_traces();
  inside([] {
    clear_legacy_rules({});
    run_program({"nft", "delete", "table", "inet", "wobble_run3"}, "");
  });
  set("ipv4/conf/lo/forwarding", "0");
  set("ipv4/ip_early_demux", "1");
  EXPECT_EQ(everything(), before);
}

// What is foreign went by its number or its name alone.
TEST_F(LegacyTest, what_is_foreign_stays) {
  ip("rule add priority 7899 lookup 7900");
  ip("rule add priority 7900 iif lo lookup main");
  ip("rule add priority 7920 lookup 100");
  ip("rule add priority 7930 lookup local");
  ip("rule add priority 7940 lookup 7901");
  ip("rule add priority 7950 lookup 7900");
  ip("rule add priority 7990 lookup local");
  ip("rule add priority 50 lookup 7999");
  ip("tuntap add dev wobvpn0 mode tun");
  ip("route add blackhole default table 7900");
  ip("route add blackhole default table 7950 metric 4294967295");
  const std::string before = everything() + ip("-o link");
  inside([] {
    EXPECT_THAT(find_legacy_rules({}), IsEmpty());
    clear_legacy_rules({});
  });
  EXPECT_EQ(everything() + ip("-o link"), before);
}

TEST_F(LegacyTest, a_record_of_another_kind_is_put_aside_and_named) {
  for (const std::string text : {R"({"namespaces":{"7":{}}})", "", R"({"namespaces":{"seven":{"slots":[]}}})"}) {
    write_file(kNobody, text);
    const Recovery recovery = recover_all();
    EXPECT_THAT(recovery.told, ElementsAre(AllOf(HasSubstr(kNobody), HasSubstr("cannot be used"))));
    EXPECT_THAT(recovery.failed, IsEmpty());
    EXPECT_TRUE(has_file(std::string(kNobody) + ".aside"));
    EXPECT_FALSE(has_file(kNobody));
    std::filesystem::remove_all(folder());
  }
}

TEST_F(LegacyTest, the_earlier_value_counts_when_two_daemons_had_set_it) {
  const std::string before = everything();
  write_record("4194302-1.json", "[]", "[false,false]");
  write_file("4194301-1.json", R"({"namespaces":{")" + std::to_string(inode()) +
                                   R"(":{"slots":[],"local_rule":[false,false],"nft_tables":[],"sysctls":[
      {"name":"ipv4/conf/lo/forwarding","before":"1","ours":"1"}]}}})");
  set("ipv4/conf/lo/forwarding", "1");
  recover_all();
  EXPECT_EQ(value("ipv4/conf/lo/forwarding"), "0");
  set("ipv4/ip_early_demux", "1");
  EXPECT_EQ(everything(), before);
}

TEST_F(LegacyTest, what_fails_keeps_the_record) {
  make_traces();
  write_record(kNobody);
  const std::string path = ::getenv("PATH");
  std::filesystem::create_directories(folder() + "/bin");
  std::filesystem::create_symlink("/bin/false", folder() + "/bin/ip");
  ::setenv("PATH", (folder() + "/bin:" + path).c_str(), 1);
  const Recovery recovery = recover_all();
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(recovery.failed, Not(IsEmpty()));
  EXPECT_TRUE(has_file(kNobody));
  EXPECT_THAT(recover_all().failed, IsEmpty());
  EXPECT_FALSE(has_file(kNobody));
}

}  // namespace
}  // namespace wobble::test
