#include "emulator/connections/flood_watch.h"

#include <algorithm>
#include <utility>

namespace wobble {
namespace {

constexpr std::uint8_t kIpv4Prefix = 24, kIpv6Prefix = 64;
constexpr std::size_t kIpv4Host = 1, kIpv6Host = 8;  // bytes

std::pair<IpAddress, std::uint8_t> network_of(IpAddress address) noexcept {
  const bool is_v4 = address.is_v4();
  const std::size_t host = is_v4 ? kIpv4Host : kIpv6Host;
  std::fill(address.bytes.end() - static_cast<std::ptrdiff_t>(host), address.bytes.end(), std::uint8_t{0});
  return {address, is_v4 ? kIpv4Prefix : kIpv6Prefix};
}

}  // namespace

bool FloodWatch::begun(TimePoint now) noexcept {
  if (each_ == Duration{0}) return false;
  empty_at_ = std::min(std::max(empty_at_, now) + each_, now + kMost);
  if (is_on_ || empty_at_ - now <= kBegins) return false;
  since_ = now;
  return is_on_ = true;
}

bool FloodWatch::ends(TimePoint now) noexcept {
  if (!is_on_ || empty_at_ > now) return false;
  is_on_ = false;
  return true;
}

HalfOpenFlood& FloodTally::row_of(const IpAddress& network, std::uint8_t prefix, std::uint16_t port) noexcept {
  std::size_t slot = hash_of(kFlowKeySecret, kTcp, Endpoint{network, port}, 0) % kSlots;
  for (; slots_[slot] != 0; slot = (slot + 1) % kSlots) {
    HalfOpenFlood& row = rows_[slots_[slot] - 1u];
    if (row.source == network && row.port == port) return row;
  }
  HalfOpenFlood& row = rows_[std::min(used_, kRows)];
  if (used_ >= kRows) {
    used_ = kRows + 1;  // of several sources
    return row;
  }
  slots_[slot] = static_cast<std::uint16_t>(++used_);
  row.source = network;
  row.prefix = prefix;
  row.port = port;
  return row;
}

void FloodTally::count(const IpAddress& client, std::uint16_t port, const Failure& failure, TimePoint now) noexcept {
  if (used_ == 0) since_ = now;
  const auto [network, prefix] = network_of(client);
  HalfOpenFlood& row = row_of(network, prefix, port);
  row.phase = HalfOpenFlood::Phase::counted;
  row.since = since_;
  ++row.connections;
  if (failure.is_refused) ++row.refused;
  if (failure.is_answered) ++row.answered;
  if (failure.is_evicted) ++row.evicted;
}

void FloodTally::clear() noexcept {
  std::fill_n(rows_.begin(), used_, HalfOpenFlood{});
  slots_.fill(0);
  used_ = 0;
}

}  // namespace wobble
