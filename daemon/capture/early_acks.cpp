#include "daemon/capture/early_acks.h"

#include <utility>

namespace wobble::daemon {
namespace {

std::size_t index_of(Side side) { return side == Side::near ? 0 : 1; }

}  // namespace

// `latest_` is always one of sent_, whose places stay as they are until it becomes before_.
EarlyAcks::Sent* EarlyAcks::find(const FlowKey& flow) {
  if (of_latest_ != nullptr && latest_ == flow) return of_latest_;
  if (const auto found = sent_.find(flow); found != sent_.end()) {
    latest_ = flow;
    return of_latest_ = &found->second;
  }
  const auto found = before_.find(flow);
  return found == before_.end() ? nullptr : &found->second;
}

EarlyAcks::Sent& EarlyAcks::need(const FlowKey& flow) {
  const Sent* known = find(flow);
  if (of_latest_ != nullptr && of_latest_ == known) return *of_latest_;
  const Sent sent = known != nullptr ? *known : Sent{};
  if (sent_.size() >= kGeneration) {
    before_.swap(sent_);
    sent_.clear();
  }
  latest_ = flow;
  of_latest_ = &(sent_[flow] = sent);
  return *of_latest_;
}

bool EarlyAcks::keep_early(const PacketView& packet, Side side, std::int64_t at) {
  if (!packet.tcp.has(tcp_flag::kAck) || packet.tcp.has(tcp_flag::kRst) || waiting_.size() >= kMost) return false;
  const FlowKey flow = FlowKey::of(packet, side);
  const Sent* known = find(flow);
  const std::size_t peer = index_of(opposite(side));
  const bool is_peer_known = known != nullptr && known->is_known[peer];
  const bool is_early =
      is_peer_known ? is_after(packet.tcp.ack, known->end[peer]) : packet.tcp.has(tcp_flag::kSyn) && known == nullptr;
  if (!is_early) return false;
  waiting_.push_back({{packet.bytes.begin(), packet.bytes.end()},
                      packet.length - static_cast<std::uint32_t>(packet.bytes.size()),
                      packet.has_cut_options,
                      at,
                      flow,
                      side,
                      packet.tcp.ack});
  return true;
}

void EarlyAcks::seen(const PacketView& packet, Side side) {
  Sent& sent = need(FlowKey::of(packet, side));
  const std::size_t own = index_of(side), peer = 1 - own;
  const bool restarts = packet.tcp.has(tcp_flag::kSyn) && !packet.tcp.has(tcp_flag::kAck);
  if (restarts) sent.is_known[peer] = false;
  if (packet.is_fragment) {  // where the whole segment ends is not known
    sent.is_known[own] = false;
    return;
  }
  const SequenceNumber end = packet.tcp.seq + packet.tcp.sequence_length();
  const auto advance = [&](std::size_t side_index, SequenceNumber to, bool anew) {
    const bool is_known = sent.is_known[side_index] && !anew;
    sent.end[side_index] = is_known ? later_of(sent.end[side_index], to) : to;
    sent.is_known[side_index] = true;
  };
  if (packet.tcp.has(tcp_flag::kRst)) return;
  advance(own, end, packet.tcp.has(tcp_flag::kSyn));
  // What was acknowledged was sent, whether the capture has it or not: nothing waits for it twice.
  if (packet.tcp.has(tcp_flag::kAck)) advance(peer, packet.tcp.ack, false);
}

template <typename Predicate>
std::vector<EarlyAcks::Segment> EarlyAcks::take_if(Predicate predicate) {
  std::vector<Segment> out;
  if (waiting_.empty()) return out;
  std::deque<Segment> kept;
  for (Segment& segment : waiting_) {
    if (predicate(segment)) {
      out.push_back(std::move(segment));
    } else {
      kept.push_back(std::move(segment));
    }
  }
  waiting_ = std::move(kept);
  return out;
}

// A segment does not wait longer than its patience, nor while its own sender goes on.
std::vector<EarlyAcks::Segment> EarlyAcks::ripe_before(const PacketView& packet, Side side, std::int64_t at) {
  if (waiting_.empty()) return {};
  const FlowKey flow = packet.is_tcp() ? FlowKey::of(packet, side) : FlowKey{};
  return take_if([&](const Segment& one) {
    return at - one.at > kPatience || (one.side == side && one.flow == flow && packet.is_tcp());
  });
}

std::vector<EarlyAcks::Segment> EarlyAcks::ripe_after(const PacketView& packet, Side side) {
  if (waiting_.empty()) return {};
  const FlowKey flow = FlowKey::of(packet, side);
  const SequenceNumber end = packet.tcp.seq + packet.tcp.sequence_length();
  return take_if([&](const Segment& one) { return one.side != side && one.flow == flow && !is_after(one.ack, end); });
}

std::vector<EarlyAcks::Segment> EarlyAcks::take_all() {
  return take_if([](const Segment&) { return true; });
}

}  // namespace wobble::daemon
