#include "daemon/ways_in/ledger_recovery.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "daemon/system/program.h"
#include "tests/daemon/ledger_fixture.h"

namespace wobble::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RecoveryTest : public LedgerTest {
 protected:
  /// As a killed process leaves it.
  void leave_behind(const std::string& name, const std::string& value) {
    Ledger dead = make_ledger();
    hold(dead, name, value);
  }
};

TEST_F(RecoveryTest, nothing_on_record_is_nothing_to_do) {
  const Recovery recovery = recover_all();
  EXPECT_THAT(recovery.done, IsEmpty());
  EXPECT_THAT(recovery.failed, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(folder())) << "to look leaves nothing";
}

// A daemon killed while it set a way in up left the machine a router: no rule stood yet, so nothing was put back.
TEST_F(RecoveryTest, what_reads_as_ours_is_put_back_and_no_other_proof_needed) {
  leave_behind(kForward, "1");
  leave_behind("ipv4/ip_early_demux", "0");
  const Recovery looked = recover_all(true);
  EXPECT_THAT(looked.done, SizeIs(2));
  EXPECT_EQ(value(kForward), "1") << "a dry run changes nothing";
  const Recovery recovery = recover_all();
  ASSERT_THAT(recovery.done, SizeIs(2));
  EXPECT_THAT(recovery.done[1].what, HasSubstr("net.ipv4.conf.lo.forwarding to 0 in the network namespace /proc/"));
  EXPECT_THAT(recovery.done[1].what, HasSubstr("left by process " + std::to_string(::getpid()) + ", which has ended"));
  EXPECT_THAT(recovery.failed, IsEmpty());
  EXPECT_EQ(value(kForward), "0");
  EXPECT_EQ(value("ipv4/ip_early_demux"), "1");
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(RecoveryTest, what_a_living_one_holds_is_named_and_not_touched) {
  Ledger living = make_ledger();
  leave_behind(kForward, "1");
  hold(living, kForward, "1");
  leave_behind("ipv4/conf/lo/rp_filter", "2");
  const Recovery recovery = recover_all();
  EXPECT_EQ(value(kForward), "1");
  EXPECT_EQ(value("ipv4/conf/lo/rp_filter"), "0");
  EXPECT_THAT(recovery.done, SizeIs(1));
  EXPECT_THAT(recovery.in_use, ElementsAre(HasSubstr("process " + std::to_string(::getpid()) + " holds " + kForward)));
  EXPECT_EQ(release(living, kForward), "");
  EXPECT_EQ(value(kForward), "0") << "as it was before the dead one";
}

TEST_F(RecoveryTest, one_killed_between_the_record_and_the_deed_has_left_nothing) {
  leave_behind(kForward, "1");
  set(kForward, "0");
  const Recovery recovery = recover_all();
  EXPECT_THAT(recovery.done, IsEmpty());
  EXPECT_THAT(recovery.told, IsEmpty());
  EXPECT_EQ(value(kForward), "0");
}

TEST_F(RecoveryTest, what_somebody_has_changed_since_is_left_and_told) {
  leave_behind("ipv4/conf/lo/rp_filter", "1");
  set("ipv4/conf/lo/rp_filter", "2");
  const Recovery recovery = recover_all();
  EXPECT_EQ(value("ipv4/conf/lo/rp_filter"), "2");
  EXPECT_THAT(recovery.told, ElementsAre(HasSubstr("was set to 2 by somebody")));
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(RecoveryTest, each_interface_comes_back_to_its_own_value) {
  ip("link add v0 type veth peer name v1");
  set("ipv6/conf/v0/forwarding", "1");
  {
    Ledger dead = make_ledger();
    for (const char* of : {"v0", "v1", "all"}) hold(dead, std::string("ipv6/conf/") + of + "/forwarding", "1");
  }
  EXPECT_THAT(recover_all().told, IsEmpty());
  EXPECT_EQ(value("ipv6/conf/v0/forwarding"), "1");
  EXPECT_EQ(value("ipv6/conf/v1/forwarding"), "0");
  EXPECT_EQ(value("ipv6/conf/all/forwarding"), "0");
}

// It was told as done, and then forgotten.
TEST_F(RecoveryTest, what_fails_is_told_and_kept_and_mended_later) {
  {
    Ledger dead = make_ledger();
    inside([&] {
      dead.note_nft_table(inode(), "wobble_test");
      run_program({"nft", "add", "table", "inet", "wobble_test"}, "");
    });
    hold(dead, kForward, "1");
  }
  {
    const BrokenNft broken(folder());
    const Recovery recovery = recover_all();
    EXPECT_THAT(recovery.failed, ElementsAre(HasSubstr("out of order")));
    EXPECT_EQ(value(kForward), "0") << "the rest is put back";
  }
  EXPECT_THAT(ledger_text(), HasSubstr("wobble_test"));
  EXPECT_THAT(recover_all().done, SizeIs(1));
  EXPECT_EQ(output_inside({"nft", "list", "tables"}), "");
  EXPECT_EQ(ledger_text(), "");
}

// Inodes of namespaces are given anew as soon as they are free.
TEST_F(RecoveryTest, another_namespace_of_the_same_inode_is_left_alone) {
  leave_behind(kForward, "1");
  std::string text = ledger_text();
  const std::string cookie = "\"cookie\":";
  text.insert(text.find(cookie) + cookie.size(), "9");
  write_file("ledger.json", text);
  EXPECT_THAT(recover_all().done, IsEmpty());
  EXPECT_EQ(value(kForward), "1");
  EXPECT_EQ(ledger_text(), "");
}

TEST_F(RecoveryTest, a_namespace_that_is_gone_is_forgotten) {
  write_file("ledger.json", R"({"version": 2, "namespaces": {"1": {"cookie": 1, "sysctls": [], "filters": [],
                                 "nft_tables": [{"name": "wobble_run0", "owners": ["1-1"]}]}}})");
  const Recovery recovery = recover_all();
  EXPECT_THAT(recovery.failed, IsEmpty());
  struct stat about {};
  if (::stat("/proc/self/ns/pid", &about) == 0 && about.st_ino == 0xEFFFFFFC) {
    EXPECT_EQ(ledger_text(), "");
  } else {
    EXPECT_THAT(recovery.out_of_reach, ElementsAre(HasSubstr("net:[1]")));
  }
}

TEST_F(RecoveryTest, files_of_owners_that_have_ended_go) {
  write_file("1-1.owner", "");
  recover_all();
  EXPECT_TRUE(std::filesystem::is_empty(folder()));
}

TEST_F(RecoveryTest, a_file_of_another_version_is_no_reason_to_fail) {
  write_file("ledger.json", R"({"version": 99})");
  EXPECT_THAT(recover_all(true).told, ElementsAre(HasSubstr("it is of version 99, not 3")));
  EXPECT_TRUE(has_file("ledger.json")) << "a dry run changes nothing";
  const Recovery recovery = recover_all();
  EXPECT_THAT(recovery.told, ElementsAre(HasSubstr("is kept as " + folder() + "/ledger.json.aside")));
  EXPECT_THAT(recovery.failed, IsEmpty());
}

}  // namespace
}  // namespace wobble::test
