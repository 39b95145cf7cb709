// RFC 4737 as it is measured on delivery, against the definition taken word by word.

#include <gtest/gtest.h>

#include <algorithm>

#include "emulator/chance/random.h"
#include "emulator/statistics/reordering_meter.h"

namespace {

using namespace wobble;

struct Expected {
  bool is_reordered;
  std::uint64_t extent;
};

/// RFC 4737 3.3 and 4.2.1: reordered if its number is below one that has left; by the distance to the earliest such.
std::vector<Expected> by_definition(const std::vector<std::uint64_t>& departures) {
  std::vector<Expected> out;
  for (std::size_t i = 0; i < departures.size(); ++i) {
    std::size_t j = 0;
    while (departures[j] <= departures[i] && j < i) ++j;
    out.push_back({j < i, i - j});
  }
  return out;
}

void expect_as_defined(const std::vector<std::uint64_t>& departures) {
  ReorderingMeter meter;
  const auto expected = by_definition(departures);
  for (std::size_t i = 0; i < departures.size(); ++i) {
    const auto departure = meter.depart(departures[i]);
    ASSERT_EQ(departure.is_reordered, expected[i].is_reordered) << i;
    ASSERT_EQ(departure.extent, expected[i].extent) << i;
  }
}

TEST(Reordering, OfPacketsInOrderThereIsNone) {
  ReorderingMeter meter;
  ReorderingCounters counters;
  for (std::uint64_t i = 0; i < 1000; ++i) count(counters, meter.depart(i + i / 7));  // some were lost
  EXPECT_EQ(counters.packets, 1000u);
  EXPECT_EQ(counters.reordered, 0u);
}

TEST(Reordering, TheExamplesOfTheRfc) {
  // RFC 4737 4.2.2's table: 4 arrives behind 5, 6, 7 and 8 and is late by 4.
  expect_as_defined({1, 2, 3, 5, 6, 7, 8, 4, 9, 10});
  ReorderingMeter meter;
  ReorderingCounters counters;
  for (const std::uint64_t s : {1, 2, 3, 5, 6, 7, 8, 4, 9, 10}) count(counters, meter.depart(s));
  EXPECT_EQ(counters.reordered, 1u);
  EXPECT_EQ(counters.extent_sum, 4u);
  EXPECT_EQ(counters.extent_max, 4u);
  expect_as_defined({1, 2, 4, 3, 5, 6, 8, 7, 9});
  expect_as_defined({1, 7, 2, 3, 4, 5, 6, 8});
  expect_as_defined({0, 9, 8, 7, 6, 5, 4, 3, 2, 1});
}

TEST(Reordering, AnyOrderIsMeasuredAsDefined) {
  const RandomStream numbers(1);
  std::uint64_t k = 0;
  for (std::uint64_t round = 0; round < 200; ++round) {
    const std::uint64_t reach = 1 + numbers.at(k++) % 40;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> by_time;
    for (std::uint64_t i = 0; i < 500; ++i) by_time.emplace_back(i + numbers.at(k++) % reach, i);
    std::sort(by_time.begin(), by_time.end());
    std::vector<std::uint64_t> departures;
    for (const auto& [at, sequence] : by_time) {
      if (numbers.at(k++) % 10 != 0) departures.push_back(sequence);
    }
    expect_as_defined(departures);
  }
}

TEST(Reordering, BeyondItsMemoryTheExtentIsAtLeastWhatItRemembers) {
  ReorderingMeter meter;
  std::uint64_t sequence = 1;
  for (std::uint64_t i = 0; i < 3 * ReorderingMeter::kRuns; ++i) meter.depart(sequence += 2);
  const auto departure = meter.depart(0);
  EXPECT_TRUE(departure.is_reordered);
  EXPECT_EQ(departure.extent, ReorderingMeter::kRuns);
}

}  // namespace
