#include "daemon/journal/database.h"

namespace wobble::daemon {

namespace {

constexpr int kBusyTimeoutMs = 2000;  ///< somebody with sqlite3(1) in a write transaction

[[noreturn]] void fail(sqlite3* handle) {
  throw DatabaseError(sqlite3_extended_errcode(handle), sqlite3_errmsg(handle), sqlite3_system_errno(handle));
}

/// What means something in a URI is written as its number.
std::string uri_of(const std::string& path) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : path) {
    if (c != '%' && c != '?' && c != '#') {
      uri += c;
      continue;
    }
    const auto code = static_cast<unsigned char>(c);
    uri += {'%', kDigits[code >> 4], kDigits[code & 0xf]};
  }
  return uri;
}

}  // namespace

bool DatabaseError::may_pass() const noexcept {
  if (extended_code() == SQLITE_CONSTRAINT_COMMITHOOK) return true;  // LogFile::has_lost_index()
  switch (code()) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:  // as long as the daemon lives the file may be mended or replaced
    case SQLITE_NOTADB: return true;
    default: return false;
  }
}

Database::Database(const std::string& path, Mode mode) {
  const std::string file = mode == Mode::immutable ? uri_of(path) + "?immutable=1" : path;
  // Memory statistics, which nobody asks for, take a lock shared by all connections at every allocation.
  [[maybe_unused]] static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  const int access = mode == Mode::create      ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                     : mode == Mode::immutable ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
                                               : SQLITE_OPEN_READONLY;
  const int result =
      sqlite3_open_v2(file.c_str(), &handle_, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (result != SQLITE_OK) {
    const std::string what = handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(result);
    const int error = handle_ != nullptr ? sqlite3_system_errno(handle_) : 0;
    sqlite3_close(handle_);
    throw DatabaseError(result, what, error);
  }
  sqlite3_busy_timeout(handle_, kBusyTimeoutMs);
}

Database::~Database() { sqlite3_close_v2(handle_); }

void Database::exec(const char* sql) {
  if (sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(handle_);
}

std::int64_t Database::integer(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::size_t Database::cache_bytes() const noexcept {
  int used = 0, highest = 0;
  sqlite3_db_status(handle_, SQLITE_DBSTATUS_CACHE_USED, &used, &highest, 0);
  return static_cast<std::size_t>(used);
}

void Database::roll_back() noexcept {
  if (in_transaction()) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

Statement::Statement(Database& database, std::string_view sql) : database_(database.handle()) {
  if (sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &statement_,
                         nullptr) != SQLITE_OK) {
    fail(database_);
  }
}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int index, std::int64_t value) {
  if (sqlite3_bind_int64(statement_, index, value) != SQLITE_OK) fail(database_);
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  // An empty view may have no address, which SQLite would take for NULL.
  const char* data = text.empty() ? "" : text.data();
  if (sqlite3_bind_text(statement_, index, data, static_cast<int>(text.size()), SQLITE_STATIC) != SQLITE_OK) {
    fail(database_);
  }
  return *this;
}

Statement& Statement::bind_null(int index) {
  if (sqlite3_bind_null(statement_, index) != SQLITE_OK) fail(database_);
  return *this;
}

Statement& Statement::bind_row(const Statement& row) {
  for (int column = 0; column < row.columns(); ++column) {
    if (sqlite3_bind_value(statement_, column + 1, sqlite3_column_value(row.statement_, column)) != SQLITE_OK) {
      fail(database_);
    }
  }
  return *this;
}

bool Statement::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) {
    sqlite3_reset(statement_);
    return false;
  }
  const DatabaseError error(sqlite3_extended_errcode(database_), sqlite3_errmsg(database_),
                            sqlite3_system_errno(database_));
  sqlite3_reset(statement_);
  throw error;
}

void Statement::run() {
  while (step()) {
  }
}

void Statement::reset() noexcept { sqlite3_reset(statement_); }

std::string_view Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

Transaction::Transaction(Database& database, const char* begin) : database_(database) { database_.exec(begin); }

Transaction::~Transaction() {
  if (!done_) database_.roll_back();
}

void Transaction::commit() {
  database_.exec("COMMIT");
  done_ = true;
}

}  // namespace wobble::daemon
