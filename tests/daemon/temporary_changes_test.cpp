#include "daemon/temporary_changes.h"

#include <gtest/gtest.h>

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

LinkConditions with_delay(Duration d) {
  LinkConditions c;
  c.up.delay.time = d;
  return c;
}

TimePoint at(Duration d) { return TimePoint(d); }

TEST(TemporaryChanges, WhatWasBeforeComesBackAtTheDeadlineAndNotBefore) {
  TemporaryChanges changes;
  changes.begin(at(10s), with_delay(1ms));
  EXPECT_EQ(changes.next_due(), at(10s));
  EXPECT_EQ(changes.expire(at(10s) - 1ns), std::nullopt);
  EXPECT_EQ(changes.expire(at(10s)), with_delay(1ms));
  EXPECT_EQ(changes.next_due(), kNever);
}

TEST(TemporaryChanges, TheNewerEndsFirst) {
  TemporaryChanges changes;
  changes.begin(at(10s), with_delay(1ms));
  changes.begin(at(5s), with_delay(2ms));
  EXPECT_EQ(changes.present_ends(), at(5s));
  EXPECT_EQ(changes.expire(at(5s)), with_delay(2ms));
  EXPECT_EQ(changes.expire(at(10s)), with_delay(1ms));
}

TEST(TemporaryChanges, TheOlderEndsFirstAndIsSkippedLater) {
  TemporaryChanges changes;
  changes.begin(at(5s), with_delay(1ms));
  changes.begin(at(10s), with_delay(2ms));
  EXPECT_EQ(changes.expire(at(5s)), std::nullopt);
  EXPECT_EQ(changes.present_ends(), at(10s));
  EXPECT_EQ(changes.expire(at(10s)), with_delay(1ms));
}

TEST(TemporaryChanges, BothAtOnce) {
  TemporaryChanges changes;
  changes.begin(at(5s), with_delay(1ms));
  changes.begin(at(6s), with_delay(2ms));
  EXPECT_EQ(changes.expire(at(7s)), with_delay(1ms));
}

TEST(TemporaryChanges, ALastingChangeSettlesAll) {
  TemporaryChanges changes;
  changes.begin(at(5s), with_delay(1ms));
  changes.settle();
  EXPECT_EQ(changes.expire(at(6s)), std::nullopt);
  EXPECT_EQ(changes.present_ends(), std::nullopt);
}

}  // namespace
}  // namespace wobble::daemon
