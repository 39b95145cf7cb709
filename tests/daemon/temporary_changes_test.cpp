// What comes back when, in virtual time: each field at its own, whatever is changed beside it.
#include "daemon/service/temporary_changes.h"

#include <gtest/gtest.h>

#include <functional>

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;
using Edit = std::function<void(LinkConditions&)>;

TimePoint at(Duration d) { return TimePoint(d); }

/// A link that is asked for changes, as the service and the API ask together.
class Link {
 public:
  /// One that edits some fields, wherever it counts.
  void change(const Edit& edit, TimePoint end = kNever) {
    api::Change change;
    change.conditions = now;
    edit(change.conditions);
    for (const api::UpcomingConditions& upcoming : changes.upcoming()) {
      change.upcoming.push_back(upcoming.conditions);
      edit(change.upcoming.back());
    }
    changes = changes.with(change, now, end);
    now = change.conditions;
  }
  /// One that says all.
  void replace(const LinkConditions& all, TimePoint end = kNever) {
    api::Change change;
    change.conditions = all;
    changes = changes.with(change, now, end);
    now = all;
  }
  void pass(TimePoint time) {
    if (const LinkConditions* due = changes.due(time)) now = *due;
    changes.forget(time);
  }
  std::vector<TimePoint> ends() const {
    std::vector<TimePoint> out;
    for (const api::UpcomingConditions& upcoming : changes.upcoming()) out.push_back(upcoming.due);
    return out;
  }

  LinkConditions now;
  TemporaryChanges changes;
};

Edit up_delay(Duration d) {
  return [d](LinkConditions& c) { c.up.delay.time = d; };
}
Edit down_delay(Duration d) {
  return [d](LinkConditions& c) { c.down.delay.time = d; };
}
Edit up_loss(double percent) {
  return [percent](LinkConditions& c) { c.up.loss.model = RandomLoss{Probability::percent(percent)}; };
}

TEST(TemporaryChanges, WhatWasBeforeComesBackAtTheEndAndNotBefore) {
  Link link;
  link.change(up_delay(1ms));
  link.change(up_delay(9ms), at(10s));
  EXPECT_EQ(link.changes.next_due(), at(10s));
  link.pass(at(10s) - 1ns);
  EXPECT_EQ(link.now.up.delay.time, 9ms);
  link.pass(at(10s));
  EXPECT_EQ(link.now.up.delay.time, 1ms);
  EXPECT_EQ(link.changes.next_due(), kNever);
}

TEST(TemporaryChanges, ALastingChangeOfAnotherFieldDoesNotMakeItPermanent) {
  Link link;
  link.change(up_delay(90ms), at(15s));
  link.change(up_loss(5));
  EXPECT_EQ(link.ends(), std::vector{at(15s)});
  link.pass(at(15s));
  EXPECT_EQ(link.now.up.delay.time, 0ms);
  EXPECT_EQ(link.now.up.loss.model, LossModel{RandomLoss{Probability::percent(5)}}) << "it was to stay";
}

TEST(TemporaryChanges, ALastingChangeOfTheSameFieldEndsIt) {
  Link link;
  link.change(up_delay(90ms), at(15s));
  link.change(up_delay(50ms));
  EXPECT_TRUE(link.ends().empty());
  link.pass(at(20s));
  EXPECT_EQ(link.now.up.delay.time, 50ms);
}

TEST(TemporaryChanges, ToSayAgainWhatIsThereForAWhileMakesItStay) {
  Link link;
  link.change(up_delay(90ms), at(15s));
  link.change(up_delay(90ms));
  EXPECT_TRUE(link.ends().empty());
  EXPECT_EQ(link.now.up.delay.time, 90ms);
}

TEST(TemporaryChanges, APartOfAFieldLeavesTheRestItsEnd) {
  Link link;
  link.change(up_delay(90ms), at(15s));
  link.change([](LinkConditions& c) { c.up.delay.jitter = 5ms; });
  link.pass(at(15s));
  EXPECT_EQ(link.now.up.delay.time, 0ms);
  EXPECT_EQ(link.now.up.delay.jitter, 5ms);
}

TEST(TemporaryChanges, EachFieldHasItsOwnEnd) {
  Link link;
  link.change(up_delay(10ms), at(4s));
  link.change(down_delay(20ms), at(15s));
  EXPECT_EQ(link.ends(), (std::vector{at(4s), at(15s)}));
  link.pass(at(4s));
  EXPECT_EQ(link.now.up.delay.time, 0ms) << "it does not last as long as the other";
  EXPECT_EQ(link.now.down.delay.time, 20ms);
  link.pass(at(15s));
  EXPECT_EQ(link.now, LinkConditions{});
}

TEST(TemporaryChanges, OfTheSameFieldTheNewerEndsFirst) {
  Link link;
  link.change(up_delay(1ms), at(10s));
  link.change(up_delay(2ms), at(5s));
  link.pass(at(5s));
  EXPECT_EQ(link.now.up.delay.time, 1ms);
  link.pass(at(10s));
  EXPECT_EQ(link.now.up.delay.time, 0ms);
}

TEST(TemporaryChanges, OfTheSameFieldTheOlderEndsUnseen) {
  Link link;
  link.change(up_delay(1ms), at(5s));
  link.change(up_delay(2ms), at(10s));
  link.pass(at(5s));
  EXPECT_EQ(link.now.up.delay.time, 2ms);
  link.pass(at(10s));
  EXPECT_EQ(link.now.up.delay.time, 0ms);
}

TEST(TemporaryChanges, SeveralEndAtOnceWhenNobodyCouldLookEarlier) {
  Link link;
  link.change(up_delay(1ms), at(5s));
  link.change(down_delay(2ms), at(6s));
  link.pass(at(7s));
  EXPECT_EQ(link.now, LinkConditions{});
  EXPECT_TRUE(link.ends().empty());
}

TEST(TemporaryChanges, WhatSaysAllForAWhileGivesAllBack) {
  Link link;
  link.change(up_loss(5));
  link.change(up_delay(9ms), at(20s));
  LinkConditions profile;
  profile.down.rate = 1'000'000;
  link.replace(profile, at(10s));
  link.pass(at(10s));
  EXPECT_EQ(link.now.up.loss.model, LossModel{RandomLoss{Probability::percent(5)}});
  EXPECT_EQ(link.now.up.delay.time, 9ms) << "its own end is later";
  link.pass(at(20s));
  EXPECT_EQ(link.now.up.delay.time, 0ms);
}

TEST(TemporaryChanges, WhatSaysAllAndStaysEndsAllOthers) {
  Link link;
  link.change(up_delay(9ms), at(20s));
  link.replace({});
  EXPECT_TRUE(link.ends().empty());
}

TEST(TemporaryChanges, TwoThatEndAtTheSameMomentAreOneEnd) {
  Link link;
  link.change(up_delay(1ms), at(5s));
  link.change(down_delay(2ms), at(5s));
  EXPECT_EQ(link.ends(), std::vector{at(5s)});
  link.pass(at(5s));
  EXPECT_EQ(link.now, LinkConditions{});
}

TEST(TemporaryChanges, ManyLastingChangesMakeItNoLonger) {
  Link link;
  link.change(up_delay(1ms), at(5s));
  for (int i = 1; i <= 1000; ++i) link.change(up_loss(i / 100.0));
  EXPECT_EQ(link.ends().size(), 1u);
  link.changes.check();
}

TEST(TemporaryChanges, MoreThanAreKeptAreRefused) {
  Link link;
  for (std::size_t i = 1; i <= TemporaryChanges::kMost; ++i) {
    link.change(up_delay(Duration(i)), at(Duration(1h) - Duration(i)));
    link.changes.check();
  }
  link.change(up_delay(1s), at(2s));
  EXPECT_THROW(link.changes.check(), api::Conflict);
}

}  // namespace
}  // namespace wobble::daemon
