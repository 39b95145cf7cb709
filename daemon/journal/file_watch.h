// Sees what others do to the journal's file while it is open: a file that is removed or moved can be written for hours,
// and all of it is lost.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "daemon/journal/database.h"
#include "daemon/journal/journal_writer.h"

namespace wobble::daemon {

/// What has happened to the file.
struct FileTrouble {
  enum class Kind : std::uint8_t {
    moved,     ///< nothing stands at its path; it stands elsewhere
    removed,   ///< it stands nowhere any more
    replaced,  ///< another file stands at its path
    wal_gone,  ///< its write-ahead log does not stand beside it any more
    damaged,   ///< it is shorter than it was, or cannot be read
  };
  Kind kind = Kind::damaged;
  std::string what;  ///< "was removed", as it follows the file's name
};

/// One thread, the one that writes the file.
class FileWatch {
 public:
  /// `fd`: of the file; it outlives this. Something must have been written to it, so that all its parts are there.
  /// `session`: the row of `sessions` that must be in it. Throws DatabaseError.
  FileWatch(const std::string& file, int fd, std::int64_t session);

  // Neither opens anything by its name, since to close that again would give up SQLite's locks.
  /// At the names and the sizes.
  std::optional<FileTrouble> look_outside();
  /// Reads a little that is not in memory, which must be what was `written`.
  std::optional<FileTrouble> look_inside(const Bookkeeping& written);
  /// Of the write-ahead log.
  std::int64_t wal_bytes() const;

  /// The write-ahead log and its index, as long as these names are the file's own, are taken away: whoever opens
  /// another file at its path must not find them. What they hold can still be read and copied by those that have them
  /// open.
  void remove_names_beside() noexcept;
  /// The same, but the write-ahead log gets the name that belongs to `aside`.
  void move_names_beside(const std::string& aside) noexcept;

 private:
  struct Name {
    std::string path;
    dev_t device = 0;
    ino_t inode = 0;
    bool is_known = false;
    bool is_there() const;  ///< still, and the same
  };
  static Name name_now(const std::string& path);
  std::optional<FileTrouble> look_at_size();

  const std::string file_;
  const int fd_;
  const std::int64_t session_;
  Name wal_;
  Name index_;
  Database reader_;
  std::int64_t size_ = 0;   ///< when it was last looked at
  std::int64_t pages_ = 0;  ///< then, as SQLite has it
  std::int64_t had_ = 0;    ///< of them, in the file: bytes
};

}  // namespace wobble::daemon
