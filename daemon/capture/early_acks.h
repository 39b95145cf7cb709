// A capture from several queues may show an answer before what it answers, though the times say otherwise: a SYN-ACK
// before its SYN, the acknowledgement of a FIN before the FIN. Such a segment waits until what it acknowledges was
// seen, for a few milliseconds at most.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "daemon/capture/quick_hash.h"
#include "emulator/connections/flow_key.h"
#include "emulator/connections/tcp/sequence.h"
#include "emulator/packet/packet.h"

namespace wobble::daemon {

class EarlyAcks {
 public:
  static constexpr std::int64_t kPatience = 3'000'000;  ///< nanoseconds
  static constexpr std::size_t kMost = 256;             ///< segments that wait
  static constexpr std::size_t kGeneration = 8192;      ///< flows that are remembered; of others SYN-ACKs wait in vain

  struct Segment {
    std::vector<std::uint8_t> bytes;  ///< a whole IP packet's, whatever of it was captured
    std::uint32_t beyond = 0;         ///< of a super-packet: what those leave out
    bool has_cut_options = false;     ///< PacketView's
    std::int64_t at = 0;
    FlowKey flow;
    Side side = Side::near;
    SequenceNumber ack = 0;
  };

  /// Whether this TCP segment, which arrives on `side`, has to wait; it is then kept.
  bool keep_early(const PacketView& packet, Side side, std::int64_t at);
  /// To be called for every TCP segment that is looked at: it was sent.
  void seen(const PacketView& packet, Side side);

  /// Whether that segment's flow was seen lately.
  bool knows(const PacketView& packet, Side side) { return find(FlowKey::of(packet, side)) != nullptr; }
  /// Those that need not, or may not, wait any longer once `packet` is next; taken out, in their order.
  std::vector<Segment> ripe_before(const PacketView& packet, Side side, std::int64_t at);
  /// Those of that segment's flow whose turn has come, since it was seen.
  std::vector<Segment> ripe_after(const PacketView& packet, Side side);
  std::vector<Segment> take_all();

 private:
  struct Sent {
    SequenceNumber end[2] = {0, 0};  ///< by side: just past the highest
    bool is_known[2] = {false, false};
  };
  template <typename Predicate>
  std::vector<Segment> take_if(Predicate predicate);

  struct Hash {
    std::size_t operator()(const FlowKey& key) const noexcept {
      const std::uint64_t ports = std::uint64_t{key.near_port} << 16 | key.far_port;
      return mix64(hash_of_addresses(key.near_address, key.far_address) ^ ports);
    }
  };
  using SentByFlow = std::unordered_map<FlowKey, Sent, Hash>;
  /// Of a flow that was seen lately; nothing if it was not.
  Sent* find(const FlowKey& flow);
  Sent& need(const FlowKey& flow);

  SentByFlow sent_;    ///< the flows seen last, and
  SentByFlow before_;  ///< those seen before them: together all of the last kGeneration, and at most twice as many
  FlowKey latest_;     ///< nearly always the next packet's
  Sent* of_latest_ = nullptr;
  std::deque<Segment> waiting_;
};

}  // namespace wobble::daemon
