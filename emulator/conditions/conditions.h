// What a person can ask of a link: plain, comparable settings, numbers with their units and ranges. Text and JSON, and
// what is wrong in them, are the API's business: what reaches a link is within its ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "emulator/shared_numbers.h"
#include "emulator/time.h"

namespace wobble {

/// A probability in exact parts per billion: 2 % is 20,000,000. Range 0 to 1,000,000,000.
/// An integer, so that what is asked comes back as it was written and chance needs no floating point.
struct Probability {
  std::uint32_t parts_per_billion = 0;

  static constexpr std::uint32_t kOne = 1'000'000'000;
  /// `p` is 0 to 100, and rounded to the nearest part.
  static constexpr Probability percent(double p) {
    // NOLINTNEXTLINE(bugprone-incorrect-roundings): p is not negative, and std::lround is not constexpr
    return {static_cast<std::uint32_t>(p * 1e7 + 0.5)};
  }
  constexpr double fraction() const { return parts_per_billion / 1e9; }
  constexpr bool is_zero() const { return parts_per_billion == 0; }
  auto operator<=>(const Probability&) const = default;
};

/// How jitter is spread. pareto and paretonormal have the shapes of iproute2's tables (Pareto with a = 3; a quarter
/// normal and three quarters of that), but exactly the mean and deviation asked, and the whole tail. table: one of the
/// values of a table, each as likely as any other, in 8192ths of the jitter, as netem takes it.
enum class Distribution : std::uint8_t { uniform, normal, pareto, paretonormal, table };

/// Whose a model's memory is: the direction's, so that its state moves with every packet, or each connection's own, so
/// that the k-th packet of the n-th connection meets the same fate however connections interleave.
enum class Scope : std::uint8_t { link, connection };

/// One-way delay. uniform: time ± jitter, evenly. Otherwise: mean time, standard deviation jitter. Never below 0.
/// Unless `reorder`, a packet never leaves before one that arrived earlier in the same direction.
struct DelaySettings {
  Duration time{0};    ///< 0 to kMaxDelay
  Duration jitter{0};  ///< 0 to kMaxDelay
  Distribution distribution = Distribution::uniform;
  bool reorder = false;
  /// Below 1: so often a packet has the last one's jitter, and otherwise draws its own. Its lag-k correlation is then
  /// the k-th power of this, and the distribution stays what it is.
  Probability correlation{0};
  Scope per = Scope::link;  ///< of the correlation
  JitterTable table{};      ///< of Distribution::table: 1 to kMaxTable values
  bool operator==(const DelaySettings&) const = default;
};

/// Gilbert-Elliott (netem's `gemodel`): per packet, good → bad with p, bad → good with r; lost with `bad_loss`
/// (netem's 1-h) in the bad state and with `good_loss` (1-k) in the good one.
struct GilbertElliott {
  Probability p;
  Probability r;
  Probability bad_loss{Probability::kOne};
  Probability good_loss{0};
  bool operator==(const GilbertElliott&) const = default;
};

/// Loss in bursts, by the two numbers people think in: `loss` of all packets, in runs of `length` on average. A Gilbert
/// chain (lost → received with 1 / length), so that the runs' lengths are geometric.
struct BurstLoss {
  Probability loss;
  std::uint32_t length_thousandths = 0;  ///< of a packet: 1,000 to kMaxBurstLength
  bool operator==(const BurstLoss&) const = default;
};

/// netem's `loss state`: four states, and the chance of going from one to another with each packet. 1 received in a
/// gap, 2 received within a burst, 3 lost within a burst, 4 lost alone in a gap (and then back to 1).
/// S. Salsano, F. Ludovici, A. Ordine: Definition of a general and intuitive loss model for packet networks and its
/// implementation in the Netem module in the Linux kernel, 2009.
struct MarkovLoss {
  Probability p13;
  Probability p31;  ///< p31 + p32 and p13 + p14 are at most 1
  Probability p32{0};
  Probability p23{Probability::kOne};
  Probability p14{0};
  bool operator==(const MarkovLoss&) const = default;
};

/// Each packet with the same probability; 0: nothing is lost.
struct RandomLoss {
  Probability probability;
  bool operator==(const RandomLoss&) const = default;
};

struct EveryLoss {
  std::uint32_t n = 0;  ///< the n-th, 2n-th ... packet; at least 1
  bool operator==(const EveryLoss&) const = default;
};

struct ListLoss {
  std::vector<std::uint64_t> numbers{};  ///< of packets, from 1; ascending, 1 to kMaxListed of them
  bool operator==(const ListLoss&) const = default;
};

struct PatternLoss {
  std::string marks{};  ///< '.' and 'x' (lost), repeated; 1 to kMaxPattern of them
  bool operator==(const PatternLoss&) const = default;
};

/// The default loses nothing.
using LossModel = std::variant<RandomLoss, GilbertElliott, BurstLoss, MarkovLoss, EveryLoss, ListLoss, PatternLoss>;

/// All models but RandomLoss without correlation have a memory, and count the packets of the direction (or, per
/// connection, of each connection) that reach them since the model was set.
struct LossSettings {
  LossModel model{};
  /// Of RandomLoss, and 0 with any other model: the lag-1 correlation of being lost, below 1. The mean stays.
  Probability correlation{0};
  bool after_rate = false;  ///< lost behind the bottleneck: what is lost has taken its capacity
  bool ecn = false;         ///< those that the model chooses are marked (RFC 3168) if they are ECT, else lost
  Scope per = Scope::link;
  bool operator==(const LossSettings&) const = default;
};

struct DuplicateSettings {
  Probability probability;
  Probability correlation{0};  ///< lag-1, of being duplicated; below 1. The mean stays `probability`
  Scope per = Scope::link;     ///< of the correlation
  bool operator==(const DuplicateSettings&) const = default;
};

/// Flips `bits` bits of the payload (of the checksum, if there is no payload). With `fix_checksum` the checksum is
/// made right again, so that the application reads the damage; a packet without payload is then left alone.
struct CorruptSettings {
  Probability probability;
  std::uint32_t bits = 1;  ///< 1 to 64
  bool fix_checksum = false;
  Probability correlation{0};  ///< as duplicate's
  Scope per = Scope::link;
  bool operator==(const CorruptSettings&) const = default;
};

/// Moves a packet back: behind the `by_packets`-th packet that arrives after it (at most kReorderPatience later,
/// if so many do not come), or, with `by_time`, by that time. Exactly one of the two when probability > 0.
struct ReorderSettings {
  Probability probability;
  std::uint32_t by_packets = 0;  ///< 0 to kMaxReorderPackets
  Duration by_time{0};           ///< 0 to kMaxDelay
  Probability correlation{0};    ///< as duplicate's, among the candidates
  /// netem's: so many less one are never moved, then each is a candidate until one is moved. 0 or 1: all are
  /// candidates. At most kMaxGap.
  std::uint32_t gap = 0;
  Scope per = Scope::link;  ///< of the correlation and the gap
  bool operator==(const ReorderSettings&) const = default;
};

/// How fast the bottleneck sends, and what a packet costs there.
struct RateSettings {
  std::uint64_t bits_per_second = 0;  ///< 0: not limited. Otherwise kMinRate to kMaxRate
  /// Bytes an idle link saves up, and then sends at once: tbf's token bucket. At most kMaxBurst.
  std::uint64_t burst = 0;
  std::int32_t overhead = 0;        ///< bytes that each packet takes beside itself; -kMaxOverhead to kMaxOverhead
  std::uint32_t cell_size = 0;      ///< payload of one cell, 0 (no cells) or kMinCell to kMaxCell: ATM's is 48
  std::uint32_t cell_overhead = 0;  ///< header of one cell, at most kMaxCellOverhead: ATM's is 5

  RateSettings() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a rate is mostly that one number
  RateSettings(std::uint64_t bits) : bits_per_second(bits) {}
  bool operator==(const RateSettings&) const = default;
};

/// A recorded link: the milliseconds at which 1,500 bytes could leave, never decreasing, the last above 0; over and
/// over, each round beginning at the end of the one before (mahimahi's format). The same number twice: two of them.
struct TraceSettings {
  SharedNumbers<std::uint32_t> ms{};  ///< null: no trace. At most kMaxTrace
  NamedFile file{};                   ///< what it was read from, if anything
  bool operator==(const TraceSettings& other) const { return file == other.file && are_equal(ms, other.ms); }
};

/// Who leaves a queue that is full or too slow.
enum class Discipline : std::uint8_t {
  droptail,  ///< the one that finds no room
  drophead,  ///< the one that has waited longest
  codel,     ///< RFC 8289
  pie,       ///< RFC 8033
  red,       ///< S. Floyd, V. Jacobson: Random Early Detection Gateways for Congestion Avoidance, 1993
  fq_codel,  ///< RFC 8290
};

/// The bottleneck's buffer. At most one limit; none: one second of the rate or 1 MiB, whichever is more, and with
/// fq_codel 10,240 packets. A packet in transmission counts. Bytes are of IP packets.
/// Each parameter belongs to the disciplines named with it; absent, it is the default named there.
struct QueueSettings {
  std::uint64_t limit_bytes = 0;
  std::uint32_t limit_packets = 0;
  Duration limit_time{0};  ///< a packet that would wait longer finds no room
  Discipline discipline = Discipline::droptail;
  bool ecn = false;  ///< codel, pie, red, fq_codel: ECT packets are marked instead of dropped (RFC 3168)
  std::optional<Duration> target{};          ///< codel and fq_codel 5 ms, pie 15 ms
  std::optional<Duration> interval{};        ///< codel and fq_codel: 100 ms
  std::optional<Duration> tupdate{};         ///< pie: 15 ms
  std::optional<std::uint32_t> alpha{};      ///< pie: 125,000 millionths of a hertz
  std::optional<std::uint32_t> beta{};       ///< pie: 1,250,000 millionths of a hertz
  std::optional<Duration> max_burst{};       ///< pie: 150 ms
  std::optional<std::uint64_t> min{};        ///< red: bytes; a third of max
  std::optional<std::uint64_t> max{};        ///< red: bytes; a quarter of the limit
  std::optional<Probability> probability{};  ///< red, at max: 2 %
  std::optional<std::uint32_t> avpkt{};      ///< red: 1,000 bytes
  bool gentle =
      false;  ///< red: from max to twice max the chance rises to 1, where else everybody is dropped from max on
  std::optional<std::uint32_t> flows{};    ///< fq_codel: 1,024
  std::optional<std::uint32_t> quantum{};  ///< fq_codel: 1,514 bytes
  bool operator==(const QueueSettings&) const = default;
};

/// A black hole: on for as long as `on` is set, or in a cycle that starts with `up_for` when it is applied (and that
/// goes on unseen while `on` is set as well).
struct OutageSettings {
  bool on = false;
  Duration up_for{0};  ///< both 0, or both > 0; at most kMaxOutagePart each
  Duration down_for{0};
  bool drop_in_flight = false;  ///< an outage that begins also loses what is in flight in this direction
  bool operator==(const OutageSettings&) const = default;
};

/// netem's `slot`: packets that come out of the bottleneck wait for a slot on the medium and leave together. A packet
/// for which no slot is on its way acquires one, min to max later (evenly drawn). Those that come until it opens join
/// it, at most so many packets and bytes (0: any number); the rest wait for the next, min to max after that one. A
/// packet larger than `bytes` has a slot of its own (netem lets the last one of a slot exceed it).
/// In place of min and max, netem's `slot distribution`: the time to a slot is drawn as a delay with jitter is.
struct SlotSettings {
  Duration min{0};  ///< both 0 (no such slots) to kMaxDelay, min at most max
  Duration max{0};
  std::uint32_t packets = 0;
  std::uint64_t bytes = 0;
  Duration delay{0};   ///< 0 (no such slots) to kMaxDelay
  Duration jitter{0};  ///< 0 to kMaxDelay
  Distribution distribution = Distribution::uniform;
  JitterTable table{};  ///< of Distribution::table: 1 to kMaxTable values
  bool operator==(const SlotSettings&) const = default;
};

/// The largest IP packet that the next hop takes. A larger one is dropped, and with `icmp` its sender is told; an IPv4
/// packet that may be fragmented is.
struct MtuSettings {
  std::uint32_t bytes = 0;  ///< 0 (not limited) or kMinMtu to 65,535
  bool icmp = true;
  bool operator==(const MtuSettings&) const = default;
};

enum class IdleAction : std::uint8_t { drop, reset };

/// The NAT or firewall that forgets a connection of which no packet came by for longer than `time`: what arrives of it
/// from then on is dropped or, of TCP, answered with a reset, until it is opened anew.
struct IdleTimeoutSettings {
  Duration time{0};  ///< 0: never. At most kMaxIdle
  IdleAction then = IdleAction::drop;
  bool operator==(const IdleTimeoutSettings&) const = default;
};

/// Everything asked of one direction. All defaults: no impairment.
struct DirectionConditions {
  DelaySettings delay;
  LossSettings loss;
  DuplicateSettings duplicate;
  CorruptSettings corrupt;
  ReorderSettings reorder;
  RateSettings rate;
  QueueSettings queue;
  OutageSettings outage;
  TraceSettings trace;  ///< in place of the rate
  SlotSettings slot;
  MtuSettings mtu;
  IdleTimeoutSettings idle_timeout;
  bool operator==(const DirectionConditions&) const = default;
};

/// One step of a scenario: for how long, and what a direction then suffers in place of the link's own; absent: those.
struct ScenarioStep {
  Duration length{0};  ///< kMinStep to kMaxStep
  std::optional<DirectionConditions> up{};
  std::optional<DirectionConditions> down{};
  bool operator==(const ScenarioStep&) const = default;
};

struct LinkConditions {
  DirectionConditions up;
  DirectionConditions down;
  /// Steps that follow each other, over and over, from the moment they are applied; at most kMaxSteps. A step is a
  /// change of conditions like any other: what is in flight keeps its time.
  std::vector<ScenarioStep> scenario{};
  bool operator==(const LinkConditions&) const = default;
};

/// The share of packets, 0 to 1, that a model of loss loses in the long run; of a list, 0.
double mean_loss(const LossSettings& loss) noexcept;

inline constexpr Duration kMaxDelay = std::chrono::minutes(10);
inline constexpr Duration kMaxOutagePart = std::chrono::hours(24 * 7);
inline constexpr std::uint32_t kMaxReorderPackets = 1000;
inline constexpr Duration kReorderPatience = std::chrono::milliseconds(100);
inline constexpr std::uint32_t kMaxBurstLength = 1'000'000'000;  ///< a million packets, in thousandths
inline constexpr std::size_t kMaxListed = 10'000;
inline constexpr std::size_t kMaxPattern = 10'000;
inline constexpr std::size_t kMaxTable = 16'384;  ///< as tc
inline constexpr std::uint32_t kMaxGap = 1'000'000;
inline constexpr std::uint32_t kMinMtu = 68;  ///< what every IPv4 link carries (RFC 791 3.2)
inline constexpr Duration kMaxIdle = std::chrono::hours(24 * 7);
inline constexpr Duration kMinStep = std::chrono::milliseconds(1);
inline constexpr Duration kMaxStep = std::chrono::hours(24 * 7);
inline constexpr std::size_t kMaxSteps = 1000;
inline constexpr std::uint64_t kMinRate = 8;                  ///< one byte a second
inline constexpr std::uint64_t kMaxRate = 1'000'000'000'000;  ///< 1 Tbit/s
inline constexpr std::uint64_t kMaxBurst = 1'000'000'000;
inline constexpr std::int32_t kMaxOverhead = 1500;
inline constexpr std::uint32_t kMinCell = 8;
inline constexpr std::uint32_t kMaxCell = 65'535;
inline constexpr std::uint32_t kMaxCellOverhead = 256;
inline constexpr std::size_t kMaxTrace = 4'000'000;
inline constexpr std::uint32_t kMaxFlows = 65'536;

/// What a direction suffers in a step of the scenario, from 1; in step 0, and beyond the last, the link's own.
const DirectionConditions& up_in_step(const LinkConditions& conditions, std::size_t step) noexcept;
const DirectionConditions& down_in_step(const LinkConditions& conditions, std::size_t step) noexcept;

}  // namespace wobble
