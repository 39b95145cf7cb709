#include "daemon/cli/log_source.h"

#include <filesystem>

#include "api/problem.h"
#include "api/queries.h"
#include "api/rows_json.h"
#include "daemon/cli/client.h"
#include "daemon/cli/failure.h"
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

/// Throws Failure unless `file` is a log that this version reads.
void check(const std::string& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) throw Failure(kExitRefused, "there is no file " + file);
  Database database(file, Database::Mode::read_only);
  if (database.integer("PRAGMA application_id") != kApplicationId) {
    throw Failure(kExitRefused, file + " is not a log of wobbled");
  }
  const auto version = database.integer("PRAGMA user_version");
  const int ours = migrations().back().version;
  if (version == ours) return;
  const std::string what =
      file + " has schema " + std::to_string(version) + ", this wobble reads " + std::to_string(ours);
  throw Failure(kExitRefused, what + (version < ours ? ": start this version's wobbled with it once"
                                                     : ": use the wobble that belongs to its wobbled"));
}

class FileLog final : public LogSource {
 public:
  explicit FileLog(const std::string& file) try : file_(file), reader_((check(file), file), 1) {
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
    return {kExitRefused, file + " cannot be read: " + error.what()};
  }

  std::string file_;
  JournalReader reader_;
};

}  // namespace

std::unique_ptr<LogSource> log_of_daemon(const std::string& url) { return std::make_unique<DaemonLog>(url); }

std::unique_ptr<LogSource> log_of_file(const std::string& file) { return std::make_unique<FileLog>(file); }

}  // namespace wobble::daemon
