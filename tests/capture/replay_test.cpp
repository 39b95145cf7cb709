// Captures through the engine in virtual time.
#include "daemon/capture/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "emulator/packet/packet_checksum.h"
#include "tests/capture/conversation.h"

namespace wobble::captures {
namespace {

using namespace std::chrono_literals;
using daemon::ReplayCounts;
using daemon::ReplayFormat;
using daemon::ReplayOptions;
using testing::SizeIs;

struct Replayed {
  Bytes file;
  ReplayCounts counts;
};
Replayed replayed(const Bytes& in, const ReplayOptions& options) {
  Replayed out;
  out.counts = daemon::replay(*reader_of(in), options, [&](std::string_view bytes) {
    for (const char c : bytes) out.file.push_back(static_cast<std::uint8_t>(c));
  });
  return out;
}

/// 300 connections that overlap.
Bytes busy() {
  std::vector<Captured> packets;
  for (std::uint16_t i = 0; i < 300; ++i) {
    for (Captured one : orderly(Conversation(static_cast<std::uint16_t>(20000 + i)))) {
      one.at += i * kMillisecond / 3;
      packets.push_back(one);
    }
  }
  std::stable_sort(packets.begin(), packets.end(), [](const Captured& a, const Captured& b) { return a.at < b.at; });
  return raw_pcap(packets);
}

TEST(Replay, NothingAskedChangesNothing) {
  const Replayed result = replayed(raw_pcap(orderly()), {});
  EXPECT_EQ(result.file, raw_pcap(orderly()));
  EXPECT_EQ(result.counts.up.packets_in, 6u);
  EXPECT_EQ(result.counts.down.packets_in, 4u);
}

TEST(Replay, AHostThatSpeaksWithItselfIsOnBothSides) {
  std::vector<Captured> packets = orderly();
  for (Captured& one : packets) {
    for (const std::size_t at : {12u, 16u}) std::ranges::copy(Bytes{127, 0, 0, 1}, one.packet.begin() + at);
    one.packet = packets::with_checksum(one.packet);
    write_ipv4_header_checksum(one.packet);
  }
  const Replayed result = replayed(raw_pcap(packets), {});
  EXPECT_EQ(result.counts.one_sided, 0u);
  EXPECT_EQ(result.counts.up.packets_in, 6u) << "of the higher port";
  EXPECT_EQ(result.counts.down.packets_in, 4u);
}

TEST(Replay, ADelayMovesEachDirectionByItself) {
  ReplayOptions options;
  options.conditions.up.delay.time = 80ms;
  const Replayed result = replayed(raw_pcap(orderly()), options);
  const Contents contents = contents_of(result.file);
  ASSERT_THAT(contents.frames, SizeIs(10));
  std::int64_t last = 0;
  for (const Frame& frame : contents.frames) {
    EXPECT_GE(frame.at, last);
    last = frame.at;
    const bool is_up = frame.bytes[14] == 0;
    for (const Captured& one : orderly()) {
      if (one.packet != frame.bytes) continue;
      EXPECT_EQ(frame.at - kBegin - one.at, is_up ? 80'000'000 : 0);
    }
  }
}

TEST(Replay, WhatWasCutOffCountsWithItsWholeLength) {
  ReplayOptions options;
  options.conditions.up.rate = 8'000;  // a byte each millisecond
  const Replayed result = replayed(raw_pcap(orderly(), 40), options);
  const Contents contents = contents_of(result.file);
  ASSERT_THAT(contents.frames, SizeIs(10));
  EXPECT_EQ(contents.frames.back().at - kBegin, 250 * kMillisecond);  // 5 * 40 + 50 bytes
}

TEST(Replay, TheSameBytesEverywhere) {
  ReplayOptions options;
  options.seed = 7;
  options.conditions.up.delay = {20ms, 5ms, Distribution::normal};
  options.conditions.up.loss.model = RandomLoss{Probability::percent(5)};
  options.conditions.up.duplicate.probability = Probability::percent(2);
  options.conditions.up.corrupt.probability = Probability::percent(1);
  options.conditions.down = options.conditions.up;
  options.conditions.down.rate = 2'000'000;
  const Replayed result = replayed(busy(), options);
  EXPECT_EQ(result.counts.admitted, 3000u);
  EXPECT_EQ(replayed(busy(), options).file, result.file);

  const std::string path = testing::TempDir() + "wobble-replay-" + std::to_string(::getpid());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(result.file.data()), static_cast<std::streamsize>(result.file.size()));
  std::array<char, 65> digest{};
  std::FILE* pipe = ::popen(("sha256sum " + path).c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  EXPECT_EQ(std::fread(digest.data(), 1, 64, pipe), 64u);
  ::pclose(pipe);
  std::filesystem::remove(path);
  EXPECT_STREQ(digest.data(), "b513adbacc972a5414f579ccc32a27ddbb58fc335b2803b392365466ebb02391");
}

TEST(Replay, ASeedOfItsOwnGivesOtherFates) {
  ReplayOptions options;
  options.conditions.up.loss.model = RandomLoss{Probability::percent(20)};
  const std::uint64_t first = replayed(busy(), options).counts.left;
  options.seed = 2;
  EXPECT_NE(replayed(busy(), options).counts.left, first);
}

TEST(Replay, AsACaptureOfOursIsAnalysedWithItsFates) {
  ReplayOptions options;
  options.format = ReplayFormat::pcapng;
  options.conditions.up.loss.model = RandomLoss{Probability::percent(30)};
  options.conditions.down.delay.time = 10ms;
  const Replayed result = replayed(busy(), options);
  const Analysed analysed = analyse(result.file);
  ASSERT_THAT(analysed.connections, SizeIs(300));
  std::uint64_t dropped = 0;
  for (const auto& connection : analysed.connections) {
    dropped += connection.row.client.figures.dropped;
    EXPECT_EQ(connection.row.link, "replay");
    EXPECT_EQ(connection.row.client_side, Side::near);
  }
  EXPECT_EQ(dropped, result.counts.up.dropped[static_cast<std::size_t>(DropReason::loss)]);
  EXPECT_GT(dropped, 300u);
}

TEST(Replay, WhoIsNearCanBeSaid) {
  ReplayOptions options;
  options.near = daemon::AddressPrefix::parse("10.77.1.0/24");
  EXPECT_EQ(replayed(raw_pcap(orderly()), options).counts.up.packets_in, 4u);
  options.near = daemon::AddressPrefix::parse("10.0.0.0/8");  // both
  EXPECT_EQ(replayed(raw_pcap(orderly()), options).counts.left_out, 10u);
}

TEST(AddressPrefixOf, Text) {
  using daemon::AddressPrefix;
  const auto holds = [](const char* prefix, const char* address) {
    return AddressPrefix::parse(prefix)->holds(*IpAddress::parse(address));
  };
  EXPECT_TRUE(holds("10.77.0.0/16", "10.77.255.1"));
  EXPECT_FALSE(holds("10.77.0.0/16", "10.78.0.1"));
  EXPECT_TRUE(holds("10.77.0.1", "10.77.0.1"));
  EXPECT_FALSE(holds("10.77.0.1", "10.77.0.2"));
  EXPECT_TRUE(holds("fd00::/7", "fcff::1"));
  EXPECT_FALSE(holds("fd00::/8", "fc00::1"));
  EXPECT_TRUE(holds("0.0.0.0/0", "1.2.3.4"));
  EXPECT_FALSE(holds("0.0.0.0/0", "fd00::1"));
  for (const char* wrong : {"", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "10.0.0.0/", "10.0.0.0/8x", "x"}) {
    EXPECT_EQ(AddressPrefix::parse(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace wobble::captures
