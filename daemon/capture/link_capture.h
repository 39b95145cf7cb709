// A capture of a link: a tap that copies each wire packet, with its fate, into a bounded ring, and the pcapng that is
// made of it. Each packet stands in the file where it arrived (on the interface of that side), once more for each copy
// that left (on the interface of the other side), and, if it was lost in between, on the interface "lost".
//
// Threads: the link's thread is the tap and never waits; if the ring is full the packet is counted, and the file says
// where and how many are missing. Whoever reads is the other one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/capture/capture_notes.h"
#include "emulator/device/packet_tap.h"
#include "emulator/packet/fragment.h"

namespace wobble::daemon {

class CaptureTap final : public PacketTap {
 public:
  static constexpr std::size_t kDefaultRing = std::size_t{32} << 20;

  /// `ring` bytes, a power of two; of each packet at most `snap_length` bytes (1 to 65,535) are kept.
  explicit CaptureTap(const api::CaptureOptions& options, std::size_t ring = kDefaultRing);

  // The link's thread.
  void arrived(const PacketSighting& packet, const Fate& fate, TimePoint now) noexcept override;
  void left(const PacketSighting& packet, const PacketDeparture& copy, TimePoint now) noexcept override;
  void lost(const PacketSighting& packet, const PacketDeparture& copy, DropReason reason,
            TimePoint now) noexcept override;
  void ended() noexcept override { has_ended_.store(true, std::memory_order_release); }

  // The reader's thread.
  /// One packet as it was seen; `bytes` is valid until the next call.
  struct Sight {
    CaptureNote note;
    CaptureLane lane = CaptureLane::near;
    TimePoint at;
    std::uint32_t original_length = 0;
    std::uint64_t missed = 0;  ///< just before this one
    std::span<const std::uint8_t> bytes;
  };
  bool next(Sight& sight);
  std::uint64_t missed() const noexcept { return missed_.load(std::memory_order_relaxed); }
  /// The link is no more; what it saw is still to be read.
  bool has_ended() const noexcept { return has_ended_.load(std::memory_order_acquire); }

 private:
  struct Header;
  bool is_wanted(const PacketSighting& packet) noexcept;
  void record(const PacketSighting& packet, const Header& header) noexcept;
  std::span<const std::uint8_t> wire_bytes(const PacketSighting& packet) noexcept;
  void put(std::size_t at, const void* from, std::size_t size) noexcept;
  void get(std::size_t at, void* to, std::size_t size) const noexcept;

  std::uint32_t snap_length_;
  std::uint16_t port_;
  /// Datagrams whose first fragment was wanted lately, so that those behind it are.
  std::array<DatagramKey, 256> wanted_{};
  std::size_t next_wanted_ = 0;
  std::size_t mask_;
  std::unique_ptr<std::uint8_t[]> ring_;
  std::vector<std::uint8_t> segment_;  ///< the producer's: one packet as it is on the wire
  std::vector<std::uint8_t> bytes_;    ///< the reader's
  std::uint64_t untold_missed_ = 0;    ///< the producer's
  std::atomic<std::uint64_t> missed_{0};
  std::atomic<bool> has_ended_{false};
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
};

/// What stands before a capture's packets, and one of them.
/// `behind`: see LaneMark; where the clock was set a new section begins that says so.
void write_link_preamble(std::string& out, const std::string& link, std::uint32_t snap_length, std::int64_t behind = 0);
void write_sight(std::string& out, api::WallTime at, const CaptureTap::Sight& sight);

/// A tap's packets as pcapng, until enough was captured or the link is no more. Once a second without a packet it hands
/// out a block of statistics, so that whoever reads sees that it lives.
class LinkCapture final : public api::Capture {
 public:
  /// `detach` takes the tap off the link; called once, at the end.
  LinkCapture(std::string link, const api::CaptureOptions& options, std::shared_ptr<CaptureTap> tap,
              std::function<api::WallTime(TimePoint)> wall_clock, std::function<void()> detach);
  ~LinkCapture() override;

  bool read(std::string& out, Duration at_most) override;

 private:
  bool is_over() const;
  void end(std::string& out);
  void write(std::string& out, const CaptureTap::Sight& sight);

  std::string link_;
  api::CaptureOptions options_;
  std::shared_ptr<CaptureTap> tap_;
  std::function<api::WallTime(TimePoint)> wall_clock_;
  std::function<void()> detach_;
  TimePoint began_;
  TimePoint spoke_;                       ///< when something was last handed out
  std::optional<std::int64_t> offset_;    ///< of the wall's clock, at the first packet
  std::int64_t behind_ = 0;               ///< as the latest section says
  std::uint64_t written_[3] = {0, 0, 0};  ///< by lane
  std::uint64_t arrivals_ = 0;
  bool has_begun_ = false;
  bool has_ended_ = false;
};

}  // namespace wobble::daemon
