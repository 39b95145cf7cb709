// The way into a link: a packet, or super-packet, is read, each of its segments meets its connection and its fate, and
// what is not dropped enters flight. Consecutive segments with one plain fate are kept as one run; all others, and
// their copies, by themselves; what is too big may be cut into fragments first.
//
// Invariant: every segment, alone or in a run, meets exactly what it would have met as a packet of its own, in its
// order: the same fate, counters, and calls of the connection table and the taps. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "emulator/link/answers.h"
#include "emulator/link/arrival.h"
#include "emulator/link/link_parts.h"

namespace wobble {

class Admission {
 public:
  /// `link` must outlive it.
  Admission(LinkParts& link, const LinkOptions& options) noexcept : link_(link), answers_(link, options) {}

  /// As Link::admit(). The conditions of `now` are in force.
  void admit(std::span<const std::uint8_t> bytes, const Offload& offload, Side side, TimePoint now,
             PacketBuffer&& storage, std::span<const std::uint8_t> prefix) noexcept;

 private:
  /// Consecutive segments of one arrival with the same plain fate, from `first`.
  struct Run {
    std::uint32_t first = 0;
    std::uint32_t n = 0;
    ConnectionHandle connection;
    Fate fate;
    std::uint64_t sequence = 0;  ///< of the first
  };
  using Copies = std::array<InFlight, Fate::kMaxCopies>;

  void admit_segments(Arrival& arrival) noexcept;
  Verdict decide(const Arrival& arrival, const PacketView& segment, const FlowPosition& flow) noexcept;
  /// Lets the segments behind the run's only one that meet the same fate join it, if they need not be looked at one by
  /// one; how many.
  std::uint32_t arrive_alike(const Arrival& arrival, const FlowPosition& flow, Run& run) noexcept;
  void keep_run(Arrival& arrival, Run& run) noexcept;
  /// Tells its connection of the run: answers with InFlight::tcp_at.
  std::uint8_t track_run(const Arrival& arrival, const Run& run) noexcept;
  void keep_single(const Arrival& arrival, std::uint32_t segment, const PacketView& view, const FlowPosition& flow,
                   Verdict& verdict) noexcept;
  /// The copies of one segment as they will leave; one that is lost stays empty. Completes the verdict's fate with what
  /// only the bytes and the memory can tell, and counts.
  Copies make_copies(const Arrival& arrival, std::uint32_t segment, Verdict& verdict) noexcept;
  /// Admits the fragments of a segment that is too big in its place.
  void admit_fragments(const Arrival& arrival, std::uint32_t segment) noexcept;
  void show(const Arrival& arrival, std::uint32_t segment, const Fate& fate) const noexcept;
  void tell_exhausted(TimePoint now) noexcept { link_.exhausted.tell(now, link_.pool.limit()); }

  LinkParts& link_;
  Answers answers_;
};

}  // namespace wobble
