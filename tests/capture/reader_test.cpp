// pcap and pcapng, each byte order, resolution and block; gzip; and what is damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/capture/capture_files.h"

namespace wobble::captures {
namespace {

using daemon::CaptureError;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const Bytes kFrame = {0x45, 1, 2, 3, 4};

struct PcapKind {
  const char* name;
  bool big;
  std::uint32_t magic;
  std::int64_t unit;
};
class Pcap : public testing::TestWithParam<PcapKind> {};

TEST_P(Pcap, FramesWithTheirTimesAndLengths) {
  const Order o{GetParam().big};
  const Bytes file = pcap_header(o, GetParam().magic, 101) + pcap_frame(o, 1'700'000'000, 123'456, kFrame, 60) +
                     pcap_frame(o, 1'700'000'001, 7, {});
  const Contents contents = contents_of(file);
  EXPECT_EQ(contents.error, "");
  EXPECT_THAT(contents.frames,
              ElementsAre(Frame{1'700'000'000'000'000'000 + 123'456 * GetParam().unit, 0, 60, kFrame, ""},
                          Frame{1'700'000'001'000'000'000 + 7 * GetParam().unit, 0, 0, {}, ""}));
}
INSTANTIATE_TEST_SUITE_P(Kinds, Pcap,
                         testing::Values(PcapKind{"little_us", false, 0xa1b2c3d4, 1000},
                                         PcapKind{"big_us", true, 0xa1b2c3d4, 1000},
                                         PcapKind{"little_ns", false, 0xa1b23c4d, 1},
                                         PcapKind{"big_ns", true, 0xa1b23c4d, 1}),
                         [](const auto& kind) { return std::string(kind.param.name); });

TEST(PcapFile, FrameCheckBitsBesideTheLinkTypeAreNotPartOfIt) {
  const Order o;
  EXPECT_EQ(reader_of(pcap_header(o, 0xa1b2c3d4, 0x24000001))->interfaces().at(0).link_type, 1);
}

TEST(PcapFile, DamageIsNamedWithItsOffsetBehindWhatCouldBeRead) {
  const Order o;
  const Bytes head = pcap_header(o, 0xa1b2c3d4, 101) + pcap_frame(o, 1, 0, kFrame);  // 24 + 16 + 5
  Bytes cut = head + pcap_frame(o, 2, 0, kFrame);
  cut.pop_back();
  EXPECT_EQ(contents_of(cut).error, "a frame is cut off @61");
  EXPECT_THAT(contents_of(cut).frames, SizeIs(1));
  EXPECT_EQ(contents_of(head + Bytes(9, 0)).error, "a frame's header is cut off @45");
  EXPECT_EQ(contents_of(head + o.u64(0) + o.u32(0x7fffffff) + o.u32(60)).error,
            "a frame says that it has 2147483647 bytes @45");
}

TEST(PcapFile, WhatIsNoCaptureIsRefused) {
  EXPECT_EQ(contents_of({}).error, "it is empty @0");
  EXPECT_EQ(contents_of(text("GET / HTTP/1.1")).error,
            "it is no capture: pcap or pcapng is expected, plain or in gzip @0");
  EXPECT_EQ(contents_of({0xd4, 0xc3, 0xb2, 0xa1, 2}).error, "the file header is cut off @4");
}

class Pcapng : public testing::TestWithParam<bool> {
 protected:
  Order o{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(ByteOrders, Pcapng, testing::Bool(),
                         [](const auto& big) { return std::string(big.param ? "big" : "little"); });

TEST_P(Pcapng, EachInterfaceHasItsOwnClock) {
  const auto ns = option(o, 9, {9});
  const auto binary = option(o, 9, {0x80 | 10});  // 1/1024 s
  const auto late = option(o, 9, {6}) + option(o, 14, o.u64(static_cast<std::uint64_t>(-100)));
  const auto fine = option(o, 9, {12});
  const Bytes file = section(o) + interface(o, 101) + interface(o, 101, ns) + interface(o, 101, binary) +
                     interface(o, 101, late) + interface(o, 101, fine) + enhanced(o, 0, 5'000'001, kFrame) +
                     enhanced(o, 1, 1'700'000'000'123'456'789, kFrame) + enhanced(o, 2, 1024 + 512, kFrame) +
                     enhanced(o, 3, 200'000'000, kFrame) + enhanced(o, 4, 1'999, kFrame);
  std::vector<std::int64_t> times;
  const Contents contents = contents_of(file);
  for (const Frame& frame : contents.frames) times.push_back(frame.at);
  EXPECT_EQ(contents.error, "");
  EXPECT_THAT(times, ElementsAre(5'000'001'000, 1'700'000'000'123'456'789, 1'500'000'000, 100'000'000'000, 1));
}

TEST_P(Pcapng, AllThreePacketBlocksAndWhatStandsBetween) {
  const Bytes old =
      block(o, 2, o.u16(0) + o.u16(3) + o.u32(0) + o.u32(9'000'000) + o.u32(5) + o.u32(70) + padded(kFrame));
  const Bytes simple = block(o, 3, o.u32(90) + padded(kFrame));
  const Bytes unknown = block(o, 0x0bad, Bytes(2000, 7));
  const Bytes file = section(o) + interface(o, 101, option(o, 2, text("eth0")), 5) + unknown + old + unknown + simple +
                     enhanced(o, 0, 10'000'000, kFrame, option(o, 1, text("hello")) + o.u32(0), 80) +
                     block(o, 5, Bytes(8));
  const Contents contents = contents_of(file);
  EXPECT_EQ(contents.error, "");
  EXPECT_THAT(contents.frames, ElementsAre(Frame{9'000'000'000, 0, 70, kFrame, ""},  //
                                           Frame{9'000'000'000, 0, 90, kFrame, ""},  // the last known time
                                           Frame{10'000'000'000, 0, 80, kFrame, "hello"}));
}

TEST_P(Pcapng, BlocksThatAreNotPadded) {
  const Bytes odd = {1, 2, 3, 4, 5};
  const Bytes body = o.u32(0) + o.u32(0) + o.u32(7) + o.u32(odd.size()) + o.u32(odd.size()) + odd;
  const Bytes not_at_all = o.u32(6) + o.u32(body.size() + 12) + body + o.u32(body.size() + 12);
  const Bytes but_in_its_length = o.u32(6) + o.u32(body.size() + 12) + body + Bytes(3, 0) + o.u32(body.size() + 12);
  const Bytes unknown = o.u32(0x0bad) + o.u32(15) + Bytes(3, 9) + o.u32(15);
  const Bytes comment = option(o, 1, text("hello"));
  const Bytes with_option = block(o, 6, body + comment);
  const Contents contents = contents_of(section(o) + interface(o, 101) + not_at_all + but_in_its_length + unknown +
                                        with_option + enhanced(o, 0, 9, odd));
  EXPECT_EQ(contents.error, "");
  EXPECT_THAT(contents.frames, ElementsAre(Frame{7000, 0, 5, odd, ""}, Frame{7000, 0, 5, odd, ""},
                                           Frame{7000, 0, 5, odd, "hello"}, Frame{9000, 0, 5, odd, ""}));
}

TEST_P(Pcapng, ASectionMayFollowInTheOtherByteOrder) {
  const Order other{!o.big};
  const Bytes file = section(o) + interface(o, 101) + interface(o, 1) + enhanced(o, 1, 1, kFrame) + section(other) +
                     interface(other, 113) + enhanced(other, 0, 2, kFrame);
  const auto reader = reader_of(file);
  daemon::CapturedFrame frame;
  ASSERT_TRUE(reader->next(frame));
  EXPECT_EQ(reader->interfaces()[frame.interface].link_type, 1);
  ASSERT_TRUE(reader->next(frame));
  EXPECT_EQ(reader->interfaces()[frame.interface].link_type, 113);
  EXPECT_EQ(frame.at, 2000);
  EXPECT_FALSE(reader->next(frame));
}

TEST_P(Pcapng, Damage) {
  const Bytes head = section(o) + interface(o, 101) + enhanced(o, 0, 1, kFrame);
  const auto error_of = [&](const Bytes& more) {
    const Contents contents = contents_of(head + more);
    EXPECT_THAT(contents.frames, SizeIs(1));
    return contents.error;
  };
  const std::string at = " @" + std::to_string(head.size());
  EXPECT_EQ(error_of(enhanced(o, 9, 1, kFrame)), "a packet is of interface 9, which is not described" + at);
  EXPECT_EQ(error_of(o.u32(6) + o.u32(11)), "a block says that it has 11 bytes" + at);
  EXPECT_EQ(error_of(o.u32(6) + o.u32(0)), "a block says that it has 0 bytes" + at);
  EXPECT_EQ(error_of(o.u32(6) + o.u32(0x70000000)), "a block says that it has 1879048192 bytes" + at);
  EXPECT_EQ(error_of(Bytes{1, 2, 3}), "a block is cut off" + at);
  Bytes lying = enhanced(o, 0, 1, kFrame);
  lying[lying.size() - (o.big ? 1 : 4)] ^= 1;
  EXPECT_EQ(error_of(lying), "a block's two lengths differ" + at);
  EXPECT_EQ(error_of(block(o, 6, o.u64(0) + o.u32(0) + o.u32(50) + o.u32(50) + padded(kFrame))),
            "a packet is longer than its block" + at);
  EXPECT_EQ(error_of(block(o, 0x0a0d0d0a, o.u32(0x99) + Bytes(12, 0))),
            "a section header has no byte-order magic" + at);
}

/// A file that goes when the test ends.
class GzipFile : public testing::Test {
 protected:
  ~GzipFile() override { std::filesystem::remove(path_); }
  void write(const Bytes& bytes) {
    const gzFile file = gzopen(path_.c_str(), "wb");
    ASSERT_EQ(gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size())), static_cast<int>(bytes.size()));
    gzclose(file);
  }
  std::string path_ = testing::TempDir() + "wobble-capture-" + std::to_string(::getpid()) + ".gz";
};

TEST_F(GzipFile, IsReadAsWhatItHolds) {
  const Order o;
  Bytes file = pcap_header(o, 0xa1b2c3d4, 101);
  for (std::uint32_t i = 0; i < 5000; ++i) file = file + pcap_frame(o, i, 0, Bytes(i % 97, 5));
  write(file);
  const auto reader = daemon::read_capture(daemon::open_source(path_));
  daemon::CapturedFrame frame;
  std::uint32_t frames = 0;
  while (reader->next(frame)) {
    ASSERT_EQ(frame.at, std::int64_t{frames} * 1'000'000'000);
    ASSERT_EQ(frame.bytes.size(), frames % 97);
    ++frames;
  }
  EXPECT_EQ(frames, 5000u);
}

TEST_F(GzipFile, CutOffIsDamageBehindWhatWasThere) {
  const Order o;
  Bytes file = pcap_header(o, 0xa1b2c3d4, 101);
  std::uint32_t noise = 1;
  for (std::uint32_t i = 0; i < 200; ++i) {
    Bytes frame;
    for (int b = 0; b < 500; ++b)
      frame.push_back(static_cast<std::uint8_t>((noise = noise * 1664525 + 1013904223) >> 24));
    file = file + pcap_frame(o, i, 0, frame);
  }
  write(file);
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  const auto reader = daemon::read_capture(daemon::open_source(path_));
  daemon::CapturedFrame frame;
  std::uint32_t frames = 0;
  try {
    while (reader->next(frame)) ++frames;
    FAIL() << "no error";
  } catch (const CaptureError& error) {
    EXPECT_THAT(std::string(error.what()),
                testing::AnyOf("the gzip stream is damaged: it is cut off", "a frame is cut off"));
  }
  EXPECT_GT(frames, 50u);
  EXPECT_LT(frames, 150u);
}

TEST_F(GzipFile, ThatDoesNotFitItsChecksumSaysSoBehindAllThatItHolds) {
  const Order o;
  write(pcap_header(o, 0xa1b2c3d4, 101) + pcap_frame(o, 1, 2, Bytes(40, 5)));
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-8, std::ios::end).write("\0\0\0\0", 4);
  file.close();
  const auto reader = daemon::read_capture(daemon::open_source(path_));
  daemon::CapturedFrame frame;
  EXPECT_TRUE(reader->next(frame));
  try {
    reader->next(frame);
    FAIL() << "no error";
  } catch (const CaptureError& error) {
    EXPECT_STREQ(error.what(), "the gzip stream is damaged: incorrect data check");
    EXPECT_EQ(error.offset, 24u + 16 + 40);
  }
}

TEST_F(GzipFile, OfSeveralMembersWithSomethingBehindThem) {
  const Order o;
  write(pcap_header(o, 0xa1b2c3d4, 101) + pcap_frame(o, 1, 2, Bytes(40, 5)));
  std::ifstream first(path_, std::ios::binary);
  const std::string one{std::istreambuf_iterator<char>(first), {}};
  write(pcap_frame(o, 2, 2, Bytes(50, 5)));
  std::ifstream second(path_, std::ios::binary);
  const std::string two{std::istreambuf_iterator<char>(second), {}};
  std::ofstream(path_, std::ios::binary) << one << two << std::string(10, '\0');
  const auto reader = daemon::read_capture(daemon::open_source(path_));
  daemon::CapturedFrame frame;
  EXPECT_TRUE(reader->next(frame));
  EXPECT_TRUE(reader->next(frame));
  EXPECT_FALSE(reader->next(frame));
}

TEST(OtherPackings, AreNamed) {
  const auto error_of = [](const Bytes& bytes) -> std::string {
    try {
      daemon::unpacked(std::make_unique<daemon::MemorySource>(bytes));
    } catch (const CaptureError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(error_of({0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0}), testing::HasSubstr("zstd -dc FILE | wobble analyze -"));
  EXPECT_THAT(error_of({0x04, 0x22, 0x4d, 0x18, 0, 0, 0}), testing::HasSubstr("packed with lz4"));
  EXPECT_THAT(error_of({0xfd, '7', 'z', 'X', 'Z', 0, 0}), testing::HasSubstr("packed with xz"));
  EXPECT_THAT(error_of({'B', 'Z', 'h', '9'}), testing::HasSubstr("packed with bzip2"));
  EXPECT_EQ(error_of({0xd4, 0xc3, 0xb2, 0xa1}), "");
  EXPECT_EQ(error_of({}), "");
}

}  // namespace
}  // namespace wobble::captures
