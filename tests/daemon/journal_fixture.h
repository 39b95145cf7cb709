// A directory of its own for each test, and events as a link's thread would push them.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include "daemon/journal/journal.h"
#include "emulator/connections/event_ring.h"

namespace wobble::daemon {

inline TimePoint monotonic_now() { return std::chrono::steady_clock::now(); }

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("wobble-test-" + std::to_string(getpid()) + "-" + std::to_string(++count));
    std::filesystem::create_directory(path_);
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline Endpoint endpoint(const char* address, std::uint16_t port) { return {IpAddress::parse(address).value(), port}; }

inline ConnectionOpened opening_of(ConnectionId id, TimePoint at = monotonic_now()) {
  ConnectionOpened event;
  event.id = id;
  event.at = at;
  event.protocol = kTcp;
  event.ordinal = static_cast<std::uint32_t>(id);
  event.client = endpoint("10.77.0.1", static_cast<std::uint16_t>(40'000 + id % 20'000));
  event.server = endpoint("10.77.1.1", 80);
  return event;
}

inline Transition transition_of(ConnectionId id, Role side, TcpState from, TcpState to,
                                TimePoint at = monotonic_now()) {
  Transition event;
  event.id = id;
  event.at = at;
  event.side = side;
  event.from = from;
  event.to = to;
  event.row = Rule::third_ack;
  event.has_segment = true;
  event.segment.tcp = {.seq = 4'000'000'000, .ack = 7, .length = 0, .flags = tcp_flag::kAck, .window = 64'240};
  return event;
}

inline SegmentRecord segment_of(ConnectionId id, std::uint16_t flags, DropReason drop = DropReason::none,
                                TimePoint at = monotonic_now()) {
  SegmentRecord event;
  event.id = id;
  event.sent_at = at;
  event.drop = drop;
  event.fate = drop == DropReason::none ? FateWord::delayed : FateWord::dropped;
  event.delivered_at = drop == DropReason::none ? at + std::chrono::milliseconds(80) : kNever;
  event.tcp = {.seq = 1, .ack = 2, .length = 1448, .flags = flags, .window = 501};
  return event;
}

inline ConnectionClosed closing_of(ConnectionId id, End end = End::orderly, ClosedBy by = ClosedBy::client,
                                   TimePoint at = monotonic_now()) {
  ConnectionClosed event;
  event.id = id;
  event.at = at;
  event.end = end;
  event.closed_by = by;
  event.client_state = TcpState::closed;
  event.server_state = TcpState::closed;
  event.figures.client.packets_sent = id;
  return event;
}

/// Transitions of a connection that is opened, used and closed by its client: 7 of them.
inline constexpr int kTransitionsOfLife = 7;
inline void push_life(EventRing& ring, ConnectionId id) {
  using enum TcpState;
  ring.on(opening_of(id));
  ring.on(transition_of(id, Role::client, none, syn_sent));
  ring.on(transition_of(id, Role::server, none, syn_received));
  ring.on(transition_of(id, Role::client, syn_sent, established));
  ring.on(transition_of(id, Role::server, syn_received, established));
  ring.on(transition_of(id, Role::client, established, fin_wait_1));
  ring.on(transition_of(id, Role::server, established, close_wait));
  ring.on(transition_of(id, Role::client, fin_wait_1, fin_wait_2));
  ring.on(closing_of(id));
}

inline constexpr Duration kLongEnough = std::chrono::seconds(20);

inline bool eventually(const std::function<bool()>& condition) {
  for (const TimePoint until = monotonic_now() + kLongEnough; monotonic_now() < until;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return condition();
}

}  // namespace wobble::daemon
