// The small parts below the table: hash, ranges, wheel, counters, marks.
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <random>
#include <set>

#include "emulator/connections/flow_counters.h"
#include "emulator/connections/flow_key.h"
#include "emulator/connections/tcp/mark_list.h"
#include "emulator/connections/tcp/sequence_ranges.h"
#include "emulator/connections/tcp/tcp_troubles.h"
#include "emulator/connections/timer_wheel.h"

namespace {

using namespace wobble;
using namespace std::chrono_literals;

// Vectors of the SipHash paper's reference implementation: key 00 01 .. 0f, input 00 01 .. of 8 and 16 bytes.
TEST(SipHash, IsTheOneOfThePaper) {
  const HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  const std::uint64_t words[] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  EXPECT_EQ(siphash(key, {words, 1}), 0x93f5f5799a932462u);
  EXPECT_EQ(siphash(key, {words, 2}), 0x3f2acc7f57c29bdbu);
}

TEST(Sequence, ComparesAcrossTheWrap) {
  EXPECT_TRUE(is_before(0xffffffff, 0));
  EXPECT_TRUE(is_after(5, 0xfffffff0));
  EXPECT_TRUE(is_within(0, 0xffffffff, 1));
  EXPECT_FALSE(is_within(2, 0xffffffff, 1));
  EXPECT_EQ(later_of(0xffffffff, 3), 3u);
  EXPECT_EQ(earlier_of(0xffffffff, 3), 0xffffffffu);
}

TEST(SequenceRanges, JoinAndForget) {
  RangePool pool(100);
  RangeList list;
  const SequenceNumber base = 0xfffffff0;
  pool.add(list, base + 20, base + 30);
  pool.add(list, base, base + 10);
  pool.add(list, base + 40, base + 50);
  EXPECT_EQ(list.count, 3u);
  pool.add(list, base + 10, base + 20);
  EXPECT_EQ(list.count, 2u);
  EXPECT_TRUE(pool.has_end_at(list, base + 30));
  EXPECT_FALSE(pool.has_end_at(list, base + 20));
  EXPECT_EQ(pool.absorb(list, base), base + 30);
  EXPECT_EQ(list.count, 1u);
  EXPECT_FALSE(pool.remove(list, base + 30, base + 40));
  EXPECT_TRUE(pool.remove(list, base + 42, base + 44)) << "from the middle";
  EXPECT_EQ(list.count, 2u);
  pool.forget_below(list, base + 45);
  EXPECT_FALSE(pool.remove(list, base + 40, base + 45));
  EXPECT_TRUE(pool.remove(list, base + 40, base + 46));
  pool.release(list);
  EXPECT_EQ(pool.taken(), 0u);
}

// Against a set of single numbers.
TEST(SequenceRanges, AreTheSetTheyStandFor) {
  std::mt19937 random(1);
  RangePool pool(1000);
  RangeList list;
  std::set<std::uint32_t> model;
  for (int i = 0; i < 20'000; ++i) {
    const auto begin = static_cast<std::uint32_t>(random() % 200);
    const auto end = begin + 1 + static_cast<std::uint32_t>(random() % 12);
    if (random() % 2 == 0) {
      pool.add(list, begin, end);
      for (std::uint32_t n = begin; n < end; ++n) model.insert(n);
    } else {
      bool had = false;
      for (std::uint32_t n = begin; n < end; ++n) had |= model.erase(n) > 0;
      ASSERT_EQ(pool.remove(list, begin, end), had) << "step " << i;
    }
    ASSERT_EQ(pool.taken(), list.count);
  }
}

TEST(SequenceRanges, AreBounded) {
  RangePool pool(10);
  RangeList list;
  for (std::uint32_t i = 0; i < 100; ++i) pool.add(list, 10 * i, 10 * i + 5);
  EXPECT_EQ(pool.taken(), 10u);
  pool.release(list);
  EXPECT_EQ(pool.taken(), 0u);
}

TEST(FlowCounters, CountAndForgetTheOldest) {
  FlowCounters counters(3);
  EXPECT_EQ(counters.next(1), 1u);
  EXPECT_EQ(counters.next(2), 1u);
  EXPECT_EQ(counters.next(1), 2u);
  EXPECT_EQ(counters.next(3), 1u);
  EXPECT_EQ(counters.next(4), 1u);  // 2 was not asked for longest
  EXPECT_TRUE(counters.knows(1));
  EXPECT_FALSE(counters.knows(2));
  EXPECT_EQ(counters.next(1), 3u);
  EXPECT_EQ(counters.next(2), 1u);
}

// Each kind for itself, also beyond the 16 bits that most have room for.
TEST(Troubles, AreCountedHoweverMany) {
  TroublePool pool(1);
  RangePool ranges(10);
  TroublesIndex one = 0, other = 0;
  EXPECT_EQ(pool.count_of(one, Trouble::dropped), 0u);
  for (std::uint32_t kind = 0; kind < kTroubles; ++kind) {
    for (std::uint32_t n = 1; n <= 140'000 + kind; ++n) ASSERT_EQ(pool.count(one, static_cast<Trouble>(kind)), n);
  }
  EXPECT_EQ(pool.count(other, Trouble::dropped), 1u);
  for (std::uint32_t kind = 0; kind < kTroubles; ++kind) {
    EXPECT_EQ(pool.count_of(one, static_cast<Trouble>(kind)), 140'000 + kind);
  }
  ranges.add(pool.need_lists(one).out_of_order, 0, 1);
  ranges.add(pool.need_lists(one).dropped, 0, 1);
  ranges.add(pool.need_lists(one).holes, 0, 1);
  pool.release(one, ranges);
  pool.release(other, ranges);
  EXPECT_EQ(pool.taken(), 0u);
  EXPECT_EQ(ranges.taken(), 0u);
  EXPECT_EQ(pool.count(one, Trouble::gap), 1u) << "nothing is left of the block's last owner";
  EXPECT_EQ(pool.count_of(one, Trouble::dropped), 0u);
  EXPECT_EQ(pool.count_of(one, Trouble::invalid_flags), 0u);
}

TEST(Troubles, CountsAreTakenBackAsTheyWereCounted) {
  TroublePool pool(1);
  TroublesIndex one = 0;
  pool.take_back(one, Trouble::fast);
  EXPECT_EQ(pool.count_of(one, Trouble::fast), 0u);
  for (int i = 0; i < 65'537; ++i) pool.count(one, Trouble::fast);
  for (std::uint32_t left = 65'536; left >= 65'534; --left) {
    pool.take_back(one, Trouble::fast);
    EXPECT_EQ(pool.count_of(one, Trouble::fast), left);
  }
}

TEST(Troubles, ListsAreKeptAsLongAsSomethingIsInThem) {
  TroublePool pool(1);
  RangePool ranges(10);
  TroublesIndex one = 0;
  pool.tidy_lists(one);
  RangeList& dropped = pool.need_lists(one).dropped;
  ranges.add(dropped, 0, 10);
  const std::size_t with = pool.taken();
  pool.tidy_lists(one);
  EXPECT_EQ(pool.taken(), with);
  ranges.forget_below(dropped, 10);
  pool.tidy_lists(one);
  EXPECT_EQ(pool.taken(), sizeof(DataTroubles));
  EXPECT_EQ(pool.known_lists(one).dropped.count, 0u);
}

// Each by itself, newest first, with its tag; at most so many.
TEST(Ranges, OfAKindOfTheirOwnAreTakenOutOneByOne) {
  RangePool pool(10);
  RangeList list;
  for (std::uint8_t i = 0; i < 5; ++i) pool.append(list, 100u * i, 100u * i + 100, i, 4);
  const auto tag_within = [&](SequenceNumber begin, SequenceNumber end) {
    const auto taken = pool.take_within(list, begin, end);
    return taken ? static_cast<int>(taken->tag) : -1;
  };
  EXPECT_TRUE(pool.has_within(list, 200, 400, 1)) << "the third or the fourth has that bit";
  EXPECT_FALSE(pool.has_within(list, 200, 300, 1));
  EXPECT_EQ(tag_within(0, 100), -1) << "the oldest gave way to the fifth";
  EXPECT_EQ(tag_within(100, 199), -1);
  EXPECT_EQ(tag_within(200, 400), 3);
  EXPECT_EQ(tag_within(200, 400), 2);
  EXPECT_EQ(tag_within(200, 400), -1);
  pool.append(list, 100, 200, 7, 4);
  EXPECT_EQ(tag_within(100, 200), 7) << "of two of the same the later";
  EXPECT_EQ(tag_within(400, 500), 4);
  EXPECT_EQ(tag_within(100, 200), 1);
  EXPECT_EQ(pool.taken(), 0u);
  EXPECT_EQ(list.last, 0u);
}

// Beyond what was announced nothing is kept, and nothing of others is touched.
TEST(Troubles, AreBounded) {
  TroublePool pool(1);
  std::array<TroublesIndex, 4> many{};
  for (TroublesIndex& index : many) pool.count(index, Trouble::invalid_flags);
  EXPECT_EQ(pool.count_of(many[0], Trouble::invalid_flags), 1u);
  EXPECT_EQ(pool.count_of(many[1], Trouble::invalid_flags), 1u);
  EXPECT_EQ(many[2], 0u);
  EXPECT_EQ(pool.count_of(many[2], Trouble::invalid_flags), 0u);
}

TEST(Marks, AreTakenOncePerCopy) {
  MarkPool pool(10);
  MarkList list;
  const TimePoint t{1s};
  pool.add(list, t, 100, 2, {true, false});
  pool.add(list, t, 200, 1, {false, true});
  EXPECT_FALSE(pool.take(list, t, 300).retransmission);
  EXPECT_TRUE(pool.take(list, t, 200).notable);
  EXPECT_TRUE(pool.take(list, t, 100).retransmission);
  EXPECT_TRUE(pool.take(list, t, 100).retransmission);
  EXPECT_FALSE(pool.take(list, t, 100).retransmission);
  EXPECT_EQ(pool.taken(), 0u);
  for (std::uint32_t i = 0; i < 100; ++i) pool.add(list, t, i, 1, {});
  EXPECT_EQ(pool.taken(), 10u);
  pool.release(list);
  EXPECT_EQ(pool.taken(), 0u);
}

// Against a map: nothing early, nothing late, whatever is moved or cancelled, and however time leaps.
TEST(TimerWheel, FiresEachDeadlineOnceAndExactly) {
  std::mt19937_64 random(7);
  constexpr std::uint32_t kCount = 300;
  TimerWheel wheel(kCount);
  std::map<std::uint32_t, TimePoint> model;
  TimePoint now{5h};
  const auto random_span = [&] { return Duration(static_cast<std::int64_t>(random() >> (12 + random() % 40))); };
  for (int i = 0; i < 60'000; ++i) {
    const auto index = static_cast<std::uint32_t>(1 + random() % kCount);
    const std::uint64_t what = random() % 10;
    if (what < 6) {
      const TimePoint deadline = now + random_span();
      const bool is_later = model.count(index) > 0 && deadline >= model[index];
      if (!is_later || random() % 2 == 0) wheel.set(index, deadline, now);  // what moves later need not be told
      model[index] = deadline;
    } else if (what < 7) {
      wheel.cancel(index);
      model.erase(index);
    } else {
      now += random_span();
    }
    TimePoint earliest = kNever;
    for (const auto& [key, deadline] : model) earliest = std::min(earliest, deadline);
    ASSERT_LE(wheel.next_due(), std::max(earliest, now)) << "too late, step " << i;
    if (wheel.next_due() > now) continue;
    std::uint32_t budget = static_cast<std::uint32_t>(random() % 2 == 0 ? 1'000'000 : 3);
    const bool is_whole = budget > 3;
    while (const std::uint32_t due = wheel.pop_due(now, budget, [&](std::uint32_t which) { return model.at(which); })) {
      ASSERT_TRUE(model.count(due)) << "fired twice, or cancelled";
      ASSERT_LE(model[due], now) << "early";
      model.erase(due);
    }
    if (!is_whole) continue;
    for (const auto& [key, deadline] : model) ASSERT_GT(deadline, now) << "forgotten, step " << i;
    ASSERT_GT(wheel.next_due(), now) << "would spin";
  }
}

}  // namespace
