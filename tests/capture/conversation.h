// TCP conversations on paper, captured, analysed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/capture/analysis.h"
#include "emulator/packet/packet_checksum.h"
#include "tests/capture/capture_files.h"

namespace wobble::captures {

inline constexpr std::int64_t kMillisecond = 1'000'000;
inline constexpr std::int64_t kBegin = 1'700'000'000'000'000'000;

/// Between 10.77.0.1:40000 (client) and 10.77.1.1:80, with right checksums. Each has its own IP identification.
class Conversation {
 public:
  explicit Conversation(std::uint16_t client_port = 40000) : client_port_(client_port) {}

  Bytes client(std::uint16_t flags, std::uint32_t seq, std::uint32_t ack, const Bytes& payload = {}) {
    return finished(packets::ipv4(kTcp, packets::tcp(client_port_, 80, seq, ack, flags, payload)), false);
  }
  Bytes server(std::uint16_t flags, std::uint32_t seq, std::uint32_t ack, const Bytes& payload = {}) {
    return finished(packets::ipv4(kTcp, packets::tcp(80, client_port_, seq, ack, flags, payload)), true);
  }

 private:
  Bytes finished(Bytes packet, bool is_back) {
    if (is_back) std::swap_ranges(packet.begin() + 12, packet.begin() + 16, packet.begin() + 16);
    ++id_;
    packet[4] = static_cast<std::uint8_t>(id_ >> 8);
    packet[5] = static_cast<std::uint8_t>(id_);
    packet = packets::with_checksum(packet);
    write_ipv4_header_checksum(packet);
    return packet;
  }
  std::uint16_t client_port_;
  std::uint16_t id_ = 0;
};

struct Captured {
  Bytes packet;
  std::int64_t at;  ///< nanoseconds after kBegin
};

/// Handshake, ten bytes each way, the client closes first: ten packets, a millisecond apart.
inline std::vector<Captured> orderly(Conversation c = Conversation()) {
  using namespace tcp_flag;
  const std::vector<Bytes> packets = {
      c.client(kSyn, 100, 0),
      c.server(kSyn | kAck, 500, 101),
      c.client(kAck, 101, 501),
      c.client(kAck | kPsh, 101, 501, Bytes(10, 'q')),
      c.server(kAck | kPsh, 501, 111, Bytes(10, 'a')),
      c.client(kAck, 111, 511),
      c.client(kFin | kAck, 111, 511),
      c.server(kAck, 511, 112),
      c.server(kFin | kAck, 511, 112),
      c.client(kAck, 112, 512),
  };
  std::vector<Captured> out;
  out.reserve(std::size(packets));
  for (const Bytes& packet : packets) out.push_back({packet, static_cast<std::int64_t>(out.size()) * kMillisecond});
  return out;
}

/// As nanosecond pcap of raw IP; `snap` cuts.
inline Bytes raw_pcap(const std::vector<Captured>& packets, std::size_t snap = 65535) {
  const Order o;
  Bytes file = pcap_header(o, 0xa1b23c4d, 101);
  for (const Captured& one : packets) {
    const std::int64_t at = kBegin + one.at;
    const Bytes kept(one.packet.begin(),
                     one.packet.begin() + static_cast<std::ptrdiff_t>(std::min(snap, one.packet.size())));
    file = file + pcap_frame(o, static_cast<std::uint32_t>(at / 1'000'000'000),
                             static_cast<std::uint32_t>(at % 1'000'000'000), kept, one.packet.size());
  }
  return file;
}

struct Analysed {
  std::vector<daemon::AnalysedConnection> connections;
  daemon::AnalysisCounts counts;
  std::string error;

  /// "client SYN_SENT 1, server SYN_RECEIVED 11, ..." of connection `i`: each endpoint's new state, by its row.
  std::string story(std::size_t i = 0) const {
    std::string out;
    for (const api::TransitionRow& row : connections.at(i).transitions) {
      out += (out.empty() ? "" : ", ") + std::string(to_string(row.side)) + " " + to_string(row.to) + " " +
             std::to_string(static_cast<int>(row.row));
    }
    return out;
  }
};

/// `open` gives a reader of the capture, each time it is called.
template <typename Open>
Analysed analyse_from(Open open, daemon::Checksums checksums = daemon::Checksums::automatic,
                      std::uint32_t capacity = 1024) {
  Analysed out;
  daemon::AnalysisOptions options;
  options.name = "test";
  options.checksums = checksums;
  options.table.capacity = capacity;
  daemon::CaptureAnalysis analysis(options, [&](const daemon::AnalysedConnection& c) { out.connections.push_back(c); });
  try {
    if (analysis.wants_first_look()) analysis.first_look(*open());
    analysis.run(*open());
  } catch (const daemon::CaptureError& error) {
    out.error = error.what();
  }
  out.counts = analysis.counts();
  return out;
}

inline Analysed analyse(const Bytes& file, daemon::Checksums checksums = daemon::Checksums::automatic,
                        std::uint32_t capacity = 1024) {
  return analyse_from([&] { return reader_of(file); }, checksums, capacity);
}

inline std::unique_ptr<daemon::CaptureReader> open_case(const std::string& path) {
  return daemon::read_capture(daemon::open_source(path));
}

inline constexpr char kOrderlyStory[] =
    "client SYN_SENT 1, server SYN_RECEIVED 11, client ESTABLISHED 14, server ESTABLISHED 16, client FIN_WAIT_1 17, "
    "server CLOSE_WAIT 18, client FIN_WAIT_2 21, server LAST_ACK 19, client TIME_WAIT 23, server CLOSED 25";

}  // namespace wobble::captures
