#include "daemon/capture/fragment_sides.h"

#include <algorithm>
#include <utility>

#include "emulator/packet/network_order.h"

namespace wobble::daemon {
namespace {

Side side_of(const Endpoint& from, const Endpoint& to) { return to < from ? Side::far : Side::near; }

bool needs_ports(const PacketView& packet) { return packet.is_fragment && packet.source == packet.destination; }

// The first fragment's. Its transport header need not be whole: the ports are the first four bytes.
Side side_by_first_bytes(const PacketView& packet) {
  const bool has_ports = packet.protocol == kTcp || packet.protocol == kUdp;
  const std::size_t at = packet.transport_offset;
  if (!has_ports || packet.bytes.size() < at + 4) return Side::near;
  return side_of({packet.source, read16(packet.bytes, at)}, {packet.destination, read16(packet.bytes, at + 2)});
}

}  // namespace

Side side_by_endpoints(const PacketView& packet) {
  return side_of({packet.source, packet.source_port}, {packet.destination, packet.destination_port});
}

std::optional<Side> FragmentSides::side_or_keep(const PacketView& packet, std::int64_t at) {
  const std::optional<Fragment> fragment = needs_ports(packet) ? Fragment::of(packet) : std::nullopt;
  if (!fragment) return side_by_endpoints(packet);
  if (fragment->offset == 0) {
    if (known_.size() >= kMostKnown) known_.pop_front();
    known_.push_back({fragment->key, side_by_first_bytes(packet), at});
    return known_.back().side;
  }
  const auto newest =
      std::find_if(known_.rbegin(), known_.rend(), [&](const Known& each) { return each.datagram == fragment->key; });
  if (newest != known_.rend() && at - newest->at <= kPatience) return newest->side;
  if (waiting_.size() >= kMostWaiting) waiting_.pop_front();
  waiting_.push_back({{packet.bytes.begin(), packet.bytes.end()}, fragment->key, at});
  return std::nullopt;
}

std::vector<FragmentSides::Waiting> FragmentSides::take_behind(const PacketView& packet) {
  std::vector<Waiting> out;
  if (waiting_.empty() || !needs_ports(packet)) return out;
  const std::optional<Fragment> fragment = Fragment::of(packet);
  if (!fragment || fragment->offset != 0) return out;
  std::deque<Waiting> others;
  for (Waiting& one : waiting_) {
    if (one.datagram == fragment->key) {
      out.push_back(std::move(one));
    } else {
      others.push_back(std::move(one));
    }
  }
  waiting_ = std::move(others);
  return out;
}

}  // namespace wobble::daemon
