// The order of frames, and clocks that are set while a capture runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/capture/sorted_frames.h"
#include "tests/capture/conversation.h"

namespace wobble::captures {
namespace {

using daemon::CapturedFrame;
using daemon::SortedFrames;
using testing::ElementsAre;
using testing::SizeIs;

/// Milliseconds and interface of a frame; its one byte is its number.
struct At {
  std::int64_t ms;
  std::uint32_t interface = 0;
};

/// The numbers of the frames in the order in which they come out, and the steady time of each in milliseconds.
struct Sorted {
  std::vector<int> numbers;
  std::vector<std::int64_t> steady;
};

Sorted sorted(const std::vector<At>& frames) {
  const Order o;
  Bytes file = section(o) + interface(o, 101, option(o, 9, {9})) + interface(o, 101, option(o, 9, {9}));
  std::uint8_t number = 0;
  for (const At& at : frames)
    file = file + enhanced(o, at.interface, static_cast<std::uint64_t>(kBegin + at.ms * kMillisecond), Bytes{number++});
  const auto reader = reader_of(file);
  SortedFrames sorter(*reader);
  Sorted out;
  CapturedFrame frame;
  while (sorter.next(frame)) {
    out.numbers.push_back(frame.bytes[0]);
    out.steady.push_back((sorter.steady_time() - kBegin) / kMillisecond);
  }
  return out;
}

TEST(SortedFramesOf, OneInterfaceWithinTheWindow) {
  const Sorted out = sorted({{0}, {5}, {3}, {4}, {12}, {11}, {40}});
  EXPECT_THAT(out.numbers, ElementsAre(0, 2, 3, 1, 5, 4, 6));
  EXPECT_THAT(out.steady, ElementsAre(0, 3, 4, 5, 11, 12, 40));
}

TEST(SortedFramesOf, AClockThatIsSetBackGoesOn) {
  const Sorted out = sorted({{0}, {5}, {-1000}, {-993}, {-900}});
  EXPECT_THAT(out.numbers, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(out.steady, ElementsAre(0, 5, 5, 12, 105));
}

TEST(SortedFramesOf, AClockThatIsSetBackTwice) {
  const Sorted out = sorted({{0}, {-50}, {-40}, {-3'600'000}, {-3'599'990}});
  EXPECT_THAT(out.numbers, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(out.steady, ElementsAre(0, 0, 10, 10, 20));
}

TEST(SortedFramesOf, AStragglerDoesNotDelayThoseBehindIt) {
  const Sorted out = sorted({{0}, {100}, {60}, {101}, {102}, {200}});
  EXPECT_THAT(out.numbers, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(out.steady, ElementsAre(0, 100, 100, 101, 102, 200));
}

TEST(SortedFramesOf, TwoInterfacesThatAreWrittenInTurnsAreNoStep) {
  const Sorted out = sorted({{0}, {1}, {2}, {0, 1}, {1, 1}, {50}, {51}, {30, 1}, {52, 1}});
  EXPECT_EQ(out.numbers.size(), 9u);
  for (const std::int64_t at : out.steady) EXPECT_LE(at, 52);
}

TEST(SortedFramesOf, TimesAtTheEndsOfWhatCanBeWritten) {
  const Order o;
  const Bytes late = section(o) + interface(o, 101, option(o, 9, {0}) + option(o, 14, o.u64(~0ULL >> 1)));
  const Bytes early = interface(o, 101, option(o, 9, {0}) + option(o, 14, o.u64(1ULL << 63)));
  Bytes file = late + early;
  for (std::uint32_t i = 0; i < 6; ++i) file = file + enhanced(o, i % 2, i, Bytes{1});
  const auto reader = reader_of(file);
  SortedFrames sorter(*reader);
  CapturedFrame frame;
  int frames = 0;
  while (sorter.next(frame)) ++frames;
  EXPECT_EQ(frames, 6);
}

/// The k-th packet of orderly() from `step` on has its time moved by `by`.
std::vector<Captured> stepped(std::size_t step, std::int64_t by) {
  std::vector<Captured> packets = orderly();
  for (std::size_t i = step; i < packets.size(); ++i) packets[i].at += by;
  return packets;
}

TEST(ClockSteps, TearNoConnectionWhereverTheyAre) {
  for (std::size_t step = 1; step < 10; ++step) {
    for (const std::int64_t by : {-3'600'000 * kMillisecond, -1000 * kMillisecond, -20 * kMillisecond}) {
      const Analysed result = analyse(raw_pcap(stepped(step, by)));
      ASSERT_THAT(result.connections, SizeIs(1)) << step;
      EXPECT_EQ(result.story(), kOrderlyStory) << step;
      EXPECT_EQ(result.counts.clock_steps, 1u);
      const api::ConnectionRow& row = result.connections[0].row;
      EXPECT_EQ(row.client.figures.retransmissions + row.server.figures.retransmissions, 0u);
      EXPECT_EQ(row.opened_at, kBegin);
      // Each moment by the clock of then.
      EXPECT_EQ(result.connections[0].transitions.back().at, kBegin + 9 * kMillisecond + by) << step;
    }
  }
}

TEST(ClockSteps, AConnectionThatBeganAfterOneHasItsOwnTimes) {
  std::vector<Captured> packets = orderly();
  for (Captured one : orderly(Conversation(50000))) {
    one.at -= 24 * 3'600'000 * kMillisecond;
    packets.push_back(one);
  }
  const Analysed result = analyse(raw_pcap(packets));
  ASSERT_THAT(result.connections, SizeIs(2));
  EXPECT_EQ(result.connections[1].row.opened_at, kBegin - 24 * 3'600'000 * kMillisecond);
  EXPECT_EQ(result.connections[1].row.initial_rtt, Duration(2 * kMillisecond));
  EXPECT_EQ(result.story(1), kOrderlyStory);
}

}  // namespace
}  // namespace wobble::captures
