#include "daemon/options.h"

#include <arpa/inet.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "api/conditions/units.h"
#include "api/http/peers.h"
#include "api/seed.h"
#include "daemon/memory_limit.h"
#include "daemon/retention_options.h"
#include "daemon/ways_in/words.h"

namespace wobble::daemon {
namespace {

bool is_address(const std::string& text) {
  unsigned char scratch[16];
  return inet_pton(AF_INET, text.c_str(), scratch) == 1 || inet_pton(AF_INET6, text.c_str(), scratch) == 1;
}

// "127.0.0.1:7979", "[::1]:7979", "localhost:7979"
void read_listen(const std::string& text, Options& options) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) throw CLI::ValidationError("--listen", "'" + text + "': write ADDRESS:PORT");
  std::string address = text.substr(0, colon);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  if (address == "localhost") address = "127.0.0.1";
  const std::string port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), options.listen_port);
  if (!is_address(address) || error != std::errc() || end != port.data() + port.size()) {
    throw CLI::ValidationError("--listen", "'" + text + "': write ADDRESS:PORT, such as 127.0.0.1:7979 or [::1]:7979");
  }
  options.listen_address = address;
}

void read_spin(const std::string& text, Options& options) {
  const auto spin = api::parse_duration(text);
  if (!spin.ok()) throw CLI::ValidationError("--spin", spin.error);
  if (spin.value > SpinBudget::kLongestLead) {
    throw CLI::ValidationError("--spin", "'" + text + "': 0 to " + api::print_duration(SpinBudget::kLongestLead));
  }
  options.forwarder.spin = spin.value;
}

// The least is room for a few of the largest packets; the most, what the machine has or our control group may use.
void read_memory(const std::string& text, Options& options) {
  constexpr std::uint64_t kLeast = 1 << 20;
  const std::uint64_t limit = memory_limit();
  options.memory = limit / 4;
  if (text.empty()) return;
  const auto size = api::parse_size(text);
  if (!size.ok()) throw CLI::ValidationError("--memory", size.error);
  if (size.value < kLeast || size.value > limit) {
    throw CLI::ValidationError(
        "--memory", "'" + text +
                        "': at least 1MiB, at most what there is (of the machine, or for the control group), " +
                        std::to_string(limit >> 20) + "MiB");
  }
  options.memory = size.value;
}

void check(const Options& options) {
  try {
    for (const std::string& words : options.attach) attach_settings(words);
    for (const std::string& words : options.gateway) gateway_settings(words);
  } catch (const std::invalid_argument& e) {
    throw CLI::ValidationError(options.gateway.empty() ? "--attach" : "--attach, --gateway", e.what());
  }
  if (options.demo && !options.lab) throw CLI::ValidationError("--demo", "needs --lab");
  if (!api::is_loopback(options.listen_address) && options.token.empty() && !options.insecure) {
    throw CLI::ValidationError("--listen", "'" + options.listen_address +
                                               "' can be reached from elsewhere: set WOBBLE_TOKEN to a secret that "
                                               "requests must carry, or give --insecure");
  }
}

/// The words as they were given.
struct PathWords {
  std::string hook, path;
};

/// How packets come to us and leave; `app` must not outlive what is given back.
std::shared_ptr<PathWords> add_path_options(CLI::App& app, Options& options) {
  auto words = std::make_shared<PathWords>();
  app.add_flag("!--no-offload", options.offload, "one wire packet at a time between the kernel and us, to compare");
  app.add_option(
         "--hook", words->hook,
         "how attach, localhost and gateway divert: tcx (Linux 6.6), cls (cls_bpf), or auto: the better one there")
      ->check(CLI::IsMember({"auto", "tcx", "cls"}));
  app.add_option(
         "--path", words->path,
         "of packets that nothing is to happen to, in attach, localhost and gateway: auto (they stay in the kernel, "
         "which tells us of them) or user (all come to the daemon, to compare)")
      ->check(CLI::IsMember({"auto", "user"}));
  return words;
}

}  // namespace

std::optional<int> parse_options(int argc, char** argv, Options& options) {
  CLI::App app("wobbled: makes a good network bad, on purpose, exactly, and tells you what it did.");
  app.set_version_flag("--version", std::string("wobbled ") + WOBBLE_VERSION);
  std::string listen, spin, memory;
  app.add_flag("--lab", options.lab,
               "two network namespaces, client (near) and server (far), joined by the link 'lab'");
  app.add_flag("--demo", options.demo, "with --lab: a gentle stream of real requests from client to server");
  app.add_option("--attach", options.attach,
                 "put a link in front of pid:N, netns:NAME, host, container:NAME or localhost:PORT (may be repeated)")
      ->allow_extra_args(false);
  app.add_option("--gateway", options.gateway,
                 "IN:OUT[,masquerade]: route between two interfaces through a link (may be repeated)")
      ->allow_extra_args(false);
  app.add_option("--docker-socket", options.docker_socket,
                 "whom to ask for containers by name (default: DOCKER_HOST's unix://PATH, or /run/docker.sock)");
  app.add_option("--listen", listen, "ADDRESS:PORT of the API and the page (default 127.0.0.1:7979; port 0: any)");
  app.add_option("--db", options.database,
                 "the log's file (default " + options.database + "); '': one in TMPDIR, removed at the end");
  const auto access = add_access_options(app);
  const auto retention = add_retention_options(app);
  app.add_option("--seed", options.seed, "what all chance hangs on, so that a run can be repeated (default: drawn)")
      ->check(CLI::Range(std::uint64_t{0}, api::kLargestSeed));
  const auto paths = add_path_options(app, options);
  app.add_option("--spin", spin,
                 "wake up so long before each departure and spin, at most 5 % of the time (default 50us; 0: never)");
  app.add_flag("--fifo", options.forwarder.fifo, "run the links' threads under SCHED_FIFO where the kernel permits");
  app.add_option(
      "--memory", memory,
      "bound on the bytes in flight and in captures, of all links (default: a quarter of what the machine has or, "
      "where it is less, of what the control group may use)");
  app.add_option("--web-root", options.web_root, "serve the page from this folder instead of the built-in one");
  app.add_option("--connections", options.connections,
                 "followed at once on each link; when there are more, those that matter least are forgotten")
      ->check(CLI::Range(std::uint32_t{16}, std::uint32_t{1'048'576}))
      ->capture_default_str();
  app.add_option("--flood-rate", options.flood_rate,
                 "so many handshakes a second that are not completed, or flows without one in which one side alone "
                 "sends, are a "
                 "flood, of which the log tells counts; 0: never")
      ->check(CLI::Range(std::uint32_t{0}, std::uint32_t{1'000'000}))
      ->capture_default_str();
  app.add_flag("--insecure", options.insecure, "listen on an address that others can reach, without a token");
  app.add_flag("--verbose", options.verbose, "log more to standard error");
  app.footer("WOBBLE_TOKEN in the environment: a secret that requests over TCP carry as 'Authorization: Bearer ...'.");
  try {
    app.parse(argc, argv);
    if (!listen.empty()) read_listen(listen, options);
    if (!spin.empty()) read_spin(spin, options);
    read_memory(memory, options);
    options.kernel_path = paths->path != "user";
    if (paths->hook == "tcx") options.hook = HookKind::tcx;
    if (paths->hook == "cls") options.hook = HookKind::cls;
    if (const char* token = std::getenv("WOBBLE_TOKEN")) options.token = token;
    options.access = read_access(*access);
    options.retention = read_retention(*retention);
    check(options);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    std::cerr << "wobbled: " << e.what() << "\n";
    return 2;
  }
  return std::nullopt;
}

}  // namespace wobble::daemon
