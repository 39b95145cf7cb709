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

#include "emulator/fragment.h"
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
  struct Before {
    bool operator()(const DatagramKey& a, const DatagramKey& b) const noexcept {
      const auto order = [](const DatagramKey& key) {
        return std::tie(key.source.bytes, key.destination.bytes, key.identification, key.protocol);
      };
      return order(a) < order(b);
    }
  };
  struct Datagram {
    DatagramKey key;
    std::int64_t since = 0;
    std::vector<std::uint8_t> headers;  ///< of the first fragment, without the fragment header
    std::vector<std::uint8_t> payload;
    DatagramCoverage coverage;
    bool is_spoilt = false;
  };

  Datagram& datagram(const DatagramKey& key, std::int64_t at);
  void drop(std::list<Datagram>::iterator which);
  static bool insert(Datagram& datagram, const Fragment& fragment, std::span<const std::uint8_t> payload);
  bool assemble(const Datagram& datagram);

  std::list<Datagram> datagrams_;  ///< oldest first
  std::map<DatagramKey, std::list<Datagram>::iterator, Before> by_key_;
  std::vector<std::uint8_t> whole_;
  std::uint64_t discarded_ = 0;
};

}  // namespace wobble::daemon
