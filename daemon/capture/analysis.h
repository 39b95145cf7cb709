// The connection tracker over a capture: each frame was sent, and at once delivered. Our own captures say more: what
// arrived, what was decided, and when each copy left, so that the tracker is told exactly what it was told live.
//
// Memory is bounded, however long the capture is: by the table's capacity, 1,024 frames that wait for their order,
// 1,024 datagrams that wait for their fragments, and 256 fragments that wait for their ports. One thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/capture/analysis_rows.h"
#include "daemon/capture/capture_notes.h"
#include "daemon/capture/capture_reader.h"
#include "daemon/capture/captured_packet.h"
#include "daemon/capture/checksum_policy.h"
#include "daemon/capture/duplicate_frames.h"
#include "daemon/capture/early_acks.h"
#include "daemon/capture/fragment_sides.h"
#include "daemon/capture/link_layer.h"

namespace wobble::daemon {

struct AnalysisOptions {
  std::string name;  ///< stands for the link's, where the capture does not say
  Checksums checksums = Checksums::automatic;
  ConnectionTableOptions table;
};

/// Segments of TCP that belong to no connection and open none, by their flags.
enum class Stray : std::uint8_t {
  rst,
  null,     ///< none of them
  fin,      ///< without ACK, and so are
  xmas,     ///< FIN, PSH and URG
  syn_fin,  ///< both, whatever else
  other,
};
inline constexpr std::size_t kStrayCount = 6;
const char* to_string(Stray stray) noexcept;

/// Frames, by what became of them. Each is one of: packets, second_views, not_ip, unknown_link, unreadable, and (of our
/// own captures) no arrival. A packet is one of a connection or flow, in bad_checksums, or belongs to nobody.
struct AnalysisCounts {
  std::uint64_t frames = 0;
  std::uint64_t packets = 0;  ///< IP packets that were looked at, each fragment one
  std::uint64_t not_ip = 0;
  std::uint64_t unknown_link = 0;   ///< of a link type that is not read
  std::uint64_t unreadable = 0;     ///< malformed, cut off within its headers, or shorter on the wire than it says
  std::uint64_t truncated = 0;      ///< of packets: not whole, but enough of it
  std::uint64_t fragments = 0;      ///< of packets
  std::uint64_t tunnelled = 0;      ///< of packets: they were within others
  std::uint64_t bad_checksums = 0;  ///< of packets
  std::uint64_t second_views = 0;   ///< duplicated frames
  std::uint64_t missed = 0;         ///< the capture says that it lost them
  std::uint64_t from_before = 0;    ///< of our captures: had arrived before it began
  std::uint64_t departures = 0;     ///< of our captures: where a packet left, or was lost
  std::uint64_t clock_steps = 0;    ///< the clock went back so often
  std::array<std::uint64_t, kStrayCount> strays{};
  std::uint64_t stray_fragments = 0;            ///< of datagrams of which the first part was not seen
  std::map<std::string, std::uint64_t> unread;  ///< not_ip, by what it is
  std::uint16_t unknown_link_type = 0;
  std::optional<std::int64_t> first;  ///< nanoseconds since the Unix epoch
  std::int64_t last = 0;
  Duration lasted{0};  ///< with the clock's steps left out
};

class CaptureAnalysis {
 public:
  CaptureAnalysis(const AnalysisOptions& options, AnalysisSink sink);

  /// Whether a first_look() over the whole capture helps.
  bool wants_first_look() const noexcept { return checksums_.wants_first_look(); }
  /// Damage ends it quietly: run() will meet it again.
  void first_look(CaptureReader& reader);

  /// Reads everything and hands every connection on. CaptureError after that, if the capture is damaged.
  void run(CaptureReader& reader);

  const AnalysisCounts& counts() const noexcept { return counts_; }

 private:
  /// A packet of one of our captures that is on its way.
  struct Travelling {
    ConnectionHandle connection;
    Fate fate;
    TimePoint arrived;
    Side side = Side::near;
    std::uint8_t copies = 0;  ///< still to come
    bool is_damaged = false;  ///< its checksum was bad when it arrived: nothing is concluded from it
  };

  void read_all(CaptureReader& reader);
  void count_strays();
  /// `behind`: see SortedFrames::stepped_back().
  void take(const CaptureReader& reader, const CapturedFrame& frame, std::int64_t behind);
  const std::optional<LaneMark>& lane(const CaptureReader& reader, std::uint32_t interface);
  bool find(const CaptureReader& reader, const CapturedFrame& frame, FramedPacket& framed, CapturedPacket& packet);
  void enter_tunnels(FramedPacket& framed, CapturedPacket& packet);
  std::int64_t follow_clock(std::int64_t at, std::int64_t behind);
  void take_foreign(const CapturedFrame& frame, const FramedPacket& framed, const CapturedPacket& packet,
                    std::int64_t at);
  // Here `at` is the steady time: the capture's, with what its clock was set back.
  void pass_in_turn(const PacketView& view, std::int64_t at);
  void pass_in_turn(const PacketView& view, Side side, std::int64_t at);
  void begin_appended(const PacketView& view, Side side);
  void pass(const PacketView& view, Side side, std::int64_t at);
  void pass_all(const std::vector<EarlyAcks::Segment>& segments);
  void take_ours(const LaneMark& mark, const CaptureNote& note, const CapturedPacket& packet);
  void arrived(Side side, const CaptureNote& note, const PacketView& view);
  void landed(const CaptureNote& note, const PacketView& view);
  void follow(Travelling& packet, const CaptureNote& note, const PacketView& view);
  void count_stray(const PacketView& view);
  void move_to(std::int64_t at);

  AnalysisOptions options_;
  AnalysisRows rows_;
  ConnectionTable table_;
  ChecksumPolicy checksums_;
  PacketRestorer restorer_;
  DuplicateFrames duplicates_;
  FragmentSides fragment_sides_;
  EarlyAcks early_;
  std::vector<std::optional<LaneMark>> lanes_;
  std::unordered_map<std::uint64_t, Travelling> travelling_;
  AnalysisCounts counts_;
  CaptureClock clock_;
  TimePoint now_{};
  bool may_be_appended_ = false;
};

}  // namespace wobble::daemon
