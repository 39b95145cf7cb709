// wobbled: reads its options, puts the parts together, and waits for the signal to end.
#include <fmt/core.h>
#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <system_error>

#include "api/handlers/server.h"
#include "api/seed.h"
#include "daemon/journal/journal.h"
#include "daemon/journal/journal_file.h"
#include "daemon/journal/temporary_log.h"
#include "daemon/lab/demo_traffic.h"
#include "daemon/lab/lab.h"
#include "daemon/lab/lab_server.h"
#include "daemon/options.h"
#include "daemon/service/service.h"
#include "daemon/system/capabilities.h"
#include "daemon/system/end_request.h"
#include "daemon/system/log.h"
#include "daemon/system/peer_users.h"
#include "daemon/ways_in/ledger_recovery.h"
#include "daemon/ways_in/socket_folder.h"
#include "daemon/ways_in/ways_in.h"
#include "daemon/ways_in/words.h"

namespace wobble::daemon {
namespace {

api::ServerOptions server_options(const Options& options, PeerUsers& users) {
  api::ServerOptions server;
  server.address = options.listen_address;
  server.port = options.listen_port;
  server.web_root = options.web_root;
  server.token = options.token;
  server.insecure = options.insecure;
  server.allow_users = options.access.users;
  server.allow_groups = options.access.groups;
  server.files = options.access.files;
  server.unix_socket = options.access.socket;
  server.unix_group = kSocketGroup;
  server.unix_optional = !options.access.socket_was_asked;
  server.user_of = [&users](const sockaddr_storage& peer, const sockaddr_storage& local) {
    return users.user_of(peer, local);
  };
  server.log = [](const std::string& line) { log::error(line); };
  return server;
}

std::string url(const Options& options, int port) {
  const bool is_v6 = options.listen_address.find(':') != std::string::npos;
  const std::string host = is_v6 ? "[" + options.listen_address + "]" : options.listen_address;
  return "http://" + host + ":" + std::to_string(port) + "/";
}

// A link takes some twenty descriptors. What most systems allow at first, 1024, is for programs that use select(2).
void take_as_many_descriptors_as_allowed() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// A link's ring and tables, and a file that conditions name, are large blocks that go with the link. By itself
// malloc(3), once it has seen such a block freed, takes the next ones from the heap of the thread that asks, and keeps
// them there.
void give_large_blocks_back() {
  ::mallopt(M_MMAP_THRESHOLD, 1 << 20);
  ::mallopt(M_ARENA_MAX, 2);  // each keeps what its busiest hour has used
}

void make_links(const Options& options, Service& service) {
  std::vector<api::WayInSettings> ways;
  for (const std::string& target : options.attach) ways.push_back(attach_settings(target));
  for (const std::string& interfaces : options.gateway) ways.push_back(gateway_settings(interfaces));
  for (const api::WayInSettings& way : ways) {
    api::NewLink wanted;
    wanted.way_in = way;
    wanted.seed = options.seed;
    service.create(wanted);
  }
}

void put_back_what_is_left() {
  const Recovery recovery = recover({});
  for (const std::string& line : recovery.told) log::warn(line);
  for (const Recovery::Trace& trace : recovery.done) log::warn(fmt::format("put back: {}", trace.what));
  for (const std::string& line : recovery.failed) {
    log::error(fmt::format("could not be put back: {}; 'wobble cleanup' tries it again", line));
  }
}

void run(const Options& options, const EndRequest& end) {
  std::optional<TemporaryLog> temporary;
  if (options.database.empty()) temporary.emplace();
  JournalOptions journal_options;
  journal_options.file = temporary ? temporary->file() : options.database;
  make_folder_of(journal_options.file);
  journal_options.retention = options.retention;
  Journal journal(journal_options);
  put_back_what_is_left();
  WaysInOptions ways_in;
  ways_in.offload = options.offload;
  ways_in.hook = options.hook;
  ways_in.kernel_path = options.kernel_path;
  Service service(journal,
                  {options.forwarder, options.memory, options.connections, options.flood_rate, std::move(ways_in)});
  PeerUsers users;
  std::optional<SocketFolder> socket_folder;
  if (!options.access.socket_was_asked) socket_folder.emplace();
  api::Server server(service, server_options(options, users));
  server.bind();
  if (socket_folder) socket_folder->is_used();
  service.spare(static_cast<std::uint16_t>(server.port()));

  std::optional<Lab> lab;
  std::unique_ptr<LabServer> lab_server;
  std::unique_ptr<DemoTraffic> demo;
  if (options.lab) {
    lab.emplace(options.offload);
    const std::uint64_t seed = options.seed.value_or(api::draw_seed());
    service.add_link("lab", seed, lab->near_info(), lab->take_near(), lab->far_info(), lab->take_far());
    lab_server = std::make_unique<LabServer>(lab->server(), Lab::kServerPort);
    if (options.demo) demo = std::make_unique<DemoTraffic>(*lab);
  }
  make_links(options, service);
  // What the command line asks for is not refused: who starts the daemon can also end it.
  service.guard({options.listen_address, static_cast<std::uint16_t>(server.port())});
  server.start();
  std::printf("wobbled: %s\n", url(options, server.port()).c_str());
  std::fflush(stdout);

  log::debug(fmt::format("ending on signal {}", end.wait()));
  journal.end_questions();  // else the server would wait for them
  server.stop();
}

}  // namespace
}  // namespace wobble::daemon

int main(int argc, char** argv) {
  using namespace wobble::daemon;
  Options options;
  if (const auto code = parse_options(argc, argv, options)) return *code;
  log::open(options.verbose);
  try {
    take_up_capabilities();
    take_as_many_descriptors_as_allowed();
    give_large_blocks_back();
    // As Docker's own command is told, so that what we start and what we ask agree.
    if (!options.docker_socket.empty()) ::setenv("DOCKER_HOST", ("unix://" + options.docker_socket).c_str(), 1);
    const EndRequest end;
    try {
      run(options, end);
    } catch (const std::exception&) {
      if (!end.has_come()) throw;  // else it was to end before it had begun
    }
  } catch (const std::system_error& e) {  // the kernel has refused something
    std::fprintf(stderr, "wobbled: %s\n", with_remedy(e).c_str());
    return 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "wobbled: %s\n", e.what());
    return 1;
  }
  return 0;
}
