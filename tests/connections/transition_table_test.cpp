// One test for each row of the transition table, by its number; opening and closing.
#include <set>

#include "tests/connections/tracker_story.h"

namespace {

using namespace wobble;
using wobble::testing::TrackerStory;
using enum TcpState;
constexpr Role kClient = Role::client, kServer = Role::server;

TEST(TransitionTable, HasEveryRowOfTheSpecification) {
  std::set<int> numbers{27};  // the timer
  for (const Row& row : sent_rows()) numbers.insert(row.number);
  for (const Row& row : delivered_rows()) numbers.insert(row.number);
  EXPECT_EQ(numbers.size(), 43u);
  EXPECT_EQ(*numbers.begin(), 1);
  EXPECT_EQ(*numbers.rbegin(), 43);
}

TEST(TransitionTable, Row01_SynOpens) {
  TrackerStory s;
  s.client_sends("SYN 0");
  s.expect_row(1, kClient, none, syn_sent);
  s.deliver_last();
  s.expect(syn_sent, none);  // a delivered SYN proves nothing of the server
}

TEST(TransitionTable, Row02_SynRepeated) {
  TrackerStory s;
  s.client_loses("SYN 0");
  s.client("SYN 0");
  s.expect_row(2, kClient, syn_sent, syn_sent);
  EXPECT_FALSE(s.steps.has_change());
}
}  // namespace
