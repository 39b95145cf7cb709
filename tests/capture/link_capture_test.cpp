// Our own captures: the notes beside the packets, the ring, and that an analysis of them tells what was told live.
#include "daemon/capture/link_capture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "daemon/capture/pcap_writer.h"
#include "tests/capture/live_run.h"
#include "tests/emulator/super_packets.h"

namespace wobble::captures {
namespace {

using namespace std::chrono_literals;
using namespace tcp_flag;
using daemon::CaptureNote;
using daemon::CaptureTap;
using testing::HasSubstr;
using testing::SizeIs;

CaptureNote arrival(std::uint64_t number, const Fate& fate) {
  CaptureNote note;
  note.number = number;
  note.fate = fate;
  return note;
}

TEST(CaptureNotes, AreReadBackExactly) {
  Fate delayed;
  delayed.release_at[0] = TimePoint(80ms + 1ns);
  EXPECT_EQ(print_note(arrival(17, delayed)), "packet 17 arrived: delayed; copy 0 leaves after 80.000001 ms");
  Fate dropped;
  dropped.dropped = dropped.lost[0] = DropReason::loss;
  EXPECT_EQ(print_note(arrival(18, dropped)), "packet 18 arrived: dropped; copy 0 dropped (loss)");
  Fate both;
  both.copies = 2;
  both.reordered = both.corrupted = true;
  both.release_at[0] = TimePoint(1h);
  both.lost[1] = DropReason::queue;
  CaptureNote left = arrival(20, both);
  left.kind = CaptureNote::Kind::left;
  left.copy = 1;
  left.fate.release_at[1] = TimePoint(123ms);
  left.word = FateWord::corrupted;
  left.after = 123'456'789ns;
  CaptureNote lost = left;
  lost.kind = CaptureNote::Kind::lost;
  lost.reason = DropReason::outage;
  Fate waiting;
  waiting.release_at[0] = kNever;
  EXPECT_EQ(print_note(arrival(3, waiting)), "packet 3 arrived: delayed; copy 0 waits its turn");
  CaptureNote damaged = arrival(4, delayed);
  damaged.has_bad_checksum = true;
  EXPECT_EQ(print_note(damaged), "packet 4 arrived: delayed, bad checksum; copy 0 leaves after 80.000001 ms");
  for (const CaptureNote& note :
       {arrival(3, waiting), damaged, arrival(17, delayed), arrival(18, dropped), arrival(~0ULL, both), left, lost}) {
    const std::string text = print_note(note);
    const auto read = daemon::parse_note(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(print_note(*read), text);
    EXPECT_EQ(read->fate.corrupted, note.fate.corrupted) << text;
    EXPECT_EQ(read->fate.reordered, note.fate.reordered) << text;
    EXPECT_EQ(read->after, note.after);
    EXPECT_EQ(read->has_bad_checksum, note.has_bad_checksum) << text;
    for (std::size_t cut = 0; cut < text.size(); ++cut) {
      const auto part = daemon::parse_note(text.substr(0, cut));  // a whole one, without its second copy
      EXPECT_TRUE(!part || text[cut] == ';') << text.substr(0, cut);
    }
  }
}

// As mergecap makes it, or cat.
TEST(LinkCapture, IsAnalysedBehindAnotherCaptureToo) {
  LiveRun run;
  for (const Captured& one : orderly()) {
    run.admit(one.packet, {}, one.packet[14] == 0 ? Side::near : Side::far);
    run.move_to(run.now + 100ms);
  }
  run.finish();
  const Order o;
  const Bytes query = packets::with_checksum(packets::ipv4(kUdp, packets::udp(5353, 53, Bytes(20, 'd'))));
  const Bytes other = section(o) + interface(o, 101) + enhanced(o, 0, kBegin / 1000 - 1, query);
  const Analysed result = analyse(other + Bytes(run.file.begin(), run.file.end()), daemon::Checksums::ignore);
  EXPECT_EQ(result.counts.unreadable, 0u);
  ASSERT_THAT(result.connections, SizeIs(2));
  ASSERT_THAT(run.told, SizeIs(1));
  EXPECT_EQ(result.connections[1].transitions.size(), run.told[0].transitions.size());
  EXPECT_EQ(result.connections[1].row.link, "lab");
}

TEST(LinkCapture, ItsAnalysisTellsWhatTheLinkTold) {
  LiveRun run;
  std::vector<std::vector<Captured>> conversations;
  for (std::uint16_t i = 0; i < 60; ++i) {
    conversations.push_back(orderly(Conversation(static_cast<std::uint16_t>(30000 + i))));
    if (i % 7 == 3) conversations.back().resize(5);
    if (i % 5 == 4 && conversations.back().size() > 6) {
      Conversation c(static_cast<std::uint16_t>(30000 + i));
      conversations.back()[6].packet = c.client(kRst | kAck, 111, 511);
    }
  }
  std::vector<std::size_t> next(conversations.size(), 0);
  for (int step = 0; step < 1500; ++step) {
    run.move_to(run.now + Duration(run.random() % 3'000'000));
    if (step % 20 == 0) {
      const auto super = super_packets::make(run.random, step % 40 == 0, true, 5000, 1000);
      run.admit(super.bytes, super.offload, run.random() % 2 == 0 ? Side::near : Side::far);
      continue;
    }
    const std::size_t which = run.random() % conversations.size();
    if (next[which] > 0 && run.random() % 6 == 0) --next[which];  // once more
    if (run.random() % 10 == 0) ++next[which];                    // lost before the link
    if (next[which] >= conversations[which].size()) continue;
    Bytes packet = conversations[which][next[which]++].packet;
    const Side side = packet[14] == 0 ? Side::near : Side::far;
    if (run.random() % 10 == 0) {
      Bytes damaged = packet;
      damaged[33] ^= tcp_flag::kFin;
      run.admit(damaged, {}, side);
    }
    run.admit(packet, {}, side);
  }
  run.admit({1, 2, 3}, {}, Side::near);  // malformed
  run.finish();
  EXPECT_EQ(run.tap->missed(), 0u);

  const Analysed offline = analyse(Bytes(run.file.begin(), run.file.end()));
  EXPECT_EQ(offline.error, "");
  EXPECT_EQ(offline.counts.from_before, 0u);
  EXPECT_EQ(offline.counts.unreadable, 1u);
  ASSERT_GT(run.told.size(), 40u);
  std::size_t transitions = 0, gaps = 0, damaged = 0;
  for (const auto& connection : run.told) {
    transitions += connection.transitions.size();
    gaps += connection.row.client.figures.gaps + connection.row.server.figures.gaps;
    damaged += connection.row.tcp.bad_checksum;
  }
  EXPECT_GT(transitions, 200u);
  EXPECT_GT(gaps, 10u);
  EXPECT_GT(damaged, 20u);
  const LinkStats stats = run.link.stats(run.now);
  EXPECT_EQ(offline.counts.bad_checksums, stats.up.total.bad_checksum + stats.down.total.bad_checksum);
  EXPECT_EQ(lines_of(offline.connections), lines_of(run.told));
}

TEST(LinkCapture, ASuperPacketStandsThereAsItsSegments) {
  LiveRun run;
  run.link.reset(run.now);
  std::mt19937_64 random(1);
  const auto super = super_packets::make(random, false, true, 4500, 1000);
  run.admit(super.bytes, super.offload, Side::near);
  run.finish();
  const auto wire = super_packets::cut(super);
  const Contents contents = contents_of(Bytes(run.file.begin(), run.file.end()));
  ASSERT_THAT(contents.frames, SizeIs(2 * wire.size()));
  for (std::size_t i = 0; i < wire.size(); ++i) {
    EXPECT_EQ(contents.frames[i].bytes, wire[i]) << i;
    EXPECT_EQ(contents.frames[i].interface, 0u);
    EXPECT_EQ(contents.frames[wire.size() + i].bytes, wire[i]) << i;
    EXPECT_EQ(contents.frames[wire.size() + i].interface, 1u);
    EXPECT_THAT(contents.frames[i].comment, HasSubstr("packet " + std::to_string(i) + " arrived: "));
  }
}

TEST(CaptureTapRing, WhatFindsNoRoomIsCountedAndToldWhereItIsMissing) {
  CaptureTap tap(api::CaptureOptions{}, 4096);
  const Bytes packet = packets::ipv4(kUdp, packets::udp(1, 2, Bytes(500, 'x')));
  SuperPacket super;
  ASSERT_EQ(SuperPacket::parse(packet, {}, super), ParseError::none);
  const auto arrive = [&](std::uint64_t number) {
    tap.arrived({packet, &super, 0, number, Side::near}, {}, TimePoint{});
  };
  for (std::uint64_t i = 0; i < 10; ++i) arrive(i);
  EXPECT_GT(tap.missed(), 3u);
  CaptureTap::Sight sight;
  std::uint64_t seen = 0;
  while (tap.next(sight)) {
    EXPECT_EQ(sight.note.number, seen++);
    EXPECT_EQ(sight.missed, 0u);
    EXPECT_EQ(Bytes(sight.bytes.begin(), sight.bytes.end()), packet);
  }
  EXPECT_EQ(seen + tap.missed(), 10u);
  arrive(10);
  ASSERT_TRUE(tap.next(sight));
  EXPECT_EQ(sight.note.number, 10u);
  EXPECT_EQ(sight.missed, tap.missed());
}

TEST(CaptureTapRing, KeepsOnlyWhatWasAskedFor) {
  api::CaptureOptions options;
  options.snap_length = 40;
  options.port = 2;
  CaptureTap tap(options);
  CaptureTap::Sight sight;
  for (const std::uint16_t port : {std::uint16_t{2}, std::uint16_t{3}}) {
    const Bytes packet = packets::ipv4(kUdp, packets::udp(1, port, Bytes(500, 'x')));
    SuperPacket super;
    SuperPacket::parse(packet, {}, super);
    tap.arrived({packet, &super, 0, port, Side::far}, {}, TimePoint{});
  }
  ASSERT_TRUE(tap.next(sight));
  EXPECT_EQ(sight.bytes.size(), 40u);
  EXPECT_EQ(sight.original_length, 528u);
  EXPECT_EQ(sight.lane, daemon::CaptureLane::far);
  EXPECT_FALSE(tap.next(sight));
}

TEST(LinkCaptureStream, EndsByItselfAndDetachesOnce) {
  int detached = 0;
  api::CaptureOptions options;
  options.packets = 2;
  const auto tap = std::make_shared<CaptureTap>(options);
  std::string out;
  {
    daemon::LinkCapture capture(
        "lab", options, tap, [](TimePoint at) { return at.time_since_epoch().count(); }, [&] { ++detached; });
    const Bytes packet = packets::ipv4(kUdp, packets::udp(1, 2));
    SuperPacket super;
    SuperPacket::parse(packet, {}, super);
    for (std::uint64_t i = 0; i < 5; ++i) tap->arrived({packet, &super, 0, i, Side::near}, {}, TimePoint(1s));
    while (capture.read(out, 10ms)) {
    }
    EXPECT_EQ(detached, 1);
  }
  EXPECT_EQ(detached, 1);
  const Contents contents = contents_of(Bytes(out.begin(), out.end()));
  EXPECT_EQ(contents.error, "");
  EXPECT_THAT(contents.frames, SizeIs(2));
}

// Ahead and back: the analysis has the times of then, and all spans of time as they were.
TEST(LinkCaptureStream, AClockThatWasSetBeginsASectionThatSaysSo) {
  for (const Duration by : {Duration(-1h), Duration(24h)}) {
    std::string out;
    LiveRun run;
    const auto tap = std::make_shared<CaptureTap>(api::CaptureOptions{});
    run.link.add_tap(tap);
    run.link.reset(run.now);
    TimePoint set_at = TimePoint::max();
    const auto wall = [&](TimePoint at) { return LiveRun::kClock.wall_time(at) + (at < set_at ? 0 : by.count()); };
    daemon::LinkCapture capture("lab", {}, tap, wall, [] {});
    std::size_t number = 0;
    for (const Captured& one : orderly()) {
      run.move_to(run.now + 30ms);
      if (++number == 6) set_at = run.now;
      run.admit(one.packet, {}, one.packet[14] == 0 ? Side::near : Side::far);
      run.move_to(run.now + 1ms);
      capture.read(out, 1ms);
    }
    run.finish();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(capture.read(out, 1ms));
    const Analysed offline = analyse(Bytes(out.begin(), out.end()));
    EXPECT_EQ(offline.error, "");
    ASSERT_THAT(offline.connections, SizeIs(1));
    ASSERT_THAT(run.told, SizeIs(1));
    const auto& told = run.told[0].transitions;
    const auto& read = offline.connections[0].transitions;
    ASSERT_EQ(read.size(), told.size());
    for (std::size_t i = 0; i < told.size(); ++i) {
      const bool is_after = told[i].at >= LiveRun::kClock.wall_time(set_at);
      EXPECT_EQ(read[i].at, told[i].at + (is_after ? by.count() : 0)) << i;
    }
    EXPECT_EQ(offline.connections[0].row.initial_rtt, run.told[0].row.initial_rtt);
  }
}

TEST(LinkCapture, ABadChecksumOnArrivalIsSaidAndConcludesNothing) {
  LiveRun run;
  run.link.reset(run.now);
  std::size_t number = 0;
  for (const Captured& one : orderly()) {
    run.move_to(run.now + 10ms);
    Bytes packet = one.packet;
    const Side side = packet[14] == 0 ? Side::near : Side::far;
    if (++number == 7) {  // before the true FIN one that is damaged
      packet.back() ^= 0x40;
      packet[36] ^= 0x40;
      run.admit(packet, {}, side);
      packet = one.packet;
    }
    run.admit(packet, {}, side);
  }
  run.finish();
  EXPECT_NE(run.file.find("packet 6 arrived: forwarded, bad checksum; copy 0 leaves"), std::string::npos);
  const Analysed offline = analyse(Bytes(run.file.begin(), run.file.end()));
  EXPECT_EQ(offline.counts.bad_checksums, 1u);
  EXPECT_EQ(offline.counts.packets, 11u);
  EXPECT_EQ(offline.counts.from_before, 0u);
  EXPECT_EQ(offline.story(), kOrderlyStory);
  EXPECT_EQ(offline.connections.at(0).row.client.figures.packets_sent, 6u);
}

TEST(LinkCaptureStream, EndsWithItsLinkAndHasAllThatThatSaw) {
  const auto tap = std::make_shared<CaptureTap>(api::CaptureOptions{});
  std::string out;
  {
    LiveRun run;
    run.link.add_tap(tap);
    run.link.reset(run.now);
    run.link.admit(packets::ipv4(kUdp, packets::udp(1, 2)), Side::near, run.now);
    EXPECT_FALSE(tap->has_ended());
  }
  EXPECT_TRUE(tap->has_ended());
  daemon::LinkCapture capture(
      "lab", {}, tap, [](TimePoint at) { return at.time_since_epoch().count(); }, [] {});
  while (capture.read(out, 10ms)) {
  }
  EXPECT_THAT(contents_of(Bytes(out.begin(), out.end())).frames, SizeIs(1));
}

}  // namespace
}  // namespace wobble::captures
