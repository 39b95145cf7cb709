// The table itself: eviction, ordinals, flow keys, stale handles, flows that are not TCP.
#include "emulator/connections/connection_table.h"

#include <set>

#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

/// Several connections on one table, told apart by their client's port.
class Crowd : public TableStory {
 public:
  explicit Crowd(std::uint32_t capacity) : TableStory(capacity) {}
  Crowd& at(std::uint16_t port) {
    client_port = port;
    return *this;
  }
  void flow(std::uint16_t port) {
    const PacketBytes packet = udp_packet(1, port, 0x101, 53);
    const FlowPosition position = table.arrive(packet.view, Side::near, now);
    table.sent(position.connection, packet.view, Side::near, Fate{}, now);
    table.delivered(position.connection, packet.view, Side::near, now, Fate{}, 0, now);
  }
  void open(std::uint16_t port) { at(port).shake_hands(); }
  void half_close(std::uint16_t port) {
    open(port);
    client("FIN,ACK 1 ack 1");
    server("ACK 1 ack 2");
  }
  void close(std::uint16_t port) {
    half_close(port);
    server("FIN,ACK 1 ack 2");
    client("ACK 2 ack 2");
  }
  std::vector<std::uint16_t> evicted() const {
    std::vector<std::uint16_t> ports;
    for (const ConnectionClosed& c : listener.closed) {
      if (c.end == End::evicted) ports.push_back(port_of(c.id));
    }
    return ports;
  }
  std::uint16_t port_of(ConnectionId id) const {
    for (const ConnectionOpened& o : listener.opened) {
      if (o.id == id) return o.client.port;
    }
    return 0;
  }
};

TEST(ConnectionTable, EvictsInTheOrderOfTheSpecification) {
  Crowd s(6);
  s.open(1);
  s.open(2);
  s.half_close(3);
  s.close(4);  // TIME_WAIT: its end is told, it only waits
  s.at(5).client("SYN 0");
  s.server("SYN,ACK 0 ack 1");
  s.at(6).client("SYN 0");
  s.wait(1s);
  // Full. Established connections push out the others, the least valuable first, then the one idle longest.
  s.open(7);
  EXPECT_EQ(s.evicted(), (std::vector<std::uint16_t>{6})) << "SYN only";
  s.open(8);
  EXPECT_EQ(s.evicted(), (std::vector<std::uint16_t>{6, 5})) << "SYN_RECEIVED";
  s.open(9);
  EXPECT_EQ(s.evicted(), (std::vector<std::uint16_t>{6, 5})) << "TIME_WAIT, silently";
  s.open(10);
  EXPECT_EQ(s.evicted(), (std::vector<std::uint16_t>{6, 5, 3})) << "half-closed";
  s.at(1).client("ACK 1 ack 1 len 1");
  s.open(11);
  EXPECT_EQ(s.evicted(), (std::vector<std::uint16_t>{6, 5, 3, 2})) << "the established one idle longest";
  EXPECT_EQ(s.table.size(), 6u);
}

TEST(ConnectionTable, HalfOpenAndFlowsGoByAge) {
  Crowd s(3);
  s.at(1).client_loses("SYN 0");
  s.wait(1s);
  s.flow(2);
  s.wait(1s);
  s.at(3).client_loses("SYN 0");
  s.wait(1s);
  s.flow(4);
  s.flow(5);
  s.flow(6);
  EXPECT_EQ(s.evicted(), (std::vector<std::uint16_t>{1, 2, 3}));
}

TEST(ConnectionTable, AFloodOfSynsLeavesWhatIsEstablished) {
  Crowd s(100);
  for (std::uint16_t port = 1; port <= 20; ++port) s.open(port);
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    s.client_host = static_cast<HostNumber>(2 + i % 50);
    s.at(static_cast<std::uint16_t>(1000 + i)).client_loses("SYN 0");
  }
  EXPECT_EQ(s.table.size(), 100u);
  for (const std::uint16_t port : s.evicted()) ASSERT_GE(port, 1000) << "an established one was evicted";
  std::uint32_t states[kTcpStateCount] = {};
  s.table.count_states(states);
  EXPECT_EQ(states[static_cast<std::size_t>(TcpState::established)], 20u);
  EXPECT_EQ(states[static_cast<std::size_t>(TcpState::syn_sent)], 80u);
}

TEST(ConnectionTable, CountsStatesByTheClient) {
  Crowd s(10);
  s.open(1);
  s.close(2);
  s.flow(3);
  std::uint32_t states[kTcpStateCount] = {};
  s.table.count_states(states);
  EXPECT_EQ(states[static_cast<std::size_t>(TcpState::established)], 1u);
  EXPECT_EQ(states[static_cast<std::size_t>(TcpState::time_wait)], 1u);
  EXPECT_EQ(s.table.size(), 3u);
  s.table.close_all(s.now);
  s.table.count_states(states);
  for (const std::uint32_t count : states) EXPECT_EQ(count, 0u);
}

TEST(ConnectionTable, OrdinalsCountPerServerEndpoint) {
  Crowd s(50);
  for (std::uint16_t i = 1; i <= 3; ++i) {
    s.server_port = 80;
    s.open(i);
    s.server_port = 443;
    s.open(static_cast<std::uint16_t>(100 + i));
  }
  std::vector<std::uint32_t> to_80, to_443;
  for (const ConnectionOpened& o : s.listener.opened) (o.server.port == 80 ? to_80 : to_443).push_back(o.ordinal);
  EXPECT_EQ(to_80, (std::vector<std::uint32_t>{1, 2, 3}));
  EXPECT_EQ(to_443, (std::vector<std::uint32_t>{1, 2, 3}));
}

// What a packet's chance hangs on must not hang on the hash's random key, on the client's port, or on other servers.
TEST(ConnectionTable, FlowKeysAreTheSameInEveryRun) {
  std::vector<std::uint64_t> keys[2];
  for (int run = 0; run < 2; ++run) {
    ConnectionTableOptions options;
    options.hash_key[0] = run == 0 ? 1 : 0xdeadbeef;
    Listener listener;
    ConnectionTable table(options, listener);
    const TimePoint now{1h};
    for (std::uint16_t i = 0; i < 20; ++i) {
      if (run == 1) table.arrive(udp_packet(9, i, 0x202, 5353).view, Side::near, now);
      const SegmentText syn = read_segment("SYN 0", i * 777u + run, 0);
      const auto port = static_cast<std::uint16_t>(run == 0 ? 30000 + i : 45000 + 3 * i);
      keys[run].push_back(table.arrive(tcp_packet(1, port, 0x101, 80, syn.segment).view, Side::near, now).flow_key);
    }
    table.close_all(now);
  }
  EXPECT_EQ(keys[0], keys[1]);
  EXPECT_EQ(std::set<std::uint64_t>(keys[0].begin(), keys[0].end()).size(), 20u);
  EXPECT_EQ(keys[0][0], 0xb878a5dd45dc9ebbu) << "part of the scheme of chance: must never change";
}

TEST(ConnectionTable, NumbersPacketsByDirection) {
  TableStory s;
  EXPECT_EQ(s.position(s.client_sends("SYN 0")).packet, 0u);
  EXPECT_EQ(s.position(s.server_sends("SYN,ACK 0 ack 1")).packet, 0u);
  EXPECT_EQ(s.position(s.client_sends("ACK 1 ack 1")).packet, 1u);
  EXPECT_EQ(s.position(s.client_sends("ACK 1 ack 1 len 5")).packet, 2u);
  EXPECT_EQ(s.position(s.server_sends("ACK 1 ack 6")).packet, 1u);
}

TEST(ConnectionTable, ANewIncarnationHasANewPositionBeforeItsFate) {
  TableStory s;
  const auto first = s.client_sends("SYN 0");
  s.new_isns(5'000'000, 1);
  const auto second = s.client_sends("SYN 0");
  EXPECT_NE(s.position(first).flow_key, s.position(second).flow_key);
  EXPECT_EQ(s.position(second).packet, 0u);
  EXPECT_EQ(s.listener.opened[1].ordinal, 2u);
}

TEST(ConnectionTable, StaleHandlesAreIgnored) {
  TableStory s;
  const auto syn = s.client_sends("SYN 0");
  s.new_isns(5'000'000, 1);
  s.client_sends("SYN 0");
  s.deliver(syn);
  EXPECT_EQ(s.listener.segments.size(), 1u) << "the last of it: from now on its handle is stale";
  const std::size_t transitions = s.listener.transitions.size();
  s.deliver(syn);
  s.lose(syn, DropReason::device);
  EXPECT_EQ(s.listener.transitions.size(), transitions);
  EXPECT_EQ(s.listener.segments.size(), 1u);
  const PacketBytes packet = udp_packet(1, 2, 3, 4);
  s.table.sent({7'000'000, 1}, packet.view, Side::near, Fate{}, s.now);
  s.table.sent({1, 0}, packet.view, Side::near, Fate{}, s.now);
}

TEST(ConnectionTable, OtherFlowsAreCountedAndForgotten) {
  Crowd s(10);
  s.flow(1111);
  s.flow(1111);
  ASSERT_EQ(s.listener.opened.size(), 1u);
  EXPECT_EQ(s.listener.opened[0].protocol, kUdp);
  EXPECT_EQ(s.listener.opened[0].server.port, 53);
  EXPECT_EQ(s.table.figures(1)->client.packets_sent, 2u);
  EXPECT_EQ(s.table.figures(1)->client.payload_bytes, 20u);
  s.wait(60s - 1ns);
  EXPECT_TRUE(s.listener.closed.empty());
  s.wait(1ns);
  s.expect_end(End::idle_timeout, ClosedBy::nobody);
  EXPECT_EQ(s.table.size(), 0u);
}

TEST(ConnectionTable, PingsAreOneServerWhateverTheirIdentifier) {
  Listener listener;
  ConnectionTable table(TableStory::options_with(10), listener);
  for (std::uint8_t id = 1; id <= 2; ++id) {
    table.arrive(PacketBytes(ip_packet(kIcmp, 1, 0x101, {8, 0, 0, 0, 0, id, 0, 1})).view, Side::near, TimePoint{1h});
  }
  ASSERT_EQ(listener.opened.size(), 2u);
  EXPECT_EQ(listener.opened[0].ordinal, 1u);
  EXPECT_EQ(listener.opened[1].ordinal, 2u);
}

TEST(ConnectionTable, FragmentsWithoutPortsHaveAPositionOfTheirOwn) {
  Listener listener;
  ConnectionTable table(TableStory::options_with(10), listener);
  const PacketBytes fragment(ip_packet(kUdp, 1, 0x101, std::vector<std::uint8_t>(64), 100));
  const FlowPosition first = table.arrive(fragment.view, Side::near, TimePoint{1h});
  const FlowPosition second = table.arrive(fragment.view, Side::near, TimePoint{1h});
  EXPECT_FALSE(first.connection);
  EXPECT_EQ(first.flow_key, second.flow_key);
  EXPECT_EQ(first.packet + 1, second.packet);
  EXPECT_EQ(table.size(), 0u);
}

TEST(ConnectionTable, CloseAllEndsEachAsOpenOnce) {
  Crowd s(10);
  s.open(1);
  s.close(2);
  s.flow(3);
  s.table.close_all(s.now);
  ASSERT_EQ(s.listener.closed.size(), 3u);
  EXPECT_EQ(s.listener.closed[0].end, End::orderly);
  EXPECT_EQ(s.listener.closed[1].end, End::open);
  EXPECT_EQ(s.listener.closed[2].end, End::open);
  EXPECT_EQ(s.table.size(), 0u);
  EXPECT_EQ(s.table.next_due(), kNever);
}

TEST(ConnectionTable, IdsStepSoThatLinksNeverShareOne) {
  ConnectionTableOptions options = TableStory::options_with(10);
  options.first_id = 7;
  options.id_step = 3;
  Listener listener;
  ConnectionTable table(options, listener);
  for (std::uint16_t port = 1; port <= 3; ++port) {
    table.arrive(udp_packet(1, port, 2, 53).view, Side::near, TimePoint{1h});
  }
  ASSERT_EQ(listener.opened.size(), 3u);
  EXPECT_EQ(listener.opened[2].id, 13u);
  EXPECT_TRUE(table.figures(10));
  EXPECT_FALSE(table.figures(8));
}

}  // namespace
