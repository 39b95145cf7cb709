// The small values: addresses, fates, histograms, buffers and the in-memory device.

#include <gmock/gmock.h>

#include <numeric>
#include <vector>

#include "emulator/device/packet_device.h"
#include "emulator/events/fate.h"
#include "emulator/packet/address.h"
#include "emulator/packet/packet_buffer.h"
#include "emulator/queue/ring.h"
#include "emulator/statistics/histogram.h"

namespace {

using namespace wobble;
using ::testing::ElementsAre;

std::vector<std::uint8_t> numbered(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{1});
  return bytes;
}

TEST(Address, TextComesBackCanonical) {
  for (const char* text :
       {"10.77.0.1", "0.0.0.0", "255.255.255.255", "fd77::1", "::", "::1", "2001:db8::8:800:200c:417a"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
  EXPECT_EQ(IpAddress::parse("FD77:0:0:0:0:0:0:1")->to_string(), "fd77::1");
  EXPECT_EQ(IpAddress::parse("::ffff:10.0.0.1"), IpAddress::parse("10.0.0.1"));
}

TEST(Address, WhatIsNoneIsRefused) {
  using namespace std::string_view_literals;
  for (const auto text : {""sv, "10.0.0"sv, "10.0.0.256"sv, "10.0.0.1 "sv, "10.0.0.1\0"sv, "fd77::1::2"sv, "lab"sv}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(Address, FamiliesAreTold) {
  const std::uint8_t four[] = {10, 77, 0, 1};
  EXPECT_TRUE(IpAddress::v4(four).is_v4());
  EXPECT_EQ(IpAddress::v4(four), *IpAddress::parse("10.77.0.1"));
  std::uint8_t sixteen[16] = {0xfd, 0x77};
  sixteen[15] = 1;
  EXPECT_FALSE(IpAddress::v6(sixteen).is_v4());
  EXPECT_EQ(IpAddress::v6(sixteen).to_string(), "fd77::1");
}

TEST(Fate, TheStrongestWordWins) {
  const TimePoint arrived{Duration(100)};
  Fate fate;
  fate.release_at[0] = arrived;
  EXPECT_STREQ(to_string(word_for(fate, arrived)), "forwarded");
  fate.release_at[0] += Duration(1);
  EXPECT_STREQ(to_string(word_for(fate, arrived)), "delayed");
  fate.reordered = true;
  EXPECT_STREQ(to_string(word_for(fate, arrived)), "reordered");
  fate.copies = 2;
  EXPECT_STREQ(to_string(word_for(fate, arrived)), "duplicated");
  fate.corrupted = true;
  EXPECT_STREQ(to_string(word_for(fate, arrived)), "corrupted");
  fate.dropped = DropReason::loss;
  EXPECT_STREQ(to_string(word_for(fate, arrived)), "dropped");
}

TEST(Fate, ReasonsAreNamed) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kDropReasonCount; ++i) names.emplace_back(to_string(static_cast<DropReason>(i)));
  EXPECT_THAT(names, ElementsAre("none", "loss", "outage", "queue", "memory", "malformed", "device", "aqm", "mtu",
                                 "idle_timeout"));
}

TEST(Histogram, SmallValuesAreExact) {
  Histogram h;
  EXPECT_EQ(h.quantile(0.5), Duration(0));
  for (int v = 1; v <= 10; ++v) h.add(Duration(v));
  EXPECT_EQ(h.count(), 10u);
  EXPECT_EQ(h.quantile(0), Duration(1));
  EXPECT_EQ(h.quantile(0.5), Duration(5));
  EXPECT_EQ(h.quantile(0.51), Duration(6));
  EXPECT_EQ(h.quantile(0.99), Duration(10));
  EXPECT_EQ(h.quantile(1), Duration(10));
  EXPECT_EQ(h.mean(), Duration(5));
  EXPECT_EQ(h.count_up_to(Duration(4)), 4u);
  EXPECT_EQ(h.count_up_to(Duration(-1)), 0u);
}

TEST(Histogram, QuantilesAreWithinOneStep) {
  Histogram h;
  for (std::int64_t v = 1; v <= 100'000; ++v) h.add(Duration(v * 1000));
  for (const double q : {0.001, 0.25, 0.5, 0.9, 0.99, 0.999}) {
    const double asked = q * 1e8;
    const auto found = static_cast<double>(h.quantile(q).count());
    EXPECT_GE(found, asked) << q;
    EXPECT_LE(found, asked * 1.0625 + 1000) << q;
  }
  EXPECT_EQ(h.quantile(1), Duration(100'000'000));
  EXPECT_EQ(h.count_up_to(h.max()), 100'000u);
}

TEST(Histogram, BeyondTheLastBucketTheMaximumIsKept) {
  Histogram h;
  h.add(std::chrono::hours(1000));
  h.add(Duration(-5));
  EXPECT_EQ(h.max(), std::chrono::hours(1000));
  EXPECT_EQ(h.quantile(1), std::chrono::hours(1000));
  EXPECT_EQ(h.quantile(0.5), Duration(0));
}

TEST(BufferPool, BuffersHoldTheirBytes) {
  BufferPool pool(1 << 20);
  for (const std::size_t size : {1u, 256u, 257u, 1500u, 9216u, 65535u}) {
    const auto bytes = numbered(size);
    const PacketBuffer buffer = pool.copy_of(bytes);
    ASSERT_TRUE(buffer);
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), buffer.bytes().begin(), buffer.bytes().end()));
    EXPECT_GE(pool.bytes_in_use(), size);
  }
  EXPECT_EQ(pool.bytes_in_use(), 0u);
  EXPECT_FALSE(pool.copy_of({}));
  EXPECT_FALSE(pool.copy_of(numbered(BufferPool::kLargest + 1)));
}

TEST(BufferPool, TheBoundHoldsAndWhatComesBackIsUsedAgain) {
  BufferPool pool(2 * (1536 + BufferPool::kQueueCost));
  const auto full = numbered(1500);
  std::vector<PacketBuffer> held;
  held.push_back(pool.copy_of(full));
  held.push_back(pool.copy_of(full));
  ASSERT_TRUE(held[0] && held[1]);
  EXPECT_EQ(pool.bytes_in_use(), pool.limit());
  EXPECT_FALSE(pool.copy_of(numbered(1)));
  held.pop_back();
  EXPECT_TRUE(pool.copy_of(full));
  // Kept blocks of another class make room: nine small ones fit where the two large ones were.
  held.clear();
  for (int i = 0; i < 9; ++i) held.push_back(pool.copy_of(numbered(100)));
  for (const auto& buffer : held) EXPECT_TRUE(buffer);
  EXPECT_EQ(pool.bytes_allocated(), 9 * (128 + BufferPool::kQueueCost));
  EXPECT_FALSE(pool.copy_of(numbered(1)));
}

TEST(BufferPool, ABufferMoves) {
  BufferPool pool(1 << 16);
  PacketBuffer a = pool.copy_of(numbered(10));
  PacketBuffer b = std::move(a);
  EXPECT_FALSE(a);  // NOLINT(bugprone-use-after-move): a moved-from buffer is empty, as promised
  EXPECT_EQ(b.bytes().size(), 10u);
  b = pool.copy_of(numbered(20));
  EXPECT_EQ(pool.bytes_in_use(), 128 + BufferPool::kQueueCost);
  b = PacketBuffer();
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(MemoryDevice, CarriesWholePackets) {
  MemoryDevice device;
  device.to_read = {{numbered(3), {}}, {numbered(10), {}}, {numbered(10), {}, {7, 8}}};
  std::vector<std::uint8_t> buffer(4);
  ReadPacket read;
  ASSERT_EQ(device.read(buffer, read), ReadResult::packet);
  EXPECT_EQ(read.length, 3u);
  ASSERT_EQ(device.read(buffer, read), ReadResult::packet);
  EXPECT_EQ(read.length, 4u) << "cut to the buffer";
  ASSERT_EQ(device.read(buffer, read), ReadResult::packet);
  EXPECT_EQ(read.prefix, 2u);
  EXPECT_EQ(read.length, 2u) << "cut to the buffer, the prefix included";
  EXPECT_EQ(device.read(buffer, read), ReadResult::nothing);
  EXPECT_TRUE(device.write(numbered(5), {}, {}));
  ASSERT_EQ(device.written.size(), 1u);
  EXPECT_EQ(device.written[0].bytes, numbered(5));
  EXPECT_EQ(device.descriptor(), -1);
}

TEST(Ring, KeepsOrderWhileItGrowsAndWraps) {
  Ring<int> ring;
  int in = 0, out = 0;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < round % 37; ++i) ring.push(in++);
    for (int i = 0; i < round % 31 && !ring.empty(); ++i) ASSERT_EQ(ring.pop(), out++);
    ASSERT_EQ(ring.size(), static_cast<std::size_t>(in - out));
    if (!ring.empty()) {
      ASSERT_EQ(ring.front(), out);
      ASSERT_EQ(ring.back(), in - 1);
    }
  }
}

}  // namespace
