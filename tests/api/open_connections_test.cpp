// The register of open connections: what counts, who gives way, and that nothing is done to a descriptor that has
// become another's.
#include "api/http/open_connections.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <vector>

#include "emulator/unique_fd.h"

namespace wobble::api {
namespace {

struct Pair {
  Pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) ADD_FAILURE() << "no sockets";
    server = UniqueFd(ends[0]);
    client = UniqueFd(ends[1]);
  }
  int fd() const { return server.get(); }
  bool is_shut() const { return OpenConnections::has_hung_up(client.get()); }
  UniqueFd server, client;
};

Peer from(const std::string& address) {
  Peer peer;
  peer.address = address;
  return peer;
}

class OpenConnectionsTest : public testing::Test {
 protected:
  static ConnectionLimits limits() { return {.total = 40, .per_owner = 10}; }
  /// A new connection of `owner`; null if there is no room for it.
  OpenConnections::Connection* connect(const std::string& owner) {
    pairs_.emplace_back();
    return open_.add(pairs_.back().fd(), from(owner), "") ? open_.begin(pairs_.back().fd()) : nullptr;
  }
  std::size_t shut() const {
    return static_cast<std::size_t>(
        std::count_if(pairs_.begin(), pairs_.end(), [](const Pair& p) { return p.is_shut(); }));
  }

  OpenConnections open_{limits()};
  std::vector<Pair> pairs_;
};

TEST_F(OpenConnectionsTest, WhatIsOnItsWayOutCountsUntilItIsClosed) {
  std::vector<OpenConnections::Connection*> all;
  for (int i = 0; i < 20; ++i) all.push_back(connect("a"));
  EXPECT_EQ(std::count(all.begin(), all.end(), nullptr), 0);
  EXPECT_EQ(shut(), 10u) << "the ten that came first";
  EXPECT_EQ(connect("a"), nullptr) << "nothing was closed yet";
  EXPECT_EQ(shut(), 10u) << "and nobody gives way to one that is refused";
  EXPECT_NE(connect("b"), nullptr) << "others have room";
  open_.remove(all.front());
  EXPECT_NE(connect("a"), nullptr);
}

TEST_F(OpenConnectionsTest, WhoHasJustComeDoesNotGiveWayToThoseThatDoNotRead) {
  std::vector<OpenConnections::Connection*> all;
  for (int i = 0; i < 9; ++i) {
    all.push_back(connect("a"));
    open_.enter(all.back(), Phase::answer);
  }
  connect("a");
  connect("a");  // one too many
  EXPECT_FALSE(pairs_.back().is_shut());
  EXPECT_FALSE(pairs_[9].is_shut());
  EXPECT_TRUE(pairs_[0].is_shut());
}

TEST_F(OpenConnectionsTest, WhoseRequestLiesUnreadIsNotOverdue) {
  OpenConnections open({.total = 40, .per_owner = 10, .first_head = std::chrono::seconds(0)});
  const Pair asking, silent;
  for (const Pair* pair : {&asking, &silent}) {
    ASSERT_TRUE(open.add(pair->fd(), from("a"), ""));
    ASSERT_NE(open.begin(pair->fd()), nullptr);
  }
  ASSERT_EQ(::send(asking.client.get(), "G", 1, 0), 1);
  open.end_overdue();
  EXPECT_FALSE(asking.is_shut());
  EXPECT_TRUE(silent.is_shut());
  char byte;
  ASSERT_EQ(::recv(asking.fd(), &byte, 1, 0), 1);
  open.end_overdue();
  EXPECT_TRUE(asking.is_shut());
}

TEST_F(OpenConnectionsTest, AllTogetherHaveABound) {
  std::size_t taken = 0;
  for (int i = 0; i < 200; ++i) taken += connect("owner " + std::to_string(i)) != nullptr;
  EXPECT_EQ(taken, 50u);
  EXPECT_EQ(open_.size(), 50u);
}

TEST_F(OpenConnectionsTest, WhatLingersCounts) {
  std::vector<OpenConnections::Connection*> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(connect("a"));
    ASSERT_NE(all.back(), nullptr);
    open_.linger(all.back(), pairs_.back().client.get());
  }
  EXPECT_EQ(connect("a"), nullptr);
  for (OpenConnections::Connection* one : all) open_.remove(one);
  EXPECT_NE(connect("a"), nullptr);
  EXPECT_EQ(shut(), 0u);
}

TEST_F(OpenConnectionsTest, WhatWasClosedBeforeItHadBegunIsForgotten) {
  auto closed = std::make_unique<Pair>();
  const int fd = closed->fd();
  ASSERT_TRUE(open_.add(fd, from("a"), ""));
  open_.drop_lost();
  EXPECT_EQ(open_.size(), 1u) << "it is open yet";
  closed.reset();
  const Pair others;  // which has the descriptor now
  ASSERT_EQ(others.fd(), fd);
  open_.drop_lost();
  EXPECT_EQ(open_.size(), 0u);
  EXPECT_EQ(open_.begin(fd), nullptr);
}

TEST_F(OpenConnectionsTest, NothingIsDoneToADescriptorThatHasBecomeAnothers) {
  auto closed = std::make_unique<Pair>();
  const int fd = closed->fd();
  ASSERT_TRUE(open_.add(fd, from("a"), ""));
  closed.reset();
  const Pair others;
  ASSERT_EQ(others.fd(), fd);
  for (int i = 0; i < 11; ++i) connect("a");
  open_.make_room();
  EXPECT_FALSE(others.is_shut());
  ASSERT_TRUE(open_.add(fd, from("b"), ""));
  EXPECT_EQ(open_.begin(fd)->owner, "address b");
}

TEST_F(OpenConnectionsTest, WhatGaveWayBeforeItHadBegunEndsWhenItBegins) {
  const Pair early;
  ASSERT_TRUE(open_.add(early.fd(), from("a"), ""));
  open_.make_room();
  EXPECT_FALSE(early.is_shut());
  open_.begin(early.fd());
  EXPECT_TRUE(early.is_shut());
}

TEST(ConnectionLimits, FitTheDescriptors) {
  const ConnectionLimits wide;
  for (const std::size_t descriptors :
       {0u, 10u, 16u, 17u, 39u, 40u, 41u, 100u, 333u, 1279u, 1280u, 5000u, 1'000'000u}) {
    const ConnectionLimits fit = fitted(wide, descriptors);
    const std::size_t most = fit.total + std::max<std::size_t>(fit.total / 4, 8);
    EXPECT_LE(most, std::max<std::size_t>(descriptors, 16)) << descriptors;
    EXPECT_GE(fit.total, 8u);
    EXPECT_LE(fit.total, wide.total);
    EXPECT_GE(fit.per_owner, 8u);
    EXPECT_LE(fit.per_owner, std::max<std::size_t>(fit.total / 4, 8));
  }
  EXPECT_EQ(fitted(wide, 1280).total, 1024u);
  EXPECT_EQ(fitted(wide, 1280).per_owner, 256u);
  EXPECT_EQ(fitted({.total = 8192, .per_owner = 8192}, 100).per_owner, 80u) << "one owner may have all";
  EXPECT_EQ(fitted({.total = 12, .per_owner = 4}, 1000).per_owner, 4u);
}

TEST(Descriptors, ThoseThatAreLeftAreCounted) {
  const std::size_t before = free_descriptors();
  const UniqueFd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(free_descriptors(), before - 1);
}

}  // namespace
}  // namespace wobble::api
