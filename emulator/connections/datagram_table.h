// Datagrams of which fragments are under way: what has arrived of each, and what was delivered. At most 1,024 at a
// time; one whose fragments have not all arrived waits for 30 s. The oldest is given up first. The headers are kept,
// also where they are cut into several fragments; of the payload nothing but which parts of it were seen.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "emulator/connections/connection_table.h"
#include "emulator/connections/flow_key.h"
#include "emulator/lazy_array.h"
#include "emulator/packet/fragment.h"

namespace wobble {

/// Fragments that came before their connection was known, and what became of them.
struct UnclaimedFragments {
  std::uint32_t packets = 0;
  std::uint32_t bytes = 0;
  std::uint32_t payload_bytes = 0;
  std::uint32_t packets_delivered = 0;
  std::uint32_t bytes_delivered = 0;
  std::uint32_t dropped = 0;
  std::uint32_t duplicated = 0;
  std::uint32_t corrupted = 0;
  std::uint32_t reordered = 0;
  std::uint32_t header_bytes = 0;  ///< of payload_bytes, what turned out to be none
};

struct DatagramFacts {
  DatagramKey key;
  Side arrived_on = Side::near;
  bool has_first = false;
  bool has_headers = false;   ///< those of its transport too
  bool is_spoilt = false;     ///< nothing is concluded from it: fragments overlap, or it names no flow
  bool is_sent = false;       ///< all of it has arrived
  bool is_delivered = false;  ///< at least once
  bool is_repeat = false;     ///< its fragment that arrived last was there before
  ConnectionHandle connection;
  UnclaimedFragments unclaimed;
  TimePoint since{};            ///< its first fragment's arrival
  TimePoint sent_at{};          ///< if is_sent
  Fate fate;                    ///< of the whole: lost if any fragment is
  Fate landing;                 ///< of what is being delivered
  std::uint32_t in_flight = 0;  ///< copies of fragments
  PacketView first;             ///< as a first fragment with all its headers
  Fragment place_of_first;
  std::uint32_t head_units = 0;  ///< of Datagram::head, which eight bytes are there
  // The table's.
  std::uint32_t chain = 0;  ///< the next older in the bucket
  std::uint32_t older = 0;
  std::uint32_t newer = 0;
};

struct Datagram : DatagramFacts {
  static constexpr std::size_t kKept = 256;
  static constexpr std::size_t kHead = 128;  ///< TCP's header takes up to 60 bytes, and IPv6 has others before it

  DatagramCoverage arrived;
  DatagramCoverage delivered;  ///< since it was complete at the receiver last, which then forgets it
  std::array<std::uint8_t, kKept> headers;
  std::array<std::uint8_t, kHead> head;  ///< the payload's first bytes

  /// One more fragment has arrived; what it has of the headers is kept.
  void arrive(const Fragment& fragment, const PacketView& packet) noexcept;
  /// All that the sender sent is here, and it is a datagram.
  bool is_whole() const noexcept;
  /// As one packet that ends with its headers, and with the lengths of the whole. Still is_fragment: what is in its
  /// payload cannot be looked at. Only with has_headers.
  PacketView whole() const noexcept;
  /// What was decided of the fragment that arrived last.
  void meet(const Fate& fate) noexcept;
  /// A copy of a fragment was delivered. True if the receiver now has all of it, and would begin anew with the next.
  bool land(const Fragment& fragment, const Fate& fate, std::uint8_t copy) noexcept;

 private:
  void keep(const Fragment& fragment, std::span<const std::uint8_t> payload) noexcept;
  /// Bytes of the payload that are in `head` from its beginning on.
  std::uint32_t head_size() const noexcept;
  void read_headers() noexcept;
};

class DatagramTable {
 public:
  static constexpr std::uint32_t kMost = 1024;
  static constexpr Duration kPatience = std::chrono::seconds(30);

  explicit DatagramTable(HashKey hash_key);

  /// The datagram of a fragment that arrives: a new one, unless it waits for this one, or this one was seen before and
  /// the datagram is still on its way.
  Datagram& arrive(const Fragment& fragment, Side side, TimePoint now) noexcept;
  /// The datagram of a fragment that arrived at `arrived`; null if it was given up.
  Datagram* find(const DatagramKey& key, Side side, TimePoint arrived) noexcept;
  void erase(Datagram& datagram) noexcept;
  void clear() noexcept;
  std::uint32_t size() const noexcept { return size_; }

 private:
  static constexpr std::uint32_t kBuckets = 1024;

  std::uint32_t& bucket(const DatagramKey& key, Side side) noexcept;
  std::uint32_t newest_of(const DatagramKey& key, Side side) noexcept;
  Datagram& insert(const DatagramKey& key, Side side, TimePoint now) noexcept;

  HashKey hash_key_;
  LazyArray<Datagram> datagrams_;  // from 1
  LazyArray<std::uint32_t> buckets_;
  std::uint32_t free_ = 0;
  std::uint32_t fresh_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t oldest_ = 0;
  std::uint32_t newest_ = 0;
};

}  // namespace wobble
