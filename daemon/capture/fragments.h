// IP datagrams put together again from their fragments (RFC 791 3.2, RFC 8200 4.5). At most 1,024 at a time, each for
// 30 s; fragments that overlap discard their datagram (RFC 5722), but a fragment that merely comes twice is ignored.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "emulator/packet.h"

namespace wobble::daemon {

class FragmentTable {
 public:
  static constexpr std::size_t kMost = 1024;
  static constexpr std::int64_t kPatience = 30'000'000'000;  ///< nanoseconds since the first of them

  /// Takes one fragment, read whole or with zeros for what was cut off. The datagram's bytes when it is complete, valid
  /// until the next call. `at` is in nanoseconds.
  std::optional<std::span<const std::uint8_t>> add(const PacketView& fragment, std::int64_t at);

  /// Datagrams that were given up: out of time, out of room, or overlapping.
  std::uint64_t discarded() const noexcept { return discarded_; }
  std::size_t size() const noexcept { return datagrams_.size(); }

 private:
  using Key = std::tuple<IpAddress, IpAddress, std::uint32_t, std::uint8_t>;
  struct Piece {
    std::uint32_t begin;
    std::uint32_t end;
  };
  struct Datagram {
    Key key;
    std::int64_t since = 0;
    std::vector<std::uint8_t> headers;  ///< of the first fragment, without the fragment header
    std::vector<std::uint8_t> payload;
    std::vector<Piece> pieces;
    std::uint32_t total = 0;  ///< of the payload; 0: the last has not come
    std::uint32_t received = 0;
    std::uint32_t next_header_at = 0;
    bool is_spoilt = false;
  };
  /// Where a fragment belongs.
  struct Place {
    Key key;
    std::uint32_t offset = 0;
    bool is_last = false;
    std::size_t unfragmentable = 0;  ///< bytes of headers that every fragment repeats
    std::size_t payload_at = 0;
    std::size_t next_header_at = 0;  ///< IPv6: where the protocol behind the fragment header is to be written
    std::uint8_t next_header = 0;
  };

  static std::optional<Place> place_of(const PacketView& fragment);
  static std::optional<Place> place_of_v6(const PacketView& fragment);
  Datagram& datagram(const Key& key, std::int64_t at);
  void drop(std::list<Datagram>::iterator which);
  static bool insert(Datagram& datagram, const Place& place, std::span<const std::uint8_t> payload);
  bool assemble(const Datagram& datagram);

  std::list<Datagram> datagrams_;  ///< oldest first
  std::map<Key, std::list<Datagram>::iterator> by_key_;
  std::vector<std::uint8_t> whole_;
  std::uint64_t discarded_ = 0;
};

}  // namespace wobble::daemon
