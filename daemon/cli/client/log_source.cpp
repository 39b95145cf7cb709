#include "daemon/cli/client/log_source.h"

#include <filesystem>

#include "api/conditions/problem.h"
#include "api/handlers/queries.h"
#include "api/rows/connection_json.h"
#include "daemon/cli/client/client.h"
#include "daemon/cli/words/failure.h"
#include "daemon/journal/journal_reader.h"
#include "daemon/journal/schema.h"

namespace wobble::daemon {
namespace {

class DaemonLog final : public LogSource {
 public:
  explicit DaemonLog(const std::string& url) : client_(url) {}

  Json connections(const std::map<std::string, std::string>& query) override {
    std::string path = "/api/v1/connections";
    char joint = '?';
    for (const auto& [name, value] : query) {
      path += joint + name + "=" + url_encode(value);
      joint = '&';
    }
    return client_.get(path);
  }

 private:
  Client client_;
};

constexpr const char* kHowToCopy = "copy it with: sqlite3 LOG '.backup COPY'";

bool has_wal(const std::string& file) {
  std::error_code error;
  const auto bytes = std::filesystem::file_size(file + "-wal", error);
  return !error && bytes > 0;
}

/// How the file can be read. Where SQLite can make no index of the write-ahead log beside it (a read-only file system),
/// a file without such a log is read as it is.
Database::Mode mode_for(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) throw Failure(kExitRefused, "there is no file " + file);
  try {
    Database(file, Database::Mode::read_only).integer("SELECT count(*) FROM sqlite_schema");
    return Database::Mode::read_only;
  } catch (const DatabaseError& failed) {
    if (failed.code() != SQLITE_CANTOPEN && failed.code() != SQLITE_READONLY) throw;
    if (!has_wal(file)) return Database::Mode::immutable;
    throw Failure(kExitRefused, file + " cannot be read where it is: the newest part of it is in " + file +
                                    "-wal, and to read that the folder must be writable; copy both to another folder");
  }
}

/// Throws Failure unless `file` is a log that this version reads.
Database::Mode check(const std::string& file) {
  const Database::Mode mode = mode_for(file);
  Database database(file, mode);
  if (database.integer("PRAGMA application_id") != kApplicationId) {
    if (database.integer("SELECT count(*) FROM sqlite_schema") == 0) {
      throw Failure(kExitRefused,
                    file + " is not a log of wobbled: it is an empty database. If it is a copy of a log, " +
                        "then it was copied without " + file + "-wal, which held all of it; " + kHowToCopy);
    }
    throw Failure(kExitRefused, file + " is not a log of wobbled");
  }
  const auto version = database.integer("PRAGMA user_version");
  const int ours = migrations().back().version;
  if (version == ours) return mode;
  const std::string what =
      file + " has schema " + std::to_string(version) + ", this wobble reads " + std::to_string(ours);
  throw Failure(kExitRefused, what + (version < ours ? ": start this version's wobbled with it once"
                                                     : ": use the wobble that belongs to its wobbled"));
}

class FileLog final : public LogSource {
 public:
  explicit FileLog(const std::string& file) try : file_(file), reader_(file, check(file)) {
  } catch (const DatabaseError& error) {
    throw unreadable(file, error);
  }

  Json connections(const std::map<std::string, std::string>& query) override {
    try {
      const auto page = reader_.connections(api::connection_query(query));
      Json all = Json::array();
      for (const api::ConnectionRow& row : page.items) all.push_back(Json(api::to_json(row)));
      return {{"items", std::move(all)}, {"next", page.next ? Json(std::to_string(*page.next)) : Json()}};
    } catch (const api::Problem& problem) {
      throw Failure(kExitUsage, problem.detail);
    } catch (const DatabaseError& error) {
      throw unreadable(file_, error);
    }
  }

 private:
  static Failure unreadable(const std::string& file, const DatabaseError& error) {
    const bool is_torn =
        error.code() == SQLITE_CORRUPT || error.code() == SQLITE_ERROR;  // the latter: a table is missing
    const std::string hint = "; if it is a copy of a log that was being written, " + std::string(kHowToCopy);
    return {kExitRefused, file + " cannot be read: " + error.what() + (is_torn ? hint : "")};
  }

  std::string file_;
  JournalReader reader_;
};

}  // namespace

std::unique_ptr<LogSource> log_of_daemon(const std::string& url) { return std::make_unique<DaemonLog>(url); }

std::unique_ptr<LogSource> log_of_file(const std::string& file) { return std::make_unique<FileLog>(file); }

}  // namespace wobble::daemon
