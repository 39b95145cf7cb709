// Packets cut into fragments and told to a ConnectionTable one by one, with everything it says written down.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>
#include <vector>

#include "tests/connections/table_story.h"
#include "tests/emulator/packets.h"

namespace wobble::testing {

/// An IPv4 packet's fragments, cut at these offsets of its payload (multiples of 8), in order.
inline std::vector<PacketBytes> cut(const PacketBytes& packet, std::uint16_t identification,
                                    const std::vector<std::size_t>& offsets) {
  constexpr std::size_t kHeader = 20;
  const std::vector<std::uint8_t>& bytes = packet.bytes;
  const std::size_t payload = bytes.size() - kHeader;
  std::vector<PacketBytes> fragments;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= offsets.size(); ++i) {
    const std::size_t end = i < offsets.size() ? offsets[i] : payload;
    std::vector<std::uint8_t> out(bytes.begin(), bytes.begin() + kHeader);
    out.insert(out.end(), bytes.begin() + static_cast<std::ptrdiff_t>(kHeader + begin),
               bytes.begin() + static_cast<std::ptrdiff_t>(kHeader + end));
    const auto set16 = [&](std::size_t at, std::size_t value) {
      out[at] = static_cast<std::uint8_t>(value >> 8);
      out[at + 1] = static_cast<std::uint8_t>(value);
    };
    set16(2, out.size());
    set16(4, identification);
    set16(6, begin / 8 | (i < offsets.size() ? 0x2000 : 0));
    fragments.emplace_back(std::move(out));
    begin = end;
  }
  return fragments;
}

class FragmentStory {
 public:
  explicit FragmentStory(std::uint32_t capacity = 64) : table(TableStory::options_with(capacity), listener) {}

  /// A packet arrives a millisecond later; its number.
  std::size_t send(const PacketBytes& packet, Side side = Side::near, Treatment what = {}) {
    move_to(now + 1ms);
    Flight flight{packet, side, now, {}, {}};
    Fate& fate = flight.fate;
    fate.dropped = fate.lost[0] = what.drop ? DropReason::loss : DropReason::none;
    fate.corrupted = what.corrupt;
    fate.copies = what.duplicate ? 2 : 1;
    fate.release_at = {now + what.delay, now + what.delay};
    flight.position = table.arrive(packet.view, side, now);
    table.sent(flight.position.connection, packet.view, side, fate, now);
    flights_.push_back(flight);
    return flights_.size() - 1;
  }
  std::size_t drop(const PacketBytes& packet, Side side = Side::near) { return send(packet, side, {.drop = true}); }
  void deliver(std::size_t number, std::uint8_t copy = 0) {
    const Flight& f = flights_.at(number);
    move_to(std::max(now, f.fate.release_at[copy]));
    table.delivered(f.position.connection, f.packet.view, f.side, f.arrived, f.fate, copy, now);
  }
  void lose(std::size_t number, std::uint8_t copy = 0) {
    const Flight& f = flights_.at(number);
    table.lost(f.position.connection, f.packet.view, f.side, f.arrived, DropReason::outage, copy, now);
  }
  /// Sent and delivered.
  void pass(const PacketBytes& packet, Side side = Side::near) { deliver(send(packet, side)); }
  void pass(const std::vector<PacketBytes>& packets, Side side = Side::near) {
    for (const PacketBytes& packet : packets) pass(packet, side);
  }
  void wait(Duration span) { move_to(now + span); }

  PacketBytes client(const std::string& text) const {
    const SegmentText s = read_segment(text, kClientIsn, kServerIsn);
    return tcp_packet(1, kPort, 0x101, 80, s.segment, s.options);
  }
  PacketBytes server(const std::string& text) const {
    const SegmentText s = read_segment(text, kServerIsn, kClientIsn);
    return tcp_packet(0x101, 80, 1, kPort, s.segment, s.options);
  }
  void shake_hands() {
    pass(client("SYN 0"));
    pass(server("SYN,ACK 0 ack 1"), Side::far);
    pass(client("ACK 1 ack 1"));
  }

  const FlowPosition& position(std::size_t number) const { return flights_.at(number).position; }
  ConnectionFigures figures(ConnectionId id = 1) const { return table.figures(id).value_or(ConnectionFigures{}); }
  std::string history(Role side, ConnectionId id = 1) const { return listener.history(id, side); }
  const Transition& last() const { return listener.transitions.at(listener.transitions.size() - 1); }

  static constexpr std::uint16_t kPort = 40000;
  static constexpr std::uint32_t kClientIsn = 1'000'000, kServerIsn = 0xffffff00;
  Listener listener;
  ConnectionTable table;
  TimePoint now{std::chrono::hours(1)};

 private:
  struct Flight {
    PacketBytes packet;
    Side side;
    TimePoint arrived;
    Fate fate;
    FlowPosition position;
  };

  void move_to(TimePoint when) {
    while (table.next_due() <= when) {
      now = std::max(now, table.next_due());
      table.advance(now);
    }
    now = when;
  }

  std::vector<Flight> flights_;
};

}  // namespace wobble::testing
