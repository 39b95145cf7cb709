#include "daemon/ways_in/ledger.h"

#include <gmock/gmock.h>
#include <net/if.h>

#include <filesystem>
#include <thread>

#include "api/backend.h"
#include "daemon/below_ip/bpf.h"
#include "daemon/below_ip/route_socket.h"
#include "daemon/system/program.h"
#include "daemon/ways_in/forwarding.h"
#include "daemon/ways_in/sysctl.h"
#include "tests/daemon/ledger_fixture.h"

namespace wobble::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(LedgerTest, what_is_held_is_set_and_on_record_and_then_as_before) {
  Ledger ledger = make_ledger();
  hold(ledger, kForward, "1");
  EXPECT_EQ(value(kForward), "1");
  EXPECT_THAT(ledger_text(), HasSubstr(kForward));
  hold(ledger, kForward, "1");
  EXPECT_EQ(release(ledger, kForward), "");
  EXPECT_EQ(value(kForward), "1") << "it is held twice";
  EXPECT_EQ(release(ledger, kForward), "");
  EXPECT_EQ(value(kForward), "0");
  EXPECT_FALSE(std::filesystem::exists(folder())) << "nothing is on record any more";
  EXPECT_THAT(told_, IsEmpty());
}

// Two daemons, or two `run`s, undid each other's: the first to end took the network from the other.
TEST_F(LedgerTest, the_last_owner_puts_back_whoever_that_is) {
  for (const bool first_goes_first : {true, false}) {
    Ledger first = make_ledger();
    Ledger second = make_ledger();
    hold(first, kForward, "1");
    hold(second, kForward, "1");
    EXPECT_EQ(release(first_goes_first ? first : second, kForward), "");
    EXPECT_EQ(value(kForward), "1");
    EXPECT_EQ(release(first_goes_first ? second : first, kForward), "");
    EXPECT_EQ(value(kForward), "0");
  }
}

TEST_F(LedgerTest, what_was_right_already_stays_right) {
  set(kForward, "1");
  Ledger ledger = make_ledger();
  hold(ledger, kForward, "1");
  EXPECT_EQ(release(ledger, kForward), "");
  EXPECT_EQ(value(kForward), "1");
}

TEST_F(LedgerTest, what_cannot_be_set_is_not_held) {
  Ledger ledger = make_ledger();
  EXPECT_THROW(hold(ledger, "ipv4/conf/nosuch/forwarding", "1"), api::Incapable);
  EXPECT_THROW(hold(ledger, kForward, "many"), api::Incapable);
  EXPECT_FALSE(std::filesystem::exists(folder()));
  hold(ledger, kForward, "1");
  EXPECT_THROW(hold(ledger, kForward, "many"), api::Incapable);
  EXPECT_EQ(release(ledger, kForward), "");
  EXPECT_EQ(value(kForward), "0");
}

TEST_F(LedgerTest, of_many_at_once_all_are_held_or_none) {
  Ledger other = make_ledger();
  hold(other, "ipv4/conf/lo/rp_filter", "1");
  Ledger ledger = make_ledger();
  inside([&] {
    EXPECT_THROW(ledger.hold_sysctls(inode(), {{kForward, "1"}, {"ipv4/conf/lo/rp_filter", "2"}, {"ipv4/nosuch", "1"}}),
                 api::Incapable);
  });
  EXPECT_EQ(value(kForward), "0");
  EXPECT_EQ(value("ipv4/conf/lo/rp_filter"), "1") << "as the other one wants it";
  inside([&] {
    ledger.hold_sysctls(inode(), {{kForward, "1"}, {"ipv4/ip_early_demux", "0"}});
    EXPECT_EQ(ledger.release_sysctls(inode(), {kForward, "ipv4/ip_early_demux", "ipv4/nosuch"}), "");
  });
  EXPECT_EQ(value(kForward), "0");
  EXPECT_EQ(value("ipv4/ip_early_demux"), "1");
  EXPECT_EQ(release(other, "ipv4/conf/lo/rp_filter"), "");
  EXPECT_EQ(value("ipv4/conf/lo/rp_filter"), "0");
  EXPECT_THAT(ledger_text(), IsEmpty());
}

TEST_F(LedgerTest, what_somebody_has_changed_meanwhile_is_left_and_told) {
  Ledger ledger = make_ledger();
  hold(ledger, "ipv4/conf/lo/rp_filter", "1");
  set("ipv4/conf/lo/rp_filter", "2");
  EXPECT_EQ(release(ledger, "ipv4/conf/lo/rp_filter"), "");
  EXPECT_EQ(value("ipv4/conf/lo/rp_filter"), "2");
  EXPECT_THAT(told_, ElementsAre(HasSubstr("net.ipv4.conf.lo.rp_filter was set to 2 by somebody")));
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(LedgerTest, what_somebody_has_changed_before_another_holds_it_is_what_comes_back) {
  Ledger first = make_ledger();
  Ledger second = make_ledger();
  hold(first, "ipv4/conf/lo/rp_filter", "1");
  set("ipv4/conf/lo/rp_filter", "2");
  hold(second, "ipv4/conf/lo/rp_filter", "1");
  EXPECT_EQ(release(first, "ipv4/conf/lo/rp_filter"), "");
  EXPECT_EQ(release(second, "ipv4/conf/lo/rp_filter"), "");
  EXPECT_EQ(value("ipv4/conf/lo/rp_filter"), "2");
}

TEST_F(LedgerTest, an_interface_that_is_gone_needs_nothing) {
  ip("link add v0 type veth peer name v1");
  Ledger ledger = make_ledger();
  hold(ledger, "ipv4/conf/v0/forwarding", "1");
  ip("link del v0");
  EXPECT_EQ(release(ledger, "ipv4/conf/v0/forwarding"), "");
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(LedgerTest, an_interface_that_is_renamed_comes_back_to_its_value) {
  ip("link add v0 type veth peer name v1");
  Ledger ledger = make_ledger();
  hold(ledger, "ipv4/conf/v0/forwarding", "1");
  ip("link set v0 name w0");
  ip("link add v0 type veth peer name v2");
  set("ipv4/conf/v0/forwarding", "1");
  EXPECT_EQ(release(ledger, "ipv4/conf/v0/forwarding"), "");
  EXPECT_EQ(value("ipv4/conf/w0/forwarding"), "0");
  EXPECT_EQ(value("ipv4/conf/v0/forwarding"), "1") << "the new v0 is not ours";
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(LedgerTest, a_name_that_is_used_again_is_held_for_the_new_interface) {
  ip("link add v0 type veth peer name v1");
  Ledger first = make_ledger();
  Ledger second = make_ledger();
  hold(first, "ipv4/conf/v0/forwarding", "1");
  ip("link set v0 name w0");
  ip("link add v0 type veth peer name v2");
  hold(second, "ipv4/conf/v0/forwarding", "1");
  EXPECT_EQ(value("ipv4/conf/v0/forwarding"), "1");
  EXPECT_EQ(release(second, "ipv4/conf/v0/forwarding"), "");
  EXPECT_EQ(release(first, "ipv4/conf/v0/forwarding"), "");
  EXPECT_EQ(value("ipv4/conf/v0/forwarding"), "0");
  EXPECT_EQ(value("ipv4/conf/w0/forwarding"), "0");
  EXPECT_THAT(ledger_text(), IsEmpty());
}

// The kernel writes ipv6's "all" into every interface: one that forwarded by itself must go on doing so.
TEST_F(LedgerTest, each_interface_comes_back_to_its_own_value) {
  ip("link add v0 type veth peer name v1");
  ip("link add v2 type veth peer name v3");
  set("ipv6/conf/v0/forwarding", "1");
  const std::string accept_ra = value("ipv6/conf/v2/accept_ra");
  Ledger first = make_ledger();
  Ledger second = make_ledger();
  std::vector<std::string> by_first;
  std::vector<std::string> by_second;
  inside([&] {
    hold_v6_forwarding(first, inode(), by_first);
    hold_v6_forwarding(second, inode(), by_second);
  });
  EXPECT_EQ(by_first, by_second) << "what another holds already must be held too";
  for (const char* of : {"all", "default", "v0", "v1", "v2", "lo"})
    EXPECT_EQ(value(std::string("ipv6/conf/") + of + "/forwarding"), "1") << of;
  EXPECT_EQ(value("ipv6/conf/v2/accept_ra"), "2");
  inside([&] { EXPECT_EQ(release_sysctls(first, inode(), by_first), ""); });
  for (const char* of : {"all", "default", "v0", "v1", "v2", "lo"})
    EXPECT_EQ(value(std::string("ipv6/conf/") + of + "/forwarding"), "1") << of;
  inside([&] { EXPECT_EQ(release_sysctls(second, inode(), by_second), ""); });
  EXPECT_EQ(value("ipv6/conf/v0/forwarding"), "1");
  for (const char* of : {"all", "default", "v1", "v2", "lo"})
    EXPECT_EQ(value(std::string("ipv6/conf/") + of + "/forwarding"), "0") << of;
  EXPECT_EQ(value("ipv6/conf/v2/accept_ra"), accept_ra);
  EXPECT_THAT(told_, IsEmpty());
}

TEST_F(LedgerTest, a_machine_that_forwards_by_itself_is_left_as_it_is) {
  set("ipv6/conf/all/forwarding", "1");
  Ledger ledger = make_ledger();
  std::vector<std::string> held;
  inside([&] { hold_v6_forwarding(ledger, inode(), held); });
  EXPECT_THAT(held, IsEmpty());
}

TEST_F(LedgerTest, many_owners_at_once) {
  constexpr int kOwners = 8;
  std::vector<std::thread> threads;
  for (int i = 0; i < kOwners; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        Ledger ledger(folder());
        hold(ledger, kForward, "1");
        EXPECT_EQ(value(kForward), "1");
        EXPECT_EQ(release(ledger, kForward), "");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(value(kForward), "0");
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(LedgerTest, a_table_is_dropped_and_seen_to_be_gone) {
  Ledger ledger = make_ledger();
  inside([&] {
    ledger.note_nft_table(inode(), "wobble_test");
    EXPECT_THAT(ledger_text(), HasSubstr("wobble_test"));
    run_program({"nft", "add", "table", "inet", "wobble_test"}, "");
    EXPECT_EQ(ledger.drop_nft_table(inode(), "wobble_test"), "");
    EXPECT_EQ(ledger.drop_nft_table(inode(), "wobble_test"), "") << "it is gone already";
  });
  EXPECT_EQ(output_inside({"nft", "list", "tables"}), "");
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

// It was told as done and forgotten.
TEST_F(LedgerTest, an_undo_that_fails_is_an_error_and_kept_and_tried_again) {
  Ledger ledger = make_ledger();
  inside([&] {
    ledger.note_nft_table(inode(), "wobble_test");
    run_program({"nft", "add", "table", "inet", "wobble_test"}, "");
    {
      const BrokenNft broken(folder());
      EXPECT_THAT(ledger.drop_nft_table(inode(), "wobble_test"), HasSubstr("out of order"));
    }
    EXPECT_THAT(ledger_text(), HasSubstr("wobble_test"));
    EXPECT_EQ(ledger.drop_nft_table(inode(), "wobble_other"), "") << "the next release tries again";
  });
  EXPECT_EQ(output_inside({"nft", "list", "tables"}), "");
  EXPECT_EQ(ledger_text(), "");
  EXPECT_THAT(told_, ElementsAre(HasSubstr("put back what was left behind: the nftables table inet wobble_test")));
}

TEST_F(LedgerTest, a_table_that_was_left_behind_makes_room_for_the_next_of_its_name) {
  {
    Ledger dead = make_ledger();
    inside([&] {
      dead.note_nft_table(inode(), "wobble_test");
      run_program({"nft", "add", "table", "inet", "wobble_test"}, "");
    });
  }
  Ledger ledger = make_ledger();
  inside([&] {
    ledger.note_nft_table(inode(), "wobble_test");
    EXPECT_EQ(output_of({"nft", "list", "tables"}), "");
    EXPECT_EQ(ledger.drop_nft_table(inode(), "wobble_test"), "");
  });
}

TEST_F(LedgerTest, the_qdisc_goes_with_the_last_filter_of_ours) {
  ip("link add v0 type veth peer name v1");
  int v0 = 0;
  inside([&] { v0 = static_cast<int>(::if_nametoindex("v0")); });
  bpf_insn pass{};  // r0 = kPass
  pass.code = BPF_ALU64 | BPF_MOV | BPF_K;
  pass.imm = kPass;
  bpf_insn end{};
  end.code = BPF_JMP | BPF_EXIT;
  const UniqueFd program = load_program({pass, end}, "wob_test");
  const auto qdiscs = [&] { return output_inside({"tc", "qdisc", "show", "dev", "v0"}); };
  const TcFilter out{v0, "v0", true, "wob_out"};
  const TcFilter in{v0, "v0", false, "wob_in"};
  Ledger first = make_ledger();
  Ledger second = make_ledger();
  inside([&] {
    first.note_filter(inode(), out);
    RouteSocket().add_filter(program.get(), v0, Hook::egress, out.name);
    second.note_filter(inode(), in);
    RouteSocket().add_filter(program.get(), v0, Hook::ingress, in.name);
    EXPECT_EQ(first.drop_filter(inode(), out), "");
  });
  EXPECT_EQ(output_inside({"tc", "filter", "show", "dev", "v0", "egress"}), "");
  EXPECT_THAT(qdiscs(), HasSubstr("clsact"));
  inside([&] { EXPECT_EQ(second.drop_filter(inode(), in), ""); });
  EXPECT_THAT(qdiscs(), Not(HasSubstr("clsact")));
  // One goes while the other is about to come: its filter is on record, and not there yet.
  inside([&] {
    first.note_filter(inode(), out);
    RouteSocket().add_filter(program.get(), v0, Hook::egress, out.name);
    second.note_filter(inode(), in);
    EXPECT_EQ(first.drop_filter(inode(), out), "");
    RouteSocket().add_filter(program.get(), v0, Hook::ingress, in.name);
    EXPECT_EQ(second.drop_filter(inode(), in), "");
  });
  EXPECT_THAT(qdiscs(), Not(HasSubstr("clsact")));
  // A qdisc that was there before us stays.
  inside([&] { run_program({"tc", "qdisc", "add", "dev", "v0", "clsact"}, ""); });
  inside([&] {
    first.note_filter(inode(), out);
    RouteSocket().add_filter(program.get(), v0, Hook::egress, out.name);
    EXPECT_EQ(first.drop_filter(inode(), out), "");
  });
  EXPECT_THAT(qdiscs(), HasSubstr("clsact"));
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

// It stopped the start, and named no file.
TEST_F(LedgerTest, a_file_of_another_kind_is_put_aside_and_named) {
  const std::string files[] = {R"({"version": 4, "namespaces": {}})",
                               R"({"version": 3, "namespaces": {}, "more": 1})",
                               R"({"version": 3, "namespaces": {"1": {}}})",
                               R"({"version": 3, "namespaces": {"one": {}}})",
                               R"({"version": 3, "namespaces": {"1": {"cookie": 1e300}}})",
                               "[]",
                               "",
                               "\xff"};
  for (const std::string& file : files) {
    told_.clear();
    write_file("ledger.json", file);
    Ledger ledger = make_ledger();
    hold(ledger, kForward, "1");
    EXPECT_EQ(release(ledger, kForward), "");
    ASSERT_EQ(told_.size(), 1U) << file;
    EXPECT_THAT(told_[0], HasSubstr(folder() + "/ledger.json cannot be used ("));
    EXPECT_TRUE(has_file("ledger.json.aside"));
    std::filesystem::remove(folder() + "/ledger.json.aside");
  }
}

TEST_F(LedgerTest, none_that_was_put_aside_is_lost) {
  for (const char* name : {"ledger.json.aside", "ledger.json.aside2"}) {
    write_file("ledger.json", "[]");
    Ledger ledger = make_ledger();
    hold(ledger, kForward, "1");
    EXPECT_EQ(release(ledger, kForward), "");
    EXPECT_TRUE(has_file(name));
  }
}

// A read-only /run: nothing said that a kill could not be undone.
TEST_F(LedgerTest, where_nothing_can_be_written_it_goes_on_and_says_so_once) {
  Ledger ledger("/proc/nosuch", [this](const std::string& line) { told_.push_back(line); });
  EXPECT_EQ(ledger.trouble(), "");
  hold(ledger, kForward, "1");
  hold(ledger, "ipv4/conf/lo/rp_filter", "2");
  EXPECT_EQ(value(kForward), "1");
  EXPECT_THAT(ledger.trouble(), HasSubstr("cannot make /proc/nosuch"));
  EXPECT_EQ(release(ledger, kForward), "");
  EXPECT_EQ(value(kForward), "0");
  EXPECT_EQ(value("ipv4/conf/lo/rp_filter"), "2") << "that is still held";
  EXPECT_EQ(release(ledger, "ipv4/conf/lo/rp_filter"), "");
  EXPECT_EQ(value("ipv4/conf/lo/rp_filter"), "0");
  EXPECT_THAT(told_, ElementsAre(HasSubstr("not kept on record")));
  EXPECT_EQ(why_no_record(folder()), "");
}

TEST_F(LedgerTest, a_folder_that_somebody_removes_is_made_again) {
  Ledger first = make_ledger();
  hold(first, kForward, "1");
  std::filesystem::remove_all(folder());
  hold(first, "ipv4/conf/lo/rp_filter", "2");
  EXPECT_THAT(ledger_text(), HasSubstr(kForward));
  Ledger second = make_ledger();
  hold(second, kForward, "1");
  EXPECT_EQ(release(second, kForward), "");
  EXPECT_EQ(value(kForward), "1") << "the first one still holds it";
  EXPECT_EQ(release(first, "ipv4/conf/lo/rp_filter"), "");
  EXPECT_EQ(release(first, kForward), "");
  EXPECT_EQ(value(kForward), "0");
}

// Such as a unit's RuntimeDirectory, which is mounted where the daemon is.
TEST_F(LedgerTest, a_folder_that_was_there_before_stays) {
  std::filesystem::create_directories(folder());
  Ledger ledger = make_ledger();
  hold(ledger, kForward, "1");
  EXPECT_EQ(release(ledger, kForward), "");
  EXPECT_TRUE(std::filesystem::is_empty(folder()));
}

TEST_F(LedgerTest, nobody_else_may_lock_what_tells_who_lives) {
  Ledger ledger = make_ledger();
  hold(ledger, kForward, "1");
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    if (entry.path().filename() != "lock" && entry.path().extension() != ".owner") continue;
    EXPECT_EQ(entry.status().permissions(), std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
  EXPECT_EQ(release(ledger, kForward), "");
}

}  // namespace
}  // namespace wobble::test
