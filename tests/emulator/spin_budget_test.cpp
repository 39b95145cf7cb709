#include "emulator/link/spin_budget.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace wobble {
namespace {

using namespace std::chrono_literals;

TEST(SpinBudget, WithoutALeadThereIsNoSpinning) {
  SpinBudget budget(0us);
  EXPECT_EQ(budget.lead(TimePoint(1h)), 0us);
}

TEST(SpinBudget, ThatWhichFitsIsGranted) {
  SpinBudget budget(50us);
  for (TimePoint now(1h); now < TimePoint(1h) + 5s; now += 1ms) {  // 4.5 %
    ASSERT_EQ(budget.lead(now), 50us);
    budget.spent(now, now + 45us);
  }
}

TEST(SpinBudget, SpinningStopsAtTheShareAndComesBack) {
  SpinBudget budget(50us);
  TimePoint now(1h);
  Duration spun(0);
  while (budget.lead(now) > 0us) {
    budget.spent(now, now + 50us);
    now += 50us;
    spun += 50us;
  }
  EXPECT_EQ(spun, SpinBudget::kShare);
  EXPECT_EQ(budget.lead(now + 900ms), 0us);
  EXPECT_EQ(budget.lead(now + 1100ms), 50us);
}

/// Whatever the traffic: no second has more than the share in it.
TEST(SpinBudget, NoWindowHasMoreThanTheShare) {
  std::mt19937_64 random(1);
  SpinBudget budget(1ms);
  std::deque<std::pair<TimePoint, Duration>> spins;
  Duration in_window(0), most(0);
  TimePoint now(1h);
  for (int i = 0; i < 300'000; ++i) {
    now += Duration(random() % (i % 7 == 0 ? 100'000'000 : 200'000));
    if (budget.lead(now) == 0us) continue;
    const Duration spun(random() % 1'000'000);
    budget.spent(now, now + spun);
    now += spun;
    spins.emplace_back(now, spun);
    in_window += spun;
    while (now - spins.front().first >= SpinBudget::kWindow) {
      in_window -= spins.front().second;
      spins.pop_front();
    }
    most = std::max(most, in_window);
  }
  EXPECT_LE(most, SpinBudget::kShare);
  EXPECT_GE(most, SpinBudget::kShare * 9 / 10);
}

TEST(SpinBudget, ALongPauseForgetsEverything) {
  SpinBudget budget(1ms);
  TimePoint now(1h);
  while (budget.lead(now) > 0us) {
    budget.spent(now, now + 1ms);
    now += 1ms;
  }
  now += 100h;
  EXPECT_EQ(budget.lead(now), 1ms);
}

}  // namespace
}  // namespace wobble
