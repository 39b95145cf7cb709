#include "api/conditions/conditions_check.h"

#include <gmock/gmock.h>

#include <numeric>

namespace {

using namespace wobble;
using api::FieldError, api::validate;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> pointers(const LinkConditions& conditions) {
  std::vector<std::string> found;
  for (const FieldError& error : validate(conditions)) {
    EXPECT_FALSE(error.detail.empty());
    found.push_back(error.pointer);
  }
  return found;
}

TEST(Conditions, DefaultsAreValid) { EXPECT_THAT(pointers({}), IsEmpty()); }

TEST(Conditions, LimitsAreValid) {
  LinkConditions c;
  c.up.delay = {kMaxDelay, kMaxDelay, Distribution::normal, true};
  c.up.loss.model = RandomLoss{{Probability::kOne}};
  c.up.duplicate.probability = {Probability::kOne};
  c.up.corrupt = {{Probability::kOne}, 64, true};
  c.up.reorder = {{Probability::kOne}, 1000, {}};
  c.up.rate = kMaxRate;
  c.up.queue.limit_time = kMaxDelay;
  c.up.outage = {true, kMaxOutagePart, kMaxOutagePart, true};
  c.down.rate = kMinRate;
  c.down.reorder = {{1}, 0, kMaxDelay};
  c.down.loss.model = GilbertElliott{{Probability::kOne}, {0}, {0}, {0}};
  EXPECT_THAT(pointers(c), IsEmpty());
}

TEST(Conditions, LimitsOfTheLaterImpairmentsAreValid) {
  LinkConditions c;
  c.up.delay = {kMaxDelay, kMaxDelay, Distribution::table, true, {Probability::kOne - 1}, Scope::connection, {}};
  c.up.delay.table = JitterTable(std::vector<std::int16_t>(kMaxTable));
  c.up.duplicate = {{Probability::kOne}, {Probability::kOne - 1}, Scope::connection};
  c.up.reorder = {{Probability::kOne}, 1, {}, {Probability::kOne - 1}, kMaxGap, Scope::connection};
  c.up.slot = {kMaxDelay, kMaxDelay, 1, 1};
  c.up.mtu = {kMinMtu, false};
  c.up.idle_timeout = {kMaxIdle, IdleAction::reset};
  c.down.slot = {Duration(0), Duration(1), 0, 0};
  c.down.mtu = {65'535, true};
  EXPECT_THAT(pointers(c), IsEmpty());
}

TEST(Conditions, EveryErrorOfTheLaterImpairmentsIsNamed) {
  const Probability all{Probability::kOne};
  LinkConditions c;
  c.up.delay = {{}, {}, Distribution::table, false, all, Scope::link, {}};
  c.up.duplicate.correlation = c.up.corrupt.correlation = c.up.reorder.correlation = all;
  c.up.reorder.gap = kMaxGap + 1;
  c.up.slot = {kMaxDelay + Duration(1), -Duration(1), 0, 0};
  c.up.mtu.bytes = kMinMtu - 1;
  c.up.idle_timeout.time = kMaxIdle + Duration(1);
  c.down.delay.table = JitterTable(std::vector<std::int16_t>(kMaxTable + 1));
  c.down.slot.packets = 1;
  c.down.mtu.bytes = 65'536;
  c.down.idle_timeout.time = -Duration(1);
  EXPECT_THAT(pointers(c), ElementsAre("/up/delay/correlation", "/up/delay/distribution", "/up/duplicate/correlation",
                                       "/up/corrupt/correlation", "/up/reorder/correlation", "/up/reorder/gap",
                                       "/up/slot/min", "/up/slot/max", "/up/slot/max", "/up/mtu/bytes",
                                       "/up/idle_timeout/time", "/down/delay/distribution", "/down/delay/distribution",
                                       "/down/slot/min", "/down/mtu/bytes", "/down/idle_timeout/time"));
}

TEST(Conditions, SlotsHaveOneWayToTheNext) {
  LinkConditions c;
  c.up.slot.delay = c.up.slot.jitter = kMaxDelay;
  c.up.slot.distribution = Distribution::table;
  c.up.slot.table = JitterTable(std::vector<std::int16_t>(kMaxTable));
  c.down.slot.delay = Duration(1);
  c.down.slot.packets = 5;
  EXPECT_THAT(pointers(c), IsEmpty());
  c.up.slot.max = Duration(1);
  c.up.slot.table = {};
  c.up.slot.jitter = -Duration(1);
  c.down.slot.delay = kMaxDelay + Duration(1);
  EXPECT_THAT(pointers(c),
              ElementsAre("/up/slot/jitter", "/up/slot/distribution", "/up/slot/delay", "/down/slot/delay"));
  c = {};
  c.up.slot.jitter = Duration(1);
  c.down.slot.distribution = Distribution::normal;
  c.down.slot.packets = 1;
  EXPECT_THAT(pointers(c), ElementsAre("/up/slot/delay", "/down/slot/delay"));
}

TEST(Conditions, AQueueWithoutARateIsAllowed) {
  LinkConditions c;
  c.up.queue.limit_packets = 10;
  EXPECT_THAT(pointers(c), IsEmpty());
}

TEST(Conditions, EveryErrorIsNamedAtOnce) {
  const Probability too_much{Probability::kOne + 1};
  LinkConditions c;
  c.up.delay.time = kMaxDelay + Duration(1);
  c.up.delay.jitter = Duration(-1);
  c.up.loss.model = RandomLoss{too_much};
  c.down.loss.model = GilbertElliott{too_much, too_much, too_much, too_much};
  c.up.duplicate.probability = too_much;
  c.up.corrupt = {too_much, 65, false};
  c.up.reorder = {too_much, 1001, milliseconds(1)};
  c.up.rate = 7;
  c.up.queue = {1, 1, milliseconds(-1)};
  c.up.outage = {false, -milliseconds(1), kMaxOutagePart + Duration(1), false};
  c.down.rate = kMaxRate + 1;
  EXPECT_THAT(pointers(c),
              ElementsAre("/up/delay/time", "/up/delay/jitter", "/up/loss/random", "/up/duplicate/percent",
                          "/up/corrupt/percent", "/up/corrupt/bits", "/up/reorder/percent", "/up/reorder/by",
                          "/up/reorder/by", "/up/rate", "/up/queue/limit", "/up/queue/limit", "/up/outage/up_for",
                          "/up/outage/down_for", "/down/loss/gilbert_elliott/p", "/down/loss/gilbert_elliott/r",
                          "/down/loss/gilbert_elliott/1-h", "/down/loss/gilbert_elliott/1-k", "/down/rate"));
}

TEST(Conditions, NoBitsToCorruptIsAnError) {
  LinkConditions c;
  c.down.corrupt.bits = 0;
  EXPECT_THAT(pointers(c), ElementsAre("/down/corrupt/bits"));
}

TEST(Conditions, WhereAndHowToLoseNeedsAModel) {
  LinkConditions c;
  c.up.loss.after_rate = c.up.loss.ecn = true;
  EXPECT_THAT(pointers(c), ElementsAre("/up/loss/after_rate", "/up/loss/ecn"));
  c.up.loss.model = EveryLoss{3};
  EXPECT_THAT(pointers(c), IsEmpty());
}

TEST(Conditions, CorrelationBelongsToRandomLoss) {
  const std::vector<LossModel> models = {RandomLoss{Probability::percent(1)},
                                         GilbertElliott{Probability::percent(1), Probability::percent(10)},
                                         BurstLoss{Probability::percent(1), 5000},
                                         MarkovLoss{Probability::percent(1), Probability::percent(10)},
                                         EveryLoss{10},
                                         ListLoss{{3, 7}},
                                         PatternLoss{"..x"}};
  static_assert(std::variant_size_v<LossModel> == 7);
  for (std::size_t i = 0; i < models.size(); ++i) {
    LinkConditions c;
    c.up.loss.model = models[i];
    EXPECT_EQ(models[i].index(), i);
    EXPECT_THAT(pointers(c), IsEmpty()) << i;
    c.up.loss.correlation = Probability::percent(25);
    if (i == 0) {
      EXPECT_THAT(pointers(c), IsEmpty());
    } else {
      EXPECT_THAT(pointers(c), ElementsAre("/up/loss/correlation")) << i;
    }
  }
}

TEST(Conditions, WhatWasExcludedIsToldInItsPlace) {
  LinkConditions c;
  c.up.delay.jitter = Duration(-1);
  c.up.loss.model = EveryLoss{3};
  c.up.duplicate.probability = {Probability::kOne + 1};
  const auto errors = validate(c, [](const std::string& place) { return place == "/up/loss"; });
  ASSERT_EQ(errors.size(), 3u);
  EXPECT_EQ(errors[1].pointer, "/up/loss");
  EXPECT_EQ(errors[1].detail,
            "random, burst, gilbert_elliott, markov, every, list and pattern exclude each other: give one of them");
}

TEST(Conditions, LossModelsHaveTheirRanges) {
  const Probability too_much{Probability::kOne + 1};
  LinkConditions c;
  c.up.loss.correlation = {Probability::kOne};
  c.down.loss.model = BurstLoss{too_much, 999};
  EXPECT_THAT(pointers(c), ElementsAre("/up/loss/correlation", "/down/loss/burst/percent", "/down/loss/burst/length"));
  c = {};
  c.up.loss.model = BurstLoss{Probability::percent(1), 0};
  c.down.loss.model = MarkovLoss{too_much, too_much, too_much, too_much, too_much};
  EXPECT_THAT(pointers(c), ElementsAre("/up/loss/burst/length", "/down/loss/markov/p13", "/down/loss/markov/p31",
                                       "/down/loss/markov/p32", "/down/loss/markov/p23", "/down/loss/markov/p14",
                                       "/down/loss/markov/p14", "/down/loss/markov/p32"));
  c = {};
  c.up.loss.model = BurstLoss{Probability::percent(75), 3000};
  EXPECT_THAT(pointers(c), IsEmpty()) << "three lost, one received";
  std::get<BurstLoss>(c.up.loss.model).loss.parts_per_billion += 1;
  EXPECT_THAT(pointers(c), ElementsAre("/up/loss/burst/percent"));
  c = {};
  c.up.loss.model = ListLoss{{0, 1}};
  c.down.loss.model = ListLoss{{2, 2}};
  EXPECT_THAT(pointers(c), ElementsAre("/up/loss/list", "/down/loss/list"));
  c = {};
  std::vector<std::uint64_t> numbers(kMaxListed + 1);
  std::iota(numbers.begin(), numbers.end(), 1);
  c.up.loss.model = ListLoss{numbers};
  c.down.loss.model = PatternLoss{std::string(kMaxPattern + 1, 'o')};
  EXPECT_THAT(pointers(c), ElementsAre("/up/loss/list", "/down/loss/pattern", "/down/loss/pattern"));
}

TEST(Conditions, ReorderNeedsExactlyOneWay) {
  LinkConditions c;
  c.up.reorder.probability = Probability::percent(5);
  EXPECT_THAT(pointers(c), ElementsAre("/up/reorder/by"));
  c.up.reorder.by_packets = 3;
  EXPECT_THAT(pointers(c), IsEmpty());
  c.up.reorder.by_time = milliseconds(10);
  EXPECT_THAT(pointers(c), ElementsAre("/up/reorder/by"));
}

TEST(Conditions, ACycleNeedsBothParts) {
  LinkConditions c;
  c.up.outage.up_for = milliseconds(1);
  c.down.outage.down_for = milliseconds(1);
  EXPECT_THAT(pointers(c), ElementsAre("/up/outage/down_for", "/down/outage/up_for"));
}

TEST(Conditions, OnlyOneQueueLimit) {
  LinkConditions c;
  c.up.queue = {1000, 10, {}};
  c.down.queue = {0, 10, milliseconds(5)};
  EXPECT_THAT(pointers(c), ElementsAre("/up/queue/limit", "/down/queue/limit"));
}

TEST(Conditions, PercentIsExact) {
  EXPECT_EQ(Probability::percent(2).parts_per_billion, 20'000'000u);
  EXPECT_EQ(Probability::percent(0.0000001).parts_per_billion, 1u);
  EXPECT_EQ(Probability::percent(100).parts_per_billion, Probability::kOne);
}

}  // namespace
