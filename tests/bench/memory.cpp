// What a full segment in flight costs in memory, in virtual time, whatever super-packet it came in: a line for each
// case, "NAME BYTES", measured as what the process has grown by once COUNT (default 1,000,000) are in flight.
// bench_memory COUNT NAME measures that case only.
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>

#include "emulator/link/link.h"
#include "tests/emulator/packets.h"

namespace {

using namespace wobble;
using namespace std::chrono_literals;

class Deaf final : public ConnectionObserver {
 public:
  void on(const ConnectionOpened&) noexcept override {}
  void on(const Transition&) noexcept override {}
  void on(const ConnectionClosed&) noexcept override {}
  void on(const SegmentRecord&) noexcept override {}
};

struct Case {
  const char* name;
  std::size_t segments;  ///< of each super-packet
  Probability loss;
  bool jitter;
};

std::size_t resident() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long total = 0, pages = 0;
  if (file == nullptr || std::fscanf(file, "%lu %lu", &total, &pages) != 2) std::abort();
  std::fclose(file);
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

void measure(const Case& what, std::uint64_t count) {
  using namespace wobble::packets;
  constexpr std::size_t kSize = 1448;
  Deaf observer;
  TimePoint now(1h);
  LinkOptions options;
  options.memory_limit = std::size_t{1} << 40;
  Link link(options, observer, now);
  LinkConditions conditions;
  conditions.up.delay = {10s, what.jitter ? Duration(5s) : Duration(0), Distribution::uniform, false};
  conditions.up.loss.model = RandomLoss{what.loss};
  link.apply(conditions, now);
  const std::size_t before = resident();
  std::uint32_t seq = 1;
  while (link.stats(now).up.packets_in_flight < count) {
    for (int i = 0; i < 1000; ++i) {
      now += 1us;
      // As the forwarder does: the packet lies in a block of the link's.
      PacketBuffer block = link.buffer_to_read_into();
      const Bytes bytes =
          packets::with_checksum(ipv4(kTcp, tcp(40000, 80, seq, 1, tcp_flag::kAck, Bytes(what.segments * kSize, 1),
                                                {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2})));
      seq += static_cast<std::uint32_t>(what.segments * kSize);
      std::copy(bytes.begin(), bytes.end(), block.bytes().begin());
      Offload offload;
      if (what.segments > 1) offload = {Offload::Kind::tcp, false, true, kSize, 52, 20, 16, false};
      const auto packet = block.bytes().first(bytes.size());
      link.admit(packet, offload, Side::near, now, std::move(block));
    }
  }
  const auto in_flight = static_cast<double>(link.stats(now).up.packets_in_flight);
  std::printf("%s %.0f\n", what.name, static_cast<double>(resident() - before) / in_flight);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const auto percent = [](unsigned n) { return Probability::percent(n); };
  const Case cases[] = {
      {"alone", 1, percent(0), false},
      {"whole_supers", 44, percent(0), false},
      {"supers_of_25", 25, percent(0), false},
      {"loss_5_percent", 44, percent(5), false},
      {"lone_survivors", 44, percent(95), false},
      {"jitter", 44, percent(0), true},
  };
  if (argc > 2) {
    const auto* const what =
        std::find_if(std::begin(cases), std::end(cases), [&](const Case& c) { return std::string(c.name) == argv[2]; });
    if (what == std::end(cases)) return 1;
    measure(*what, count);
    return 0;
  }
  std::string number = std::to_string(count);
  for (const Case& what : cases) {  // each in a process of its own, whose memory is fresh
    std::string name = what.name;
    char* const words[] = {argv[0], number.data(), name.data(), nullptr};
    pid_t child = -1;
    int status = 1;
    if (posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, words, environ) != 0) return 1;
    if (waitpid(child, &status, 0) != child || status != 0) return 1;
  }
}
