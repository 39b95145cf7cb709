#include "daemon/journal/journal_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
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

std::string remedy(int error, const std::string& path) {
  switch (error) {
    case EACCES:
    case EPERM: return "permission denied at " + path + "; run as root, or give a file you may write with --db";
    case EROFS: return path + " is on a read-only file system; give a file elsewhere with --db";
    case ENOTDIR: return path + " is not a folder; give another file with --db";
    case EISDIR: return "it is a folder; give a file's name in it with --db, such as " + path + "/wobble.db";
    case ENOENT: return path + " does not exist; make it, or give another file with --db";
    case ENOSPC:
    case EDQUOT: return "no room is left on the disk; make some, or give a file elsewhere with --db";
    case EMFILE:
    case ENFILE: return "no more files may be open; allow more (ulimit -n, LimitNOFILE of the unit)";
    default: return std::string(std::strerror(error)) + "; give another file with --db";
  }
}

/// The longest part of the path that exists: what is in the way of the rest.
std::string existing_part(std::filesystem::path path) {
  std::error_code ignored;
  while (path.has_relative_path() &&
         std::filesystem::symlink_status(path, ignored).type() == std::filesystem::file_type::not_found) {
    path = path.parent_path();
  }
  return path.empty() ? "." : path.string();
}

bool has_no_room(const std::string& file) {
  struct statvfs status {};
  const auto folder = std::filesystem::path(file).parent_path();
  return statvfs(folder.empty() ? "." : folder.c_str(), &status) == 0 && status.f_bavail < 16;
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

void make_folder_of(const std::string& file) {
  const std::filesystem::path folder = std::filesystem::path(file).parent_path();
  std::error_code error;
  if (folder.empty() || std::filesystem::is_directory(folder, error)) return;
  const std::string in_the_way = existing_part(std::filesystem::absolute(folder, error));
  std::filesystem::create_directories(folder, error);
  if (!error) return;
  const bool is_folder = std::filesystem::is_directory(in_the_way);
  fail(file, "cannot be made: " + remedy(is_folder ? error.value() : ENOTDIR, in_the_way));
}

std::string cause_and_remedy(const DatabaseError& error, const std::string& file) {
  const std::string said = " (SQLite: " + std::string(error.what()) + ")";
  const std::string folder = std::filesystem::path(file).parent_path();
  const bool lacks_files = error.system_error() == EMFILE || error.system_error() == ENFILE;
  if (lacks_files) return remedy(error.system_error(), folder) + said;
  if (error.code() == SQLITE_FULL || has_no_room(file)) return remedy(ENOSPC, file) + said;
  if (error.code() == SQLITE_READONLY || error.code() == SQLITE_PERM) return remedy(EACCES, folder) + said;
  if (error.system_error() != 0) return remedy(error.system_error(), folder) + said;
  if (error.code() == SQLITE_CANTOPEN) return "it cannot be opened; give another file with --db" + said;
  return error.what();
}

FileLock::FileLock(const std::string& file) {
  const auto give_up = [&](const std::string& what) {
    if (fd_ >= 0) close(fd_);
    fail(file, what);
  };
  fd_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd_ < 0) {
    const int error = errno;
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    give_up("cannot be opened: " + remedy(error, error == EISDIR ? file : folder.empty() ? "." : folder.string()));
  }
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
      default: fail(file, "cannot be opened: " + cause_and_remedy(error, file));
    }
  } catch (const std::runtime_error& error) {
    const std::string what = error.what();
    if (what.starts_with("the journal ")) throw;
    fail(file, what);
  }
}

}  // namespace wobble::daemon
