#include <gtest/gtest.h>

#include "tests/emulator/lane.h"

namespace {

using namespace wobble;
using namespace std::chrono_literals;

TEST(Outage, OnDropsEverything) {
  DirectionConditions c;
  c.outage.on = true;
  Lane lane(c);
  const Fate fate = lane.admit(kStart).fate;
  EXPECT_EQ(fate.dropped, DropReason::outage);
  EXPECT_EQ(fate.lost[0], DropReason::outage);
  EXPECT_EQ(fate.copies, 1);
  lane.set({}, kStart + 1s);
  EXPECT_FALSE(lane.admit(kStart + 1s).fate.is_dropped());
}

TEST(Outage, ACycleIsExact) {
  DirectionConditions c;
  c.outage.up_for = 10s;
  c.outage.down_for = 1s;
  Lane lane(c);
  EXPECT_EQ(lane.pipeline.next_change(), kStart + 10s);
  for (int round = 0; round < 3; ++round) {
    const TimePoint start = kStart + round * 11s;
    EXPECT_FALSE(lane.admit(start).fate.is_dropped());
    EXPECT_FALSE(lane.admit(start + 10s - 1ns).fate.is_dropped());
    EXPECT_TRUE(lane.admit(start + 10s).fate.is_dropped());
    EXPECT_TRUE(lane.admit(start + 11s - 1ns).fate.is_dropped());
    EXPECT_FALSE(lane.pipeline.advance(start + 10s)) << "what is in flight was not to be dropped";
    EXPECT_EQ(lane.pipeline.next_change(), start + 11s);
    lane.pipeline.advance(start + 11s);
    EXPECT_EQ(lane.pipeline.next_change(), start + 21s);
  }
}

TEST(Outage, ItsBeginningIsToldOnceAndLateIfNeedBe) {
  DirectionConditions c;
  c.outage = {false, 10s, 1s, true};
  Lane lane(c);
  EXPECT_FALSE(lane.pipeline.advance(kStart + 10s - 1ns));
  EXPECT_TRUE(lane.pipeline.advance(kStart + 10s));
  EXPECT_FALSE(lane.pipeline.advance(kStart + 10s + 500ms));
  EXPECT_FALSE(lane.pipeline.advance(kStart + 11s));
  EXPECT_TRUE(lane.pipeline.advance(kStart + 50s)) << "three have come and gone since";
  EXPECT_EQ(lane.pipeline.next_change(), kStart + 54s);
}

TEST(Outage, APacketDoesNotHideTheBeginning) {
  DirectionConditions c;
  c.outage = {false, 10s, 1s, true};
  Lane lane(c);
  EXPECT_TRUE(lane.admit(kStart + 10s + 1ms).fate.is_dropped());
  EXPECT_EQ(lane.pipeline.next_change(), kStart + 10s) << "advance() is overdue";
  EXPECT_TRUE(lane.pipeline.advance(kStart + 10s + 1ms));
}

TEST(Outage, SwitchedOnItDropsWhatIsInFlight) {
  DirectionConditions c;
  c.outage = {true, 0s, 0s, true};
  Lane lane(c);
  EXPECT_EQ(lane.pipeline.next_change(), kStart);
  EXPECT_TRUE(lane.pipeline.advance(kStart));
  EXPECT_FALSE(lane.pipeline.advance(kStart));
  EXPECT_EQ(lane.pipeline.next_change(), kNever);
  c.delay.time = 1ms;
  lane.set(c, kStart + 1s);
  EXPECT_FALSE(lane.pipeline.advance(kStart + 1s)) << "it has not begun again";
}

TEST(Outage, DropInFlightAskedForWhenItIsDownAlreadyDropsNothing) {
  DirectionConditions c;
  c.outage.on = true;
  Lane lane(c);
  c.outage.drop_in_flight = true;
  lane.set(c, kStart + 1s);
  EXPECT_FALSE(lane.pipeline.advance(kStart + 1s));
}

TEST(Outage, ACycleKeepsItsPhaseWhenOnlyItsDropsChange) {
  DirectionConditions c;
  c.outage = {false, 10s, 1s, false};
  Lane lane(c);
  c.outage.drop_in_flight = true;
  lane.set(c, kStart + 9s);
  EXPECT_EQ(lane.pipeline.next_change(), kStart + 10s);
  EXPECT_TRUE(lane.pipeline.advance(kStart + 10s));
}

TEST(Outage, OtherSettingsDoNotRestartTheCycle) {
  DirectionConditions c;
  c.outage.up_for = 10s;
  c.outage.down_for = 1s;
  Lane lane(c);
  c.delay.time = 50ms;
  lane.set(c, kStart + 9s);
  EXPECT_EQ(lane.pipeline.next_change(), kStart + 10s);
  EXPECT_TRUE(lane.admit(kStart + 10s).fate.is_dropped());
  c.outage.up_for = 5s;
  lane.set(c, kStart + 10s);
  EXPECT_FALSE(lane.admit(kStart + 10s).fate.is_dropped()) << "a new cycle starts up";
  EXPECT_EQ(lane.pipeline.next_change(), kStart + 15s);
}

}  // namespace
