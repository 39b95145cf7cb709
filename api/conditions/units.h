// Quantities as people write them, and back: "80ms", "5mbit", "64kB", "2%", "100packets". Exact integers both ways:
// decimals are read by hand, so what goes in comes back, canonical, and nothing is rounded in silence. What cannot be
// represented is an error, and each error says which spelling would be right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "emulator/conditions/conditions.h"

namespace wobble::api {

/// A value, or one line that says what is wrong.
template <typename T>
struct Parsed {
  T value{};
  std::string error;  ///< empty: `value` holds

  bool ok() const { return error.empty(); }
};

/// ns us ms s m h. "0" is 0 in any unit. At most 292 years.
Parsed<Duration> parse_duration(std::string_view text);
/// "80ms", "1.5s", "250us", "10m"; the largest unit that is not above the value and in which it has an exact decimal
/// spelling; minutes and hours only if whole. 0 is "0ms".
std::string print_duration(Duration value);

/// bit kbit mbit gbit (of 1000), in bits per second, in any case. tc's bps, kbps, mbps are bytes: refused, with that
/// reason.
Parsed<std::uint64_t> parse_rate(std::string_view text);
std::string print_rate(std::uint64_t bits_per_second);

/// B kB MB GB (of 1000), KiB MiB (of 1024).
Parsed<std::uint64_t> parse_size(std::string_view text);
std::string print_size(std::uint64_t bytes);

/// A size that may be negative: "38B", "-4B".
Parsed<std::int32_t> parse_overhead(std::string_view text);
std::string print_overhead(std::int32_t bytes);

/// "0.125Hz", in millionths.
Parsed<std::uint32_t> parse_hertz(std::string_view text);
std::string print_hertz(std::uint32_t millionths);
/// A size of at most 4 GB, for fields that hold no more.
Parsed<std::uint32_t> parse_mtu(std::string_view text);

/// "2%", 0 to 100, at most seven decimals.
Parsed<Probability> parse_percent(std::string_view text);
std::string print_percent(Probability value);

/// A mean number of packets, "2.5packets", in thousandths.
Parsed<std::uint32_t> parse_mean_packets(std::string_view text);
std::string print_mean_packets(std::uint32_t thousandths);

/// A queue's limit: "100packets", "64kB" or "200ms". Exactly one field of the answer is set, and it is above 0.
Parsed<QueueSettings> parse_limit(std::string_view text);
/// `limit` with at most one field set; "" if none.
std::string print_limit(const QueueSettings& limit);

/// How far `reorder` moves a packet: "3packets" or "10ms".
struct ReorderBy {
  std::uint32_t packets = 0;
  Duration time{0};
};
Parsed<ReorderBy> parse_reorder_by(std::string_view text);
/// At most one of the two set; "" if none.
std::string print_reorder_by(const ReorderBy& by);

}  // namespace wobble::api
