// Any bytes as a capture file: what can be read is analysed, the rest is damage with an offset within the file; every
// connection is told once, and no more of them wait than the table holds; every frame is in one of the counts, and
// every packet is somebody's or counted as nobody's. What is replayed of it can be read again.
//
// The first byte chooses how checksums are looked at; the file follows.
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "daemon/capture/analysis.h"
#include "daemon/capture/replay.h"

namespace {

using namespace wobble;
using namespace wobble::daemon;

std::unique_ptr<CaptureReader> open(std::span<const std::uint8_t> file) {
  return read_capture(std::make_unique<MemorySource>(file));
}

void check(const AnalysisCounts& counts, std::uint64_t told) {
  const std::uint64_t frames = counts.packets + counts.second_views + counts.not_ip + counts.unknown_link +
                               counts.unreadable + counts.departures;
  std::uint64_t packets = told + counts.bad_checksums + counts.stray_fragments, unread = 0;
  for (const std::uint64_t n : counts.strays) packets += n;
  for (const auto& [what, n] : counts.unread) unread += n;
  if (frames != counts.frames || packets != counts.packets || unread != counts.not_ip) std::abort();
}

void analyse(std::span<const std::uint8_t> file, Checksums checksums) {
  std::uint64_t packets = 0;
  std::set<ConnectionId> told;
  AnalysisOptions options;
  options.name = "fuzz";
  options.checksums = checksums;
  options.table.capacity = 32;
  CaptureAnalysis analysis(options, [&](const AnalysedConnection& connection) {
    if (!told.insert(connection.row.id).second) std::abort();
    packets += connection.row.client.figures.packets_sent + connection.row.server.figures.packets_sent;
  });
  try {
    if (analysis.wants_first_look()) analysis.first_look(*open(file));
    analysis.run(*open(file));
  } catch (const CaptureError& error) {
    if (error.offset > file.size()) std::abort();
  }
  check(analysis.counts(), packets);
}

std::string replay_of(std::span<const std::uint8_t> file, ReplayFormat format) {
  ReplayOptions options;
  options.format = format;
  options.connections = 32;
  options.conditions.up.duplicate.probability = Probability::percent(20);
  options.conditions.up.loss.model = RandomLoss{Probability::percent(10)};
  options.conditions.up.corrupt.probability = Probability::percent(10);
  std::string out;
  try {
    replay(*open(file), options, [&](std::string_view bytes) { out += bytes; });
  } catch (const CaptureError&) {
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> file(data + 1, size - 1);
  analyse(file, static_cast<Checksums>(data[0] % 3));
  for (const ReplayFormat format : {ReplayFormat::pcap, ReplayFormat::pcapng}) {
    const std::string out = replay_of(file, format);
    if (out.empty()) continue;  // no capture at all
    const std::unique_ptr<CaptureReader> reader = open({reinterpret_cast<const std::uint8_t*>(out.data()), out.size()});
    CapturedFrame frame;
    try {
      while (reader->next(frame)) {
      }
    } catch (const CaptureError&) {
      std::abort();
    }
  }
  return 0;
}
