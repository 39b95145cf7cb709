// How long the journal takes for an answer, for each filter of the list of connections, when nothing passes it: all of
// them are looked through then. Prints; judges nothing. question_bench [CONNECTIONS]
#include <cstdio>
#include <cstdlib>

#include "daemon/journal/journal_file.h"
#include "daemon/journal/journal_reader.h"
#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

constexpr ConnectionId kPerBatch = 5000;

double milliseconds_since(TimePoint start) {
  return std::chrono::duration<double, std::milli>(monotonic_now() - start).count();
}

/// With a change of conditions every thousand connections.
void write(const std::string& file, ConnectionId connections) {
  const WallAnchor anchor;
  const auto database = open_journal(file);
  JournalWriter writer(*database, anchor);
  writer.begin_session("bench", 0);
  std::uint64_t event = static_cast<std::uint64_t>(writer.books().last_event_id);
  for (ConnectionId id = 1; id <= connections;) {
    Batch batch;
    batch.new_links = {{1, "lab", 0}};
    for (ConnectionId i = 0; i < kPerBatch; i += 1000) {
      PostedEvent change{.id = ++event, .at = anchor.at(monotonic_now()), .kind = "conditions", .link = 1};
      change.conditions = PostedEvent::Conditions{event, "bench", R"({"up":{"delay":{"time":"80ms"}},"down":{}})"};
      batch.posted.push_back(std::move(change));
    }
    batch.first_id = event + 1;
    DrainedEvents& drained = batch.drained.emplace_back(DrainedEvents{1, {}});
    for (ConnectionId i = 0; i < kPerBatch && id <= connections; ++i, ++id) {
      drained.events.emplace_back(opening_of(id));
      drained.events.emplace_back(closing_of(id));
      event += 2;
    }
    batch.last_id = event;
    writer.write(batch);
  }
}

int run(ConnectionId connections) {
  const TemporaryDirectory directory;
  const std::string file = directory.file("journal.db");
  TimePoint start = monotonic_now();
  write(file, connections);
  std::printf("written: %llu connections in %.0f ms, %.0f MB\n", static_cast<unsigned long long>(connections),
              milliseconds_since(start), static_cast<double>(std::filesystem::file_size(file)) / 1e6);
  {
    Database database(file, Database::Mode::create);
    database.exec("PRAGMA wal_checkpoint(TRUNCATE); DROP INDEX connections_search");
    start = monotonic_now();
    database.exec(
        "CREATE INDEX connections_search ON connections(opened_event, protocol, link, opened_at, closed_at, "
        "client_port, server_port, client_state, server_state, client_address, server_address, \"end\", closed_by, "
        "id)");
    std::printf("migration: its index is made in %.0f ms\n", milliseconds_since(start));
  }
  JournalReader reader(file, 1);
  const auto ask = [&](const char* name, const api::ConnectionQuery& query) {
    reader.connections(query);  // so that it is in the system's memory, as of a log that is being written
    start = monotonic_now();
    const auto page = reader.connections(query);
    std::printf("question %s: %.1f ms, %zu found\n", name, milliseconds_since(start), page.items.size());
  };
  using namespace std::chrono_literals;
  ask("all", {});
  ask("link", {.link = "nosuch"});
  ask("state", {.state = TcpState::established});
  ask("state_closed", {.state = TcpState::closed});
  ask("port", {.port = 1});
  ask("end", {.end = End::reset});
  ask("closed_by", {.closed_by = ClosedBy::server});
  ask("protocol", {.protocol = kUdp});
  ask("flows", {.flows = true});
  ask("since", {.since = WallAnchor().at(monotonic_now()) + 1'000'000'000});
  ask("until", {.until = 1});
  ask("since_ago", {.since_ago = 0s});
  ask("until_ago", {.until_ago = 24h});
  ask("address", {.address = IpAddress::parse("192.0.2.1")});
  ask("condition", {.condition = "loss"});
  ask("condition_none", {.condition = "none"});
  ask("condition_delay", {.condition = "delay"});
  ask("all_of_them", {.state = TcpState::closed,
                      .port = 80,
                      .end = End::orderly,
                      .closed_by = ClosedBy::server,
                      .address = IpAddress::parse("10.77.0.1"),
                      .condition = "delay"});
  return 0;
}

}  // namespace
}  // namespace wobble::daemon

int main(int argc, char** argv) {
  return wobble::daemon::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 300'000);
}
