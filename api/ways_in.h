// How live traffic reaches a link, as plain structs: what is asked of each way in, and what became of it. The daemon
// sets them up; ways_in_json.h reads and writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "emulator/conditions/conditions.h"

namespace wobble::api {

/// What becomes of diverted traffic when the daemon dies without taking its diversion back.
enum class FailMode : std::uint8_t {
  open,   ///< it flows on, unimpaired
  closed  ///< it is blocked
};

/// The built-in lab. It is made with the daemon, not by a request.
struct LabSettings {};

/// In front of a network namespace that exists, without its knowledge.
struct AttachSettings {
  std::string target;                   ///< "pid:17", "netns:blue", "netns:/proc/17/ns/net", "host", "container:web"
  std::vector<std::string> interfaces;  ///< empty: every one that is up and has an address, without lo
  std::vector<std::uint16_t> ports;     ///< of either end; empty: all traffic
  std::vector<std::string> addresses;   ///< of the other end, as CIDR; empty: all
  std::string protocol;                 ///< "tcp", "udp", "icmp"; empty: all three
  FailMode fail = FailMode::open;
  bool follow = false;  ///< when the target is gone: wait, and attach again
};

/// Between a port of localhost and its clients.
struct LoopbackSettings {
  std::uint16_t port = 0;
  std::string protocol = "tcp";  ///< or "udp"
};

/// Between two interfaces of the daemon's own namespace.
struct GatewaySettings {
  std::string in;   ///< where the near side's packets come from
  std::string out;  ///< and where they go to
  bool masquerade = false;
  FailMode fail = FailMode::open;
};

/// A namespace whose only way out is the link.
struct RunSettings {
  std::vector<std::string> dns;  ///< name servers' addresses; on input empty: this machine's
  /// A process, by the daemon's count: when it has ended and none is left in the namespace, the link is removed.
  std::optional<std::int32_t> owner;
  /// Ports of this machine's loopback that are reached at 127.0.0.1 in the namespace: through the link, TCP and UDP;
  std::vector<std::uint16_t> with;
  std::vector<std::uint16_t> beside;  ///< and beside it, neither impaired nor logged, TCP.
};

using WayInSettings = std::variant<LabSettings, AttachSettings, LoopbackSettings, GatewaySettings, RunSettings>;

enum class WayInState : std::uint8_t {
  up,      ///< its traffic passes through the link: it was looked at
  down,    ///< it does not, or not all of it: the detail says why
  waiting  ///< for its target
};

/// Packets that came to the hooks of a way in.
struct WayInCounters {
  std::uint64_t diverted = 0;  ///< into the link
  std::uint64_t stayed = 0;    ///< of those: nothing was to happen to them, so the link saw their headers only
  std::uint64_t passed = 0;    ///< not meant: they stayed in the kernel
  std::uint64_t silenced = 0;  ///< met no daemon that ran: they passed, or with "fail": "closed" were dropped
  std::uint64_t overruns = 0;  ///< diverted, and dropped by the kernel, since the link did not read them in time
};

struct WayInInfo {
  WayInSettings settings;
  WayInState state = WayInState::up;
  std::string detail;                       ///< for a person; may be empty
  std::optional<WayInCounters> counters{};  ///< of attach, loopback and gateway
};

/// "lab", "attach", "loopback", "gateway", "run"
const char* kind_of(const WayInSettings& settings) noexcept;
const char* to_string(WayInState state) noexcept;

/// A link that is to be made.
struct NewLink {
  std::string name;  ///< empty: derived from the way in
  WayInSettings way_in;
  LinkConditions conditions;
  std::optional<Duration> lasts;      ///< of the conditions; then the link is clean
  std::optional<std::uint64_t> seed;  ///< none: drawn
};

}  // namespace wobble::api
