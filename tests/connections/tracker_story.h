// One TCP connection told step by step to the tracker alone, so that also the rows that change no state can be seen.
// When an expectation fails, the whole story so far is printed in English.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "emulator/connections/tcp/tcp_tracker.h"
#include "emulator/connections/tcp/tcp_waiting.h"
#include "tests/connections/segment_text.h"

namespace wobble::testing {

using namespace std::chrono_literals;

inline constexpr Role kClient = Role::client, kServer = Role::server;

class TrackerStory {
 public:
  static constexpr std::uint32_t kClientIsn = 1'000'000, kServerIsn = 0xffffff00;  // the server's wraps soon

  TrackerStory() { connection.opened_rule = Rule::syn; }

  /// S and then D, 10 ms later.
  void client(const std::string& text) { pass(Role::client, text); }
  void server(const std::string& text) { pass(Role::server, text); }
  /// S only: dropped by us.
  void client_loses(const std::string& text) { send(Role::client, text, true); }
  void server_loses(const std::string& text) { send(Role::server, text, true); }
  /// S only: still under way; D when deliver() is called with the number returned.
  std::size_t client_sends(const std::string& text) { return send(Role::client, text); }
  std::size_t server_sends(const std::string& text) { return send(Role::server, text); }
  void deliver(std::size_t number) {
    steps = {};
    land(number);
  }
  void land(std::size_t number) {
    const Flight& flight = flights_.at(number);
    now += 10ms;
    tell("it is delivered: " + flight.text);
    const std::uint8_t first = steps.count;
    tracker.delivered(connection, peer_of(flight.from), flight.packet.view.tcp, flight.arrived, now, steps);
    note_steps(first);
  }
  void deliver_last() { deliver(flights_.size() - 1); }
  bool wait(Duration span) {
    now += span;
    tell("time passes: " + std::to_string(std::chrono::duration_cast<std::chrono::seconds>(span).count()) + " s");
    steps = {};
    const bool is_done = time_out(connection, ConnectionTimeouts{}, last, now, steps);
    note_steps();
    return is_done;
  }

  void shake_hands() {
    client("SYN 0 scale 7");
    server("SYN,ACK 0 ack 1 scale 7");
    client("ACK 1 ack 1");
    expect(TcpState::established, TcpState::established);
  }

  void expect(TcpState client_state, TcpState server_state) const {
    EXPECT_STREQ(to_string(connection.client.state), to_string(client_state)) << "of the client, after" << story_;
    EXPECT_STREQ(to_string(connection.server.state), to_string(server_state)) << "of the server, after" << story_;
  }
  /// The last event made this row apply to this side, and it led from `from` to `to`.
  void expect_row(Rule rule, Role side, TcpState from, TcpState to, Evidence evidence = Evidence::sent) const {
    for (const Step& step : steps) {
      if (step.rule != rule || step.side != side) continue;
      EXPECT_STREQ(to_string(step.from), to_string(from)) << "row " << name_of(rule) << ", after" << story_;
      EXPECT_STREQ(to_string(step.to), to_string(to)) << "row " << name_of(rule) << ", after" << story_;
      EXPECT_STREQ(to_string(step.evidence), to_string(evidence)) << "row " << name_of(rule) << ", after" << story_;
      return;
    }
    ADD_FAILURE() << "row " << name_of(rule) << " did not apply to the " << to_string(side) << ", after" << story_;
  }
  void expect_no_row(Rule rule) const {
    for (const Step& step : steps) EXPECT_STRNE(name_of(step.rule), name_of(rule)) << "after" << story_;
  }
  const std::string& story() const { return story_; }

  RangePool ranges{1000};
  TroublePool pool{1};
  TcpTracker tracker{ranges, pool};
  std::uint32_t count_of(Trouble what) const {
    return pool.count_of(connection.client.troubles, what) + pool.count_of(connection.server.troubles, what);
  }
  TcpConnection connection;
  Steps steps;
  Sending sending;
  TimePoint now{std::chrono::hours(1)};
  TimePoint last = now;
  std::uint32_t client_isn = kClientIsn, server_isn = kServerIsn;
  bool cuts_options = false;  ///< of what is sent from now on, as a capture that leaves out the last of them

 private:
  struct Flight {
    Role from;
    PacketBytes packet;
    TimePoint arrived;
    std::string text;
  };

  std::size_t send(Role from, const std::string& text, bool is_lost = false) {
    const bool is_client = from == Role::client;
    const SegmentText segment =
        read_segment(text, is_client ? client_isn : server_isn, is_client ? server_isn : client_isn);
    const PacketBytes packet = is_client ? tcp_packet(1, 40000, 0x101, 80, segment.segment, segment.options)
                                         : tcp_packet(0x101, 80, 1, 40000, segment.segment, segment.options);
    now += 1ms;
    last = now;
    tell(std::string("the ") + to_string(from) + " sends " + text + (is_lost ? ", which we drop" : ""));
    flights_.push_back({from, packet, now, text});
    flights_.back().packet.view.has_cut_options = cuts_options;
    steps = {};
    sending = tracker.sent(connection, from, flights_.back().packet.view, is_lost, now, steps);
    note_steps();
    return flights_.size() - 1;
  }
  void tell(const std::string& what) { story_ += "\n  " + what; }
  void pass(Role from, const std::string& text) {
    const std::size_t number = send(from, text);
    land(number);
  }
  void note_steps(std::uint8_t first = 0) {
    for (std::uint8_t i = first; i < steps.count; ++i) {
      const Step& step = steps.items[i];
      story_ += std::string("\n      row ") + name_of(step.rule) + ": " + to_string(step.side) + " " +
                to_string(step.from) + " -> " + to_string(step.to) + " (" + to_string(step.evidence) + ")";
    }
  }

  std::vector<Flight> flights_;
  std::string story_;
};

/// The connection is established.
struct OpenTracker : TrackerStory {
  OpenTracker() { shake_hands(); }
};

}  // namespace wobble::testing
