// How many connections a second the journal takes whole (10 rows each: one connection, its opening and closing, seven
// transitions), against what bare SQLite inserts on the same disk in the same run. Prints; judges nothing.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

constexpr int kRowsPerConnection = 1 + 2 + kTransitionsOfLife;

/// Of the whole process: what a row costs, however busy the machine is with others.
double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

double seconds_since(TimePoint start) { return std::chrono::duration<double>(monotonic_now() - start).count(); }

/// Rows of about a transition's size, ten thousand to a transaction, prepared, no index: what the disk takes.
double bare_rows_per_second(const std::string& file, std::int64_t rows) {
  Database database(file, Database::Mode::create);
  database.exec(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000;"
      "CREATE TABLE t(id INTEGER PRIMARY KEY, a INTEGER, b INTEGER, c INTEGER, d TEXT, e TEXT, f TEXT,"
      "g TEXT, h INTEGER, i TEXT, j INTEGER, k INTEGER, l INTEGER, m INTEGER, n TEXT)");
  Statement insert(database,
                   "INSERT INTO t VALUES(NULL, ?, 1, ?, 'client', 'SYN_SENT', 'ESTABLISHED', 'sent', 14,"
                   "'SYN,ACK', 4000000000, 7, 0, 64240, 'forwarded')");
  const TimePoint start = monotonic_now();
  for (std::int64_t row = 0; row < rows;) {
    Transaction transaction(database);
    for (int i = 0; i < 10'000 && row < rows; ++i, ++row)
      insert.bind(1, row).bind(2, 1'700'000'000'000'000'000 + row).run();
    transaction.commit();
  }
  return static_cast<double>(rows) / seconds_since(start);
}

int run(ConnectionId connections) {
  const TemporaryDirectory directory;
  const double before_bare = processor_seconds();
  const double bare =
      bare_rows_per_second(directory.file("bare.db"), static_cast<std::int64_t>(connections) * kRowsPerConnection);
  const double before_journal = processor_seconds();
  EventRing ring;
  Journal journal({.file = directory.file("journal.db")});
  journal.add_link("lab", ring);
  std::atomic<bool> pushed = false;
  const TimePoint start = monotonic_now();
  {
    // As fast as it is taken, by a thread of its own, as a link is: one that fills the ring while the journal writes.
    std::jthread link([&] {
      for (ConnectionId id = 1; id <= connections; ++id) {
        push_life(ring, id);
        while (ring.size() > ring.limit() / 2) std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
      pushed = true;
    });
    while (!pushed) journal.sync(std::chrono::seconds(1));
  }
  const bool is_whole = journal.sync(std::chrono::minutes(1));
  const double rate = static_cast<double>(connections) / seconds_since(start);
  const double after_journal = processor_seconds();
  const auto stats = journal.stats();
  std::printf("journal: %.0f connections/s (%.0f rows/s), lost %llu, database %.1f MB%s\n", rate,
              rate * kRowsPerConnection, static_cast<unsigned long long>(stats.lost_transitions),
              static_cast<double>(stats.database_bytes) / 1e6, is_whole ? "" : ", NOT finished");
  std::printf("bare SQLite: %.0f rows/s = %.0f connections/s at %d rows\n", bare, bare / kRowsPerConnection,
              kRowsPerConnection);
  const double rows = static_cast<double>(connections) * kRowsPerConnection;
  std::printf("ratio: %.2f; processor time per row: journal %.2f us (with the pushing), bare %.2f us\n",
              rate * kRowsPerConnection / bare, (after_journal - before_journal) / rows * 1e6,
              (before_journal - before_bare) / rows * 1e6);
  journal.stop();
  return is_whole ? 0 : 1;
}

}  // namespace
}  // namespace wobble::daemon

int main(int argc, char** argv) { return wobble::daemon::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 50'000); }
