// wobbled's command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "daemon/access_options.h"
#include "daemon/below_ip/hook_program.h"
#include "daemon/journal/retention.h"
#include "emulator/link/forwarder.h"

namespace wobble::daemon {

struct Options {
  bool lab = false;
  bool demo = false;
  std::string listen_address = "127.0.0.1";
  std::uint16_t listen_port = 7979;                    ///< 0: any free one
  std::string database = "/var/lib/wobble/wobble.db";  ///< empty: one that is removed at the end
  bool offload = true;                ///< super-packets and partial checksums between the kernel and us
  bool kernel_path = true;            ///< --path auto: what nothing is to happen to stays in the kernel
  std::optional<HookKind> hook;       ///< of the ways in below IP; none: the better one that the kernel has
  std::optional<std::uint64_t> seed;  ///< none: drawn and reported
  std::string web_root;               ///< serve the page from here instead of the built-in one
  std::string token;                  ///< from WOBBLE_TOKEN; empty: none asked for
  bool insecure = false;
  AccessOptions access;
  std::uint32_t connections = 65'536;  ///< followed at once on each link
  std::uint32_t flood_rate = 1000;  ///< unfinished handshakes, one-sided flows a second that are a flood; 0: none are
  bool verbose = false;
  RetentionLimits retention;
  std::vector<std::string> attach;   ///< targets, or "localhost:PORT"
  std::vector<std::string> gateway;  ///< "IN:OUT" or "IN:OUT,masquerade"
  ForwarderOptions forwarder;
  std::uint64_t memory = 0;   ///< bytes in flight, of all links together
  std::string docker_socket;  ///< of the engine that knows containers' names; empty: DOCKER_HOST's, or the usual
};

/// Reads the command line. Answers with an exit code if there is nothing to run: 0 after --help or --version, 2 after a
/// line on standard error that says what is wrong.
std::optional<int> parse_options(int argc, char** argv, Options& options);

}  // namespace wobble::daemon
