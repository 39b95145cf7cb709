#include "daemon/ways_in/run_probe.h"

#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/backend.h"
#include "daemon/ways_in/firewall.h"
#include "daemon/ways_in/forwarding.h"
#include "daemon/ways_in/iproute.h"
#include "daemon/ways_in/sysctl.h"
#include "emulator/device/tun_device.h"
#include "emulator/packet/network_order.h"
#include "emulator/packet/packet.h"
#include "emulator/packet/packet_checksum.h"

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kProbeTimeout = 2s;
constexpr auto kAgain = 100ms;
constexpr std::size_t kHeaderOfDevice = 10;  ///< struct virtio_net_hdr: all zero, for a packet as it is
constexpr std::uint16_t kPortOfOurs = 40'001;
constexpr std::uint16_t kPortOfStranger = 443;  ///< what is let through if anything is
constexpr std::uint8_t kSyn = 0x02, kReset = 0x04, kAck = 0x10;
constexpr std::uint32_t kOurSequence = 1'000, kTheirSequence = 2'000;

struct Segment {
  Endpoint from;
  Endpoint to;
  std::uint8_t protocol = kTcp;
  std::uint8_t flags = kSyn;
  std::uint32_t sequence = kOurSequence;
  std::uint32_t acknowledged = 0;
};

Endpoint endpoint(const std::string& address, std::uint16_t port) { return {*IpAddress::parse(address), port}; }

std::vector<std::uint8_t> packet_of(const Segment& segment) {
  const bool is_v4 = segment.from.address.is_v4();
  const std::size_t at = is_v4 ? 20 : 40;
  const std::size_t length = segment.protocol == kTcp ? 20 : 8;
  std::vector<std::uint8_t> bytes(at + length);
  const auto copy_address = [&](const IpAddress& address, std::size_t where) {
    std::copy(address.bytes.begin() + (is_v4 ? 12 : 0), address.bytes.end(), bytes.begin() + static_cast<long>(where));
  };
  copy_address(segment.from.address, is_v4 ? 12 : 8);
  copy_address(segment.to.address, is_v4 ? 16 : 24);
  if (is_v4) {
    bytes[0] = 0x45;
    write16(bytes, 2, static_cast<std::uint32_t>(bytes.size()));
    bytes[8] = 64;
    bytes[9] = segment.protocol;
    write_ipv4_header_checksum(bytes);
  } else {
    bytes[0] = 0x60;
    write16(bytes, 4, static_cast<std::uint32_t>(length));
    bytes[6] = segment.protocol;
    bytes[7] = 64;
  }
  write16(bytes, at, segment.from.port);
  write16(bytes, at + 2, segment.to.port);
  if (segment.protocol == kTcp) {
    write32(bytes, at + 4, segment.sequence);
    write32(bytes, at + 8, segment.acknowledged);
    bytes[at + 12] = 5 << 4;
    bytes[at + 13] = segment.flags;
    write16(bytes, at + 14, 65'535);
  } else {
    write16(bytes, at + 4, static_cast<std::uint32_t>(length));
  }
  PacketView view;
  if (parse_packet(bytes, view) == ParseError::none) write_checksum(view, bytes);
  return bytes;
}

Segment answer_to(const PacketView& packet) {
  return {{packet.destination, packet.destination_port},
          {packet.source, packet.source_port},
          packet.protocol,
          static_cast<std::uint8_t>(kSyn | kAck),
          kTheirSequence,
          kOurSequence + 1};
}

/// Each packet that comes until `take` says that it is enough, or `until`. Whether it was enough.
bool read_until(const Wire& wire, Clock::time_point until, const std::function<bool(const PacketView&)>& take) {
  for (;;) {
    for (auto bytes = wire.receive(); !bytes.empty(); bytes = wire.receive()) {
      PacketView view;
      if (parse_packet(bytes, view) == ParseError::none && take(view)) return true;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ready{wire.descriptor(), POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(left));
  }
}

/// Out by `far`, in by `outside`, answered there, and back, by TCP or UDP.
bool comes_back(const Wire& far, const Wire& outside, const Endpoint& ours, const Endpoint& stranger) {
  const auto deadline = Clock::now() + kProbeTimeout;
  const auto is_to = [](const PacketView& packet, const Endpoint& end) {
    return packet.has_transport && packet.destination == end.address && packet.destination_port == end.port;
  };
  while (Clock::now() < deadline) {
    for (const std::uint8_t protocol : {kTcp, kUdp}) far.send(packet_of({ours, stranger, protocol}));
    for (int leg = 0; leg < 2; ++leg) {  // one for each protocol, as they come
      read_until(outside, Clock::now() + kAgain / 2, [&](const PacketView& packet) {
        if (is_to(packet, stranger)) outside.send(packet_of(answer_to(packet)));
        return is_to(packet, stranger);
      });
    }
    const bool is_back = read_until(far, Clock::now() + kAgain, [&](const PacketView& packet) {
      return is_to(packet, ours) && packet.source == stranger.address;
    });
    if (!is_back) continue;
    far.send(
        packet_of({ours, stranger, kTcp, kReset, kOurSequence + 1}));  // so that nobody waits for its third segment
    return true;
  }
  return false;
}

/// Where this machine's routes lead what goes to the stranger; with rules for routing it may be elsewhere, and then
/// nothing is shown by what becomes of it.
bool leads_to_the_probe(Family family, const RunNames& names) {
  const bool is_v4 = family == Family::v4;
  const std::string to = is_v4 ? names.probe_v4(RunHost::inside) : names.probe_v6(RunHost::inside);
  const std::string from = is_v4 ? names.v4(RunHost::inside) : names.v6(RunHost::inside);
  try {
    const IpJson routes = ask_ip(family, {"route", "get", to, "from", from, "iif", names.device()});
    return !routes.empty() && member(routes.front(), "dev") == names.probe_device();
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

void Wire::send(std::span<const std::uint8_t> packet) const {
  std::array<std::uint8_t, kHeaderOfDevice> header{};
  const iovec parts[] = {{header.data(), has_header_ ? header.size() : 0},
                         {const_cast<std::uint8_t*>(packet.data()), packet.size()}};
  [[maybe_unused]] const ssize_t sent = ::writev(descriptor_, parts, 2);  // it is sent again if it is lost
}

std::vector<std::uint8_t> Wire::receive() const {
  std::vector<std::uint8_t> bytes(65'535 + kHeaderOfDevice);
  const ssize_t n = ::read(descriptor_, bytes.data(), bytes.size());
  const std::size_t header = has_header_ ? kHeaderOfDevice : 0;
  if (n <= static_cast<ssize_t>(header)) return {};
  bytes.resize(static_cast<std::size_t>(n));
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<long>(header));
  return bytes;
}

void prove_way_out(const Wire& far, const RunNames& names, bool has_v6) {
  const std::string device = names.probe_device();
  const TunDevice probe(device, false);
  const Wire outside(probe, false);
  keep_v6_quiet(device);
  if (has_v6) require_sysctl("ipv6/conf/" + device + "/disable_ipv6", "0");
  require_sysctl("ipv4/conf/" + device + "/forwarding", "1");
  do_ip(Family::v4,
        {"link set " + device + " multicast off up", "address add " + names.probe_v4(RunHost::outside) + " peer " +
                                                         names.probe_v4(RunHost::inside) + "/32 dev " + device});
  if (has_v6) {
    do_ip(Family::v6, {"address add " + names.probe_v6(RunHost::outside) + "/64 dev " + device + " nodad"});
  }
  for (const Family family : kFamilies) {
    const bool is_v4 = family == Family::v4;
    if ((!is_v4 && !has_v6) || !leads_to_the_probe(family, names)) continue;
    const Endpoint ours = endpoint(is_v4 ? names.v4(RunHost::inside) : names.v6(RunHost::inside), kPortOfOurs);
    const Endpoint stranger =
        endpoint(is_v4 ? names.probe_v4(RunHost::inside) : names.probe_v6(RunHost::inside), kPortOfStranger);
    if (comes_back(far, outside, ours, stranger)) continue;
    throw api::Incapable("this machine's firewall does not let the command's " + std::string(is_v4 ? "IPv4" : "IPv6") +
                         " packets through: " + what_lets_through(family, "forward", "wobrun"));
  }
}

void prove_way_in(const Wire& far, const RunNames& names, Family family, std::uint16_t port, const std::string& what) {
  const bool is_v4 = family == Family::v4;
  const Endpoint ours = endpoint(is_v4 ? names.v4(RunHost::inside) : names.v6(RunHost::inside), kPortOfOurs);
  const Endpoint there = endpoint(is_v4 ? names.v4(RunHost::outside) : names.v6(RunHost::outside), port);
  const auto deadline = Clock::now() + kProbeTimeout;
  while (Clock::now() < deadline) {
    far.send(packet_of({ours, there}));
    const bool is_back = read_until(far, Clock::now() + kAgain, [&](const PacketView& packet) {
      return packet.is_tcp() && packet.source == there.address && packet.source_port == port &&
             packet.destination_port == ours.port;
    });
    if (!is_back) continue;
    far.send(packet_of({ours, there, kTcp, kReset, kOurSequence + 1}));
    return;
  }
  throw api::Incapable("this machine's firewall does not let " + what +
                       " in: " + what_lets_through(family, "input", "wobrun"));
}

}  // namespace wobble::daemon
