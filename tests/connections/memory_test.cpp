// What connections cost in memory, all included: as what this process has grown by when a table of 65,536 is full of
// them. A build of its own, plain wherever the others are sanitized: a sanitizer's own memory would be counted.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

constexpr std::uint32_t kConnections = 65'536;

/// Counts, keeps nothing.
class Deaf : public ConnectionObserver {
 public:
  void on(const ConnectionOpened&) noexcept override { ++opened; }
  void on(const Transition&) noexcept override { ++transitions; }
  void on(const ConnectionClosed&) noexcept override { ++closed; }
  void on(const SegmentRecord&) noexcept override {}
  std::uint32_t opened = 0;
  std::uint32_t transitions = 0;
  std::uint32_t closed = 0;
};

// Pages of this process that are in memory, in bytes (proc(5)).
std::size_t resident() {
  std::size_t all = 0, in_memory = 0;
  std::ifstream("/proc/self/statm") >> all >> in_memory;
  return in_memory * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// One segment of a life that every connection leads. "c ACK 1 ack 1": the client sends it; "s!": the server does, and
/// we drop it.
struct Step {
  PacketBytes packet;
  Side side;
  bool is_lost;
};

std::vector<Step> read_life(const std::string& text) {
  std::vector<Step> life;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line, ';');) {
    line.erase(0, line.find_first_not_of(' '));
    const Side side = line[0] == 'c' ? Side::near : Side::far;
    const SegmentText segment = read_segment(line.substr(line.find(' ') + 1), 0, 0);
    const HostNumber from = side == Side::near ? 1 : 0x101, to = side == Side::near ? 0x101 : 1;
    life.push_back({tcp_packet(from, 80, to, 80, segment.segment, segment.options), side, line[1] == '!'});
  }
  return life;
}

class FullTable {
 public:
  FullTable() : table_(options(), observer) {}

  /// Bytes that one connection costs that has led this life, if there are as many as there can be.
  double cost_of(const std::string& life) {
    const std::vector<Step> steps = read_life(life);
    const std::size_t before = resident();
    for (std::uint32_t port = 0; port < kConnections; ++port) {
      for (const Step& step : steps) pass(step, static_cast<std::uint16_t>(port));
    }
    EXPECT_EQ(table_.size(), kConnections);
    return static_cast<double>(resident() - before) / kConnections;
  }
  ConnectionFigures figures_of_last() const { return table_.figures(kConnections).value(); }

 private:
  static ConnectionTableOptions options() {
    ConnectionTableOptions options = TableStory::options_with(kConnections);
    options.flood_rate = 0;
    return options;
  }
  void pass(const Step& step, std::uint16_t client_port) {
    PacketView view = step.packet.view;
    (step.side == Side::near ? view.source_port : view.destination_port) = client_port;
    now_ += 10ms;
    Fate fate;
    fate.release_at[0] = now_;
    if (step.is_lost) fate.dropped = fate.lost[0] = DropReason::loss;
    const FlowPosition position = table_.arrive(view, step.side, now_);
    table_.sent(position.connection, view, step.side, fate, now_);
    if (!step.is_lost) table_.delivered(position.connection, view, step.side, now_, fate, 0, now_);
  }

 public:
  Deaf observer;

 private:
  ConnectionTable table_;
  TimePoint now_{1h};
};

void expect_cost(const char* what, double bytes, double bound) {
  std::printf("measured: %.0f bytes for each of %u connections: %s\n", bytes, kConnections, what);
  EXPECT_LE(bytes, bound) << what << ", all included";
}

constexpr const char* kOpening = "c SYN 0; s SYN,ACK 0 ack 1; c ACK 1 ack 1";

// A segment that we lose, what comes behind it, what the receiver says of that, and the segment again: as many of the
// client's as of the server's. Every list is empty again in the end.
constexpr const char* kLossOfClients =
    "; c! ACK 1 ack 1 len 100; c ACK 101 ack 1 len 100; s ACK 1 ack 1; s ACK 1 ack 1; c ACK 1 ack 1 len 100; "
    "s ACK 1 ack 201";
constexpr const char* kLossOfServers =
    "; s! ACK 1 ack 201 len 100; s ACK 101 ack 201 len 100; c ACK 201 ack 1; c ACK 201 ack 1; "
    "s ACK 1 ack 201 len 100; c ACK 201 ack 201";
// Overtaken before us; and a window that closes and opens.
constexpr const char* kGapAndClosedWindow =
    "; c ACK 301 ack 1 len 100; s ACK 1 ack 201; c ACK 201 ack 1 len 100; s ACK 1 ack 401 win 0; s ACK 1 ack 401";
// No stack sends it.
constexpr const char* kOddSegment = "; c PSH 201";
// Behind losses in both directions, or in that of the client.
constexpr const char* kFinsBehindBoth = "; c FIN,ACK 201 ack 201; s FIN,ACK 201 ack 202; c ACK 202 ack 202";
constexpr const char* kFinsBehindClients = "; c FIN,ACK 401 ack 1; s FIN,ACK 1 ack 402; c ACK 402 ack 2";

void expect_loss(const EndpointFigures& sender, const EndpointFigures& receiver) {
  EXPECT_EQ(sender.dropped, 1u);
  EXPECT_EQ(sender.retransmissions_by_us, 1u);
  EXPECT_GE(receiver.dup_acks, 2u);
}

TEST(Memory, OfAQuietConnection) {
  FullTable table;
  expect_cost("without trouble", table.cost_of(kOpening), 512);
}

TEST(Memory, OfAConnectionWithLossInBothDirectionsAndBothFins) {
  FullTable table;
  expect_cost("with loss in both directions, closed",
              table.cost_of(std::string(kOpening) + kLossOfClients + kLossOfServers + kFinsBehindBoth), 512);
  EXPECT_EQ(table.observer.closed, kConnections);
  const ConnectionFigures figures = table.figures_of_last();
  expect_loss(figures.client, figures.server);
  expect_loss(figures.server, figures.client);
}

TEST(Memory, OfAConnectionWithLossInBothDirectionsAndEveryTroubleInOne) {
  FullTable table;
  const std::string life = std::string(kOpening) + kLossOfClients + kGapAndClosedWindow;
  const std::string loss_of_servers =
      "; s! ACK 1 ack 401 len 100; s ACK 101 ack 401 len 100; c ACK 401 ack 1; c ACK 401 ack 1; "
      "s ACK 1 ack 401 len 100; c ACK 401 ack 201";
  expect_cost("with loss in both directions, a gap and a closed window in one", table.cost_of(life + loss_of_servers),
              512);
  const ConnectionFigures figures = table.figures_of_last();
  expect_loss(figures.client, figures.server);
  expect_loss(figures.server, figures.client);
  EXPECT_EQ(figures.client.gaps, 1u);
}

TEST(Memory, OfAConnectionWithAnOddSegmentBesideLoss) {
  FullTable table;
  expect_cost("with loss in one direction and a segment with impossible flags",
              table.cost_of(std::string(kOpening) + kLossOfClients + kOddSegment), 512);
  EXPECT_EQ(table.figures_of_last().tcp.invalid_flags, 1u);
}

TEST(Memory, OfAConnectionWithEveryTroubleInOneDirectionAndBothFins) {
  FullTable table;
  expect_cost("with loss, a gap and a closed window in one direction, closed",
              table.cost_of(std::string(kOpening) + kLossOfClients + kGapAndClosedWindow + kFinsBehindClients), 512);
  EXPECT_EQ(table.observer.closed, kConnections);
  const ConnectionFigures figures = table.figures_of_last();
  expect_loss(figures.client, figures.server);
  EXPECT_EQ(figures.client.gaps, 1u);
  EXPECT_EQ(figures.client.out_of_order, 1u);
  EXPECT_EQ(figures.server.zero_windows, 1u);
  EXPECT_EQ(figures.server.zero_window_time, 10ms);
}

TEST(Memory, OfAHalfOpenConnection) {
  constexpr std::uint32_t kSources = 256;
  ConnectionTableOptions options = TableStory::options_with(kConnections);
  options.flood_rate = 0;
  Deaf observer;
  ConnectionTable table(options, observer);
  TimePoint now{1h};
  const auto open = [&](std::uint32_t i) {
    const PacketBytes syn =
        tcp_packet(static_cast<HostNumber>(0x200 + i % kSources), static_cast<std::uint16_t>(1024 + i / kSources),
                   0x101, 80, read_segment("SYN 0", i, 0).segment);
    now += 1us;
    Fate fate;
    fate.release_at[0] = now;
    const FlowPosition position = table.arrive(syn.view, Side::near, now);
    table.sent(position.connection, syn.view, Side::near, fate, now);
    table.delivered(position.connection, syn.view, Side::near, now, fate, 0, now);
  };
  open(0);  // what the first one of a table costs besides
  const std::size_t before = resident();
  for (std::uint32_t i = 1; i < kConnections; ++i) open(i);
  const double each = static_cast<double>(resident() - before) / kConnections;
  EXPECT_EQ(table.size(), kConnections);
  EXPECT_EQ(observer.opened, kConnections) << "each is told, as any other";
  EXPECT_EQ(observer.transitions, kConnections);
  expect_cost("half-open", each, 128);
}

}  // namespace
