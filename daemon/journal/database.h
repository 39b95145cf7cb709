// A thin face on SQLite: connections and statements that close themselves, errors as exceptions.
//
// Thread: a Database and its Statements belong to one thread at a time; SQLite's own locks are off.
#pragma once

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace wobble::daemon {

class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(int result_code, const std::string& what, int system_error = 0)
      : std::runtime_error(what), code_(result_code), system_error_(system_error) {}

  int extended_code() const noexcept { return code_; }
  /// SQLITE_FULL, SQLITE_IOERR, SQLITE_BUSY, ...
  int code() const noexcept { return code_ & 0xff; }
  /// The errno of the call that failed, as far as SQLite has kept it; 0: unknown.
  int system_error() const noexcept { return system_error_; }
  /// Whether the same write may succeed later (space, the disk, another process), or is wrong in itself.
  bool may_pass() const noexcept;

 private:
  int code_;
  int system_error_;
};

class Database {
 public:
  enum class Mode : std::uint8_t {
    create,
    read_only,
    immutable,  ///< read-only, and nobody writes: nothing is locked, and a log beside it is not read
  };

  Database(const std::string& path, Mode mode);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Runs statements that return nothing of interest.
  void exec(const char* sql);
  void exec(const std::string& sql) { exec(sql.c_str()); }
  /// The first column of the first row; 0 if there is none.
  std::int64_t integer(const char* sql);
  /// Rows the last INSERT, UPDATE or DELETE touched.
  std::int64_t changes() const noexcept { return sqlite3_changes64(handle_); }
  bool in_transaction() const noexcept { return sqlite3_get_autocommit(handle_) == 0; }
  /// How much of the file is kept in memory, in bytes.
  std::size_t cache_bytes() const noexcept;
  /// Gives that back to the C library, as far as it is not in use.
  void release_cache() noexcept { sqlite3_db_release_memory(handle_); }
  /// Ends a transaction that failed; nothing to do without one. Never throws.
  void roll_back() noexcept;

  sqlite3* handle() const noexcept { return handle_; }

 private:
  sqlite3* handle_ = nullptr;
};

/// As SQLite keeps it: it has no unsigned integers. A number that is beyond what it can keep, which only those that are
/// asked for can be, is the largest one.
constexpr std::int64_t column_value(std::uint64_t value) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  return value > std::uint64_t{kMost} ? kMost : static_cast<std::int64_t>(value);
}

/// A prepared statement. Parameters and columns are numbered as SQLite does: parameters from 1, columns from 0.
/// Text is bound without a copy: it must live until the next reset() or run().
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view text);
  Statement& bind(int index, const char* text) { return bind(index, std::string_view(text)); }
  Statement& bind_null(int index);
  template <typename T>
  Statement& bind(int index, const std::optional<T>& value) {
    return value ? bind(index, *value) : bind_null(index);
  }

  /// Binds the present row of another statement, column by column, from parameter 1 on.
  Statement& bind_row(const Statement& row);

  /// True: there is a row. Resets itself on the last one and on an error.
  bool step();
  /// Steps to the end and resets.
  void run();
  void reset() noexcept;

  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  /// Valid until the next step.
  std::string_view text(int column) const;
  std::optional<std::int64_t> optional_integer(int column) const;
  int columns() const { return sqlite3_column_count(statement_); }
  const char* column_name(int column) const { return sqlite3_column_name(statement_, column); }

 private:
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

/// BEGIN IMMEDIATE ... COMMIT; rolls back if it is destroyed before commit().
class Transaction {
 public:
  explicit Transaction(Database& database, const char* begin = "BEGIN IMMEDIATE");
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Database& database_;
  bool done_ = false;
};

}  // namespace wobble::daemon
