// One TCP connection told step by step to a whole ConnectionTable, with everything the table says written down. When an
// expectation fails, the whole story so far is printed in English.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "emulator/connections/connection_table.h"
#include "tests/connections/segment_text.h"

namespace wobble::testing {

using namespace std::chrono_literals;

/// Keeps what the table tells.
class Listener : public ConnectionObserver {
 public:
  void on(const ConnectionOpened& e) noexcept override { opened.push_back(e); }
  void on(const Transition& e) noexcept override { transitions.push_back(e); }
  void on(const ConnectionClosed& e) noexcept override { closed.push_back(e); }
  void on(const SegmentRecord& e) noexcept override { segments.push_back(e); }
  void on_reopened(const ConnectionReopened& e) noexcept override { reopened.push_back(e); }
  void on_late(const LateFigures& e) noexcept override { late.push_back(e); }
  void on_flood(const HalfOpenFlood& e) noexcept override { floods.push_back(e); }

  /// "SYN_SENT ESTABLISHED ...": the states one endpoint of a connection went through.
  std::string history(ConnectionId id, Role side) const {
    std::string result;
    for (const Transition& t : transitions) {
      if (t.id != id || t.side != side) continue;
      if (!result.empty()) result += ' ';
      result += to_string(t.to);
    }
    return result;
  }

  std::vector<ConnectionOpened> opened;
  std::vector<Transition> transitions;
  std::vector<ConnectionClosed> closed;
  std::vector<ConnectionReopened> reopened;
  std::vector<LateFigures> late;
  std::vector<SegmentRecord> segments;
  std::vector<HalfOpenFlood> floods;
};

/// What the emulator does to a segment.
struct Treatment {
  Duration delay = 10ms;
  bool drop = false;
  bool duplicate = false;
  bool corrupt = false;
};

class TableStory {
 public:
  static ConnectionTableOptions options_with(std::uint32_t capacity) {
    ConnectionTableOptions options;
    options.capacity = capacity;
    options.hash_key[0] = 0x0123456789abcdef;
    options.hash_key[1] = 0xfedcba9876543210;
    return options;
  }
  explicit TableStory(std::uint32_t capacity = 64) : TableStory(options_with(capacity)) {}
  explicit TableStory(const ConnectionTableOptions& options) : table(options, listener) {}

  /// Sent, and delivered 10 ms later.
  void client(const std::string& text) { deliver(client_sends(text)); }
  void server(const std::string& text) { deliver(server_sends(text)); }
  void client_loses(const std::string& text) { send(Side::near, text, {.drop = true}); }
  void server_loses(const std::string& text) { send(Side::far, text, {.drop = true}); }
  std::size_t client_sends(const std::string& text, Treatment what = {}) { return send(Side::near, text, what); }
  std::size_t server_sends(const std::string& text, Treatment what = {}) { return send(Side::far, text, what); }

  void deliver(std::size_t number, std::uint8_t copy = 0) {
    Flight& flight = flights_.at(number);
    move_to(std::max(now, flight.fate.release_at[copy]));
    tell("it is delivered: " + flight.text);
    table.delivered(flight.connection, flight.packet.view, flight.side, flight.arrived, flight.fate, copy, now);
  }
  void lose(std::size_t number, DropReason reason, std::uint8_t copy = 0) {
    Flight& flight = flights_.at(number);
    tell("it is lost in flight: " + flight.text);
    table.lost(flight.connection, flight.packet.view, flight.side, flight.arrived, reason, copy, now);
  }
  void wait(Duration span) {
    tell("time passes: " + std::to_string(std::chrono::duration<double>(span).count()) + " s");
    move_to(now + span);
  }

  void shake_hands() {
    client("SYN 0 scale 7");
    server("SYN,ACK 0 ack 1 scale 7");
    client("ACK 1 ack 1");
  }
  /// The port is used again: another connection between the same endpoints.
  void new_isns(std::uint32_t client, std::uint32_t server) { client_isn = client, server_isn = server; }

  void expect_histories(const std::string& client_states, const std::string& server_states, std::size_t which = 0) {
    ASSERT_LT(which, listener.opened.size()) << "connections were opened, after" << story_;
    const ConnectionId id = listener.opened[which].id;
    EXPECT_EQ(listener.history(id, Role::client), client_states) << "of the client, after" << story_;
    EXPECT_EQ(listener.history(id, Role::server), server_states) << "of the server, after" << story_;
  }
  void expect_end(End end, ClosedBy by, std::size_t which = 0) {
    ASSERT_LT(which, listener.closed.size()) << "connections were closed, after" << story_;
    EXPECT_STREQ(to_string(listener.closed[which].end), to_string(end)) << "after" << story_;
    EXPECT_STREQ(to_string(listener.closed[which].closed_by), to_string(by)) << "after" << story_;
  }
  void expect_open(std::size_t how_many) const {
    EXPECT_EQ(listener.opened.size() - listener.closed.size(), how_many) << "after" << story_;
  }
  const std::string& story() const { return story_; }
  const FlowPosition& position(std::size_t number) const { return flights_.at(number).position; }

  Listener listener;
  ConnectionTable table;
  TimePoint now{std::chrono::hours(1)};
  std::uint32_t client_isn = 1'000'000, server_isn = 0xffffff00;  // the server's wraps soon
  std::uint16_t client_port = 40000, server_port = 80;
  HostNumber client_host = 1;

 private:
  struct Flight {
    Side side;
    PacketBytes packet;
    TimePoint arrived;
    Fate fate;
    ConnectionHandle connection;
    FlowPosition position;
    std::string text;
  };

  std::size_t send(Side side, const std::string& text, Treatment what) {
    const bool is_client = side == Side::near;
    const SegmentText segment =
        read_segment(text, is_client ? client_isn : server_isn, is_client ? server_isn : client_isn);
    flights_.push_back(
        {side,
         is_client ? tcp_packet(client_host, client_port, 0x101, server_port, segment.segment, segment.options)
                   : tcp_packet(0x101, server_port, client_host, client_port, segment.segment, segment.options),
         {},
         {},
         {},
         {},
         text});
    move_to(now + 1ms);
    Flight& flight = flights_.back();
    flight.arrived = now;
    flight.fate.dropped = flight.fate.lost[0] = what.drop ? DropReason::loss : DropReason::none;
    flight.fate.corrupted = what.corrupt;
    flight.fate.copies = what.duplicate ? 2 : 1;
    flight.fate.release_at = {now + what.delay, now + what.delay};
    tell(std::string("the ") + (is_client ? "client" : "server") + " sends " + text + (what.drop ? ", dropped" : "") +
         (what.duplicate ? ", duplicated" : "") + (what.corrupt ? ", corrupted" : ""));
    flight.position = table.arrive(flight.packet.view, side, now);
    flight.connection = flight.position.connection;
    table.sent(flight.connection, flight.packet.view, side, flight.fate, now);
    note();
    return flights_.size() - 1;
  }
  /// Timers run when they are due, as the link's owner runs them.
  void move_to(TimePoint when) {
    while (table.next_due() <= when) {
      now = std::max(now, table.next_due());
      table.advance(now);
    }
    now = when;
    note();
  }
  void tell(const std::string& what) { story_ += "\n  " + what; }
  void note() {
    for (; noted_ < listener.transitions.size(); ++noted_) {
      const Transition& t = listener.transitions[noted_];
      story_ += "\n      connection " + std::to_string(t.id) + ", row " + name_of(t.row) + ": " + to_string(t.side) +
                " " + to_string(t.from) + " -> " + to_string(t.to) + " (" + to_string(t.evidence) + ")";
    }
  }

  std::vector<Flight> flights_;
  std::size_t noted_ = 0;
  std::string story_;
};

/// The connection is established.
struct OpenTable : TableStory {
  OpenTable() { shake_hands(); }
};

/// The figures of the story's first connection.
inline EndpointFigures client_of(const TableStory& s) { return s.table.figures(1)->client; }
inline EndpointFigures server_of(const TableStory& s) { return s.table.figures(1)->server; }

}  // namespace wobble::testing
