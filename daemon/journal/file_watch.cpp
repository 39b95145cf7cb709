#include "daemon/journal/file_watch.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace wobble::daemon {

namespace {

constexpr std::int64_t kHeaderBytes = 100;

/// The oldest and the newest of what is kept, so that a file that was cut off anywhere is likely to be noticed.
constexpr const char* kSamples =
    "SELECT (SELECT started_at FROM sessions WHERE id = ?1), (SELECT last_event_id FROM bookkeeping), "
    "(SELECT last_segment_id FROM bookkeeping), "
    "(SELECT at FROM events ORDER BY id LIMIT 1), (SELECT at FROM events ORDER BY id DESC LIMIT 1), "
    "(SELECT at FROM transitions ORDER BY id LIMIT 1), (SELECT at FROM transitions ORDER BY id DESC LIMIT 1), "
    "(SELECT opened_at FROM connections ORDER BY opened_event LIMIT 1), "
    "(SELECT opened_at FROM connections ORDER BY opened_event DESC LIMIT 1), "
    "(SELECT sent_at FROM segments ORDER BY id LIMIT 1), (SELECT sent_at FROM segments ORDER BY id DESC LIMIT 1)";

std::string strerror_of(int error) { return std::strerror(error); }

bool means_damage(const DatabaseError& error) {
  return error.code() == SQLITE_CORRUPT || error.code() == SQLITE_NOTADB ||
         error.extended_code() == SQLITE_IOERR_SHORT_READ;
}

}  // namespace

FileWatch::Name FileWatch::name_now(const std::string& path) {
  Name name{path};
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return name;
  name.device = status.st_dev;
  name.inode = status.st_ino;
  name.is_known = true;
  return name;
}

bool FileWatch::Name::is_there() const {
  const Name now = name_now(path);
  return now.is_known && now.device == device && now.inode == inode;
}

FileWatch::FileWatch(const std::string& file, int fd, std::int64_t session)
    : file_(file),
      fd_(fd),
      session_(session),
      wal_(name_now(file + "-wal")),
      index_(name_now(file + "-shm")),
      reader_(file, Database::Mode::read_only) {
  reader_.integer("SELECT count(*) FROM sqlite_schema");  // opens what is beside it, as long as that is its own
  struct stat own {};
  if (::fstat(fd_, &own) == 0) size_ = static_cast<std::int64_t>(own.st_size);
}

std::optional<FileTrouble> FileWatch::look_outside() {
  using enum FileTrouble::Kind;
  struct stat there {};
  struct stat own {};
  if (::fstat(fd_, &own) != 0) return FileTrouble{damaged, "cannot be looked at: " + strerror_of(errno)};
  if (::stat(file_.c_str(), &there) != 0) {
    if (own.st_nlink == 0) return FileTrouble{removed, "was removed"};
    return FileTrouble{moved, errno == ENOENT ? "was moved away" : "is not there any more: " + strerror_of(errno)};
  }
  if (there.st_dev != own.st_dev || there.st_ino != own.st_ino) {
    return FileTrouble{replaced, "was replaced: another file stands at its path"};
  }
  // Before the names beside it: SQLite takes away the log of a file that is empty.
  if (auto trouble = look_at_size()) return trouble;
  for (const Name* beside : {&wal_, &index_}) {
    if (beside->is_known && !beside->is_there()) {
      return FileTrouble{wal_gone, "has lost its write-ahead log: " + beside->path + " is gone"};
    }
  }
  return std::nullopt;
}

std::optional<FileTrouble> FileWatch::look_at_size() {
  struct stat own {};
  if (::fstat(fd_, &own) != 0) return std::nullopt;
  const std::int64_t before = std::exchange(size_, static_cast<std::int64_t>(own.st_size));
  if (size_ < std::min(before, kHeaderBytes)) {
    return FileTrouble{FileTrouble::Kind::damaged, "was cut off: it has " + std::to_string(size_) + " bytes"};
  }
  return std::nullopt;
}

std::optional<FileTrouble> FileWatch::look_inside(const Bookkeeping& written) {
  reader_.release_cache();  // what is read below comes from the file
  try {
    const std::int64_t page = reader_.integer("PRAGMA page_size");
    const std::int64_t pages = reader_.integer("PRAGMA page_count");
    const std::int64_t fewest = std::min(pages, std::exchange(pages_, pages));
    // The file may be shorter than what SQLite knows, since a part is still in the write-ahead log; and become shorter,
    // when pages were given back. But what had been there and is still counted does not go.
    const std::int64_t had = std::exchange(had_, std::min(size_, pages * page));
    if (size_ < std::min(had, fewest * page - fewest * page / 4)) {
      return FileTrouble{FileTrouble::Kind::damaged, "was cut off: it has " + std::to_string(size_) + " bytes"};
    }
    Statement samples(reader_, kSamples);
    samples.bind(1, session_);
    const bool is_ours = samples.step() && !samples.is_null(0);
    if (!is_ours || samples.integer(1) != written.last_event_id || samples.integer(2) != written.last_segment_id) {
      return FileTrouble{FileTrouble::Kind::damaged, "holds something else than what was written to it"};
    }
  } catch (const DatabaseError& error) {
    if (means_damage(error)) {
      return FileTrouble{FileTrouble::Kind::damaged, std::string("cannot be read: ") + error.what()};
    }
  }
  return std::nullopt;
}

std::int64_t FileWatch::wal_bytes() const {
  struct stat status {};
  return ::stat(wal_.path.c_str(), &status) == 0 ? static_cast<std::int64_t>(status.st_size) : 0;
}

void FileWatch::remove_names_beside() noexcept {
  for (const Name* beside : {&wal_, &index_}) {
    if (beside->is_known && beside->is_there()) ::unlink(beside->path.c_str());
  }
}

void FileWatch::move_names_beside(const std::string& aside) noexcept {
  if (wal_.is_known && wal_.is_there()) std::rename(wal_.path.c_str(), (aside + "-wal").c_str());
  if (index_.is_known && index_.is_there()) ::unlink(index_.path.c_str());
}

}  // namespace wobble::daemon
