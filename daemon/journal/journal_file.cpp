#include "daemon/journal/journal_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "daemon/journal/schema.h"

namespace wobble::daemon {

namespace {

constexpr const char* kSettings =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = NORMAL;"
    "PRAGMA secure_delete = OFF;"
    "PRAGMA cache_size = -16000;"
    "PRAGMA wal_autocheckpoint = 4000;"       // pages: 16 MB between two waits for the disk
    "PRAGMA journal_size_limit = 67108864;";  // a log that grew under a long reader is cut back

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw std::runtime_error("the journal " + file + " " + what);
}

void check_ours(Database& database, const std::string& file) {
  const auto application = database.integer("PRAGMA application_id");
  const auto tables = database.integer("SELECT count(*) FROM sqlite_schema");
  if (application == kApplicationId) return;
  if (application == 0 && tables == 0) {
    // Must be chosen before the first table; the VACUUM is for an empty file that somebody else made.
    database.exec("PRAGMA auto_vacuum = INCREMENTAL; VACUUM;");
    return;
  }
  fail(file, "is an SQLite database, but not wobble's; give another file with --db");
}

}  // namespace

FileLock::FileLock(const std::string& file) {
  const auto give_up = [&](const std::string& what) {
    if (fd_ >= 0) close(fd_);
    fail(file, what);
  };
  fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd_ < 0) give_up(std::string("cannot be opened: ") + std::strerror(errno));
  struct stat status {};
  if (fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) give_up("is not a regular file");
  if (flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    give_up(errno == EWOULDBLOCK ? "is in use by another wobbled; stop that one, or give another file with --db"
                                 : std::string("cannot be locked: ") + std::strerror(errno));
  }
}

FileLock::~FileLock() { close(fd_); }

std::unique_ptr<Database> open_journal(const std::string& file) {
  try {
    auto database = std::make_unique<Database>(file, Database::Mode::create);
    check_ours(*database, file);
    database->exec(kSettings);
    migrate(*database, migrations());
    return database;
  } catch (const DatabaseError& error) {
    switch (error.code()) {
      case SQLITE_NOTADB:
        fail(file, "is not a wobble database (" + std::string(error.what()) + "); give another file with --db");
      case SQLITE_CORRUPT:
        fail(file, "is damaged (" + std::string(error.what()) +
                       "); move it away to start afresh, or recover it with sqlite3's .recover");
      default: fail(file, "cannot be opened: " + std::string(error.what()));
    }
  } catch (const std::runtime_error& error) {
    const std::string what = error.what();
    if (what.starts_with("the journal ")) throw;
    fail(file, what);
  }
}

}  // namespace wobble::daemon
