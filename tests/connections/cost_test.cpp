// What a connection's parts cost in memory (memory_test.cpp measures the whole) and a packet in time. Memory is held to
// its bound; the time is printed, and only held to being not hopeless.
#include <gtest/gtest.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <vector>

#include "emulator/connections/record_lifecycle.h"
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

/// Counts, keeps nothing.
class Deaf : public ConnectionObserver {
 public:
  void on(const ConnectionOpened&) noexcept override { ++events; }
  void on(const Transition&) noexcept override { ++events; }
  void on(const ConnectionClosed&) noexcept override { ++events; }
  void on(const SegmentRecord&) noexcept override { ++events; }
  std::uint64_t events = 0;
};

// Of this thread, so that the machine's other work does not count.
double cpu_nanoseconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

TEST(Cost, OfARecord) {
  std::printf(
      "record %zu bytes, of which an endpoint %zu; with its timer, its place among the idle and in the index: %zu\n",
      sizeof(Record), sizeof(TcpEndpoint), kBytesPerRecord);
  std::printf("losses in one direction: %zu bytes; what is rarer: %zu, and %zu; a FIN or RST: %zu\n",
              sizeof(DataTroubles), sizeof(DataRarities), sizeof(DataOddities), ClosePool::kBytesPerClose);
}

class Traffic {
 public:
  explicit Traffic(std::uint32_t capacity) : table(TableStory::options_with(capacity), observer) {}

  void pass(const PacketBytes& packet, Side side) {
    now += 1us;
    fate.release_at[0] = now;
    const FlowPosition position = table.arrive(packet.view, side, now);
    table.sent(position.connection, packet.view, side, fate, now);
    table.delivered(position.connection, packet.view, side, now, fate, 0, now);
    ++packets;
  }
  void open(std::uint16_t port) {
    pass(tcp_packet(1, port, 0x101, 80, read_segment("SYN 0", 0, 0).segment), Side::near);
    pass(tcp_packet(0x101, 80, 1, port, read_segment("SYN,ACK 0 ack 1", 0, 0).segment), Side::far);
    pass(tcp_packet(1, port, 0x101, 80, read_segment("ACK 1 ack 1", 0, 0).segment), Side::near);
  }

  Deaf observer;
  ConnectionTable table;
  TimePoint now{1h};
  Fate fate;
  std::uint64_t packets = 0;
};

double nanoseconds_per_packet(Traffic& traffic, int connections, int rounds) {
  std::vector<PacketBytes> data, acks;
  for (int i = 0; i < connections; ++i) {
    const auto port = static_cast<std::uint16_t>(i);
    traffic.open(port);
    data.push_back(tcp_packet(0x101, 80, 1, port, read_segment("ACK 1 ack 1 len 1000", 0, 0).segment));
    acks.push_back(tcp_packet(1, port, 0x101, 80, read_segment("ACK 1 ack 1001", 0, 0).segment));
  }
  const std::uint64_t before = traffic.packets;
  const double start = cpu_nanoseconds();
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < data.size(); ++i) {
      traffic.pass(data[i], Side::far);
      traffic.pass(acks[i], Side::near);
    }
  }
  return (cpu_nanoseconds() - start) / static_cast<double>(traffic.packets - before);
}

TEST(Cost, OfAPacket) {
  Traffic few(65'536), many(65'536);
  const double one = nanoseconds_per_packet(few, 10, 20'000);
  const double crowd = nanoseconds_per_packet(many, 20'000, 5);
  std::printf("arrive + sent + delivered: %.0f ns a packet with 10 connections, %.0f with 20,000\n", one, crowd);
  EXPECT_LT(one, 20'000);
  EXPECT_LT(crowd, 50'000);
}

TEST(Cost, OfASynFlood) {
  Traffic flood(65'536);
  const PacketBytes syn = tcp_packet(1, 1, 0x101, 80, read_segment("SYN 0", 0, 0).segment);
  std::vector<std::uint8_t> bytes = syn.bytes;
  constexpr int kSyns = 200'000;
  const double start = cpu_nanoseconds();
  for (int i = 0; i < kSyns; ++i) {
    bytes[13] = static_cast<std::uint8_t>(i >> 16);
    bytes[14] = static_cast<std::uint8_t>(i >> 8);
    bytes[15] = static_cast<std::uint8_t>(i);
    PacketView view;
    ASSERT_EQ(parse_packet(bytes, view), ParseError::none);
    const FlowPosition position = flood.table.arrive(view, Side::near, flood.now += 50us);
    flood.table.sent(position.connection, view, Side::near, flood.fate, flood.now);
  }
  std::printf("a SYN that opens a record, and evicts one: %.0f ns\n", (cpu_nanoseconds() - start) / kSyns);
  EXPECT_EQ(flood.table.size(), 65'536u);
}

}  // namespace
