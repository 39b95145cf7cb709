// wobble log: the connections of the past that pass the filters, for people, as JSON Lines or as CSV. From the daemon,
// or straight from its file, which may be written at the same time.
#include "daemon/cli/commands/log.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <memory>

#include "api/rows/connection_json.h"
#include "daemon/cli/client/log_source.h"
#include "daemon/cli/commands/connections.h"
#include "daemon/cli/words/time_text.h"

namespace wobble::daemon {
namespace {

constexpr std::uint32_t kPage = 1000;

struct LogOptions {
  std::map<std::string, std::string> query;  ///< as the API spells it
  std::string file;
  std::uint64_t limit = 0;  ///< 0: as many as there are, but for people
  bool csv = false;
};

/// RFC 4180.
std::string csv_field(const std::string& value) {
  if (value.find_first_of(",\"\r\n") == std::string::npos) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

void flatten(const Json& value, const std::string& name, std::vector<std::pair<std::string, std::string>>& out) {
  if (value.is_object()) {
    const std::string prefix = name.empty() ? "" : name + "_";
    for (const auto& [key, member] : value.items()) flatten(member, prefix + key, out);
    return;
  }
  out.emplace_back(name, value.is_null() ? "" : text(value));
}

/// Where a column stands: what says who, when and how it ended comes first, the rest in the API's order.
std::size_t place_of(std::string_view column) {
  constexpr std::array<std::string_view, 15> kFirst = {"id",          "link",        "protocol",     "client_address",
                                                       "client_port", "client_side", "client_state", "server_address",
                                                       "server_port", "server_side", "server_state", "opened_at",
                                                       "closed_at",   "end",         "closed_by"};
  return static_cast<std::size_t>(std::find(kFirst.begin(), kFirst.end(), column) - kFirst.begin());
}

class CsvPrinter {
 public:
  void print(const Json& connection) {
    const Fields fields = fields_of(connection);
    if (columns_.empty()) print_names(fields);
    std::string line;
    for (const std::string& column : columns_) {
      const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.first == column; });
      if (&column != columns_.data()) line += ',';
      if (field != fields.end()) line += csv_field(field->second);
    }
    say(line + "\r\n");
  }
  /// The names stand there even if no connection does.
  void finish() {
    if (columns_.empty()) print_names(fields_of(Json(api::to_json(api::ConnectionRow()))));
  }

 private:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  static Fields fields_of(const Json& connection) {
    Fields fields;
    flatten(connection, "", fields);
    return fields;
  }
  void print_names(const Fields& fields) {
    for (const auto& [name, value] : fields) columns_.push_back(name);
    std::stable_sort(columns_.begin(), columns_.end(),
                     [](const auto& a, const auto& b) { return place_of(a) < place_of(b); });
    std::string line;
    for (const std::string& name : columns_) line += (line.empty() ? "" : ",") + csv_field(name);
    say(line + "\r\n");
  }

  std::vector<std::string> columns_;  ///< of the first connection: all have the same
};

int print_all(const LogOptions& options, LogSource& source) {
  CsvPrinter csv;
  std::uint64_t left = options.limit == 0 ? UINT64_MAX : options.limit;
  auto query = options.query;
  while (left > 0) {
    query["limit"] = std::to_string(std::min<std::uint64_t>(left, kPage));
    const Json page = source.connections(query);
    for (const Json& connection : items(page)) {
      if (options.csv) {
        csv.print(connection);
      } else {
        say_json_line(connection);
      }
    }
    left -= std::min<std::uint64_t>(left, items(page).size());
    const std::string next = text(page, "next");
    if (next.empty()) break;
    query["cursor"] = next;
  }
  if (options.csv) csv.finish();
  return kExitOk;
}

int print_table(const Context& context, const LogOptions& options, LogSource& source) {
  constexpr std::uint64_t kForPeople = 50;
  auto query = options.query;
  query["limit"] = std::to_string(std::min<std::uint64_t>(options.limit == 0 ? kForPeople : options.limit, kPage));
  const Json page = source.connections(query);
  say(items(page).empty() ? "no connections\n" : connections_table(page, wall_clock(), context.paint));
  if (!text(page, "next").empty()) say("there are more: give --limit, a filter, --json or --csv\n");
  return kExitOk;
}

int print_log(const Context& context, const LogOptions& options) {
  if (context.json && options.csv) throw Failure(kExitUsage, "--json and --csv: give one of them");
  const auto source = options.file.empty() ? log_of_daemon(context.url) : log_of_file(options.file);
  return context.json || options.csv ? print_all(options, *source) : print_table(context, options, *source);
}

void add_filter(CLI::App* command, const std::shared_ptr<LogOptions>& options, const char* option, const char* name,
                const char* description) {
  command->add_option_function<std::string>(
      option, [options, name](const std::string& value) { options->query[name] = value; }, description);
}

}  // namespace

std::string state_word(std::string state) {
  for (char& c : state) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return state;
}

void add_log(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("log", "Connections of the past by filter, also as JSON Lines or CSV");
  auto options = std::make_shared<LogOptions>();
  add_filter(command, options, "--port", "port", "Only with an endpoint at this port");
  add_filter(command, options, "--address", "address", "Only with an endpoint at this address");
  add_filter(command, options, "--link", "link", "Only of this link");
  command->add_option_function<std::string>(
      "--state", [options](const std::string& state) { options->query["state"] = state_word(state); },
      "Only with an endpoint in this state at last: ESTABLISHED, fin-wait-1, ...");
  add_filter(command, options, "--end", "end", "Only those that ended so: orderly, reset, refused, syn_timeout, ...");
  add_filter(command, options, "--closed-by", "closed_by", "Only those closed by: client, server, both");
  add_filter(command, options, "--protocol", "protocol", "tcp (if absent), udp, icmp, icmpv6, a number, or all");
  add_filter(command, options, "--since", "since",
             "Only those opened since: 10m, 3d (ago), a day or a time in RFC 3339");
  add_filter(command, options, "--until", "until",
             "Only those opened before: 10m, 3d (ago), a day or a time in RFC 3339");
  add_filter(command, options, "--condition", "condition",
             "Only those that lived while this was asked of the link: loss, delay, rate, ...; none: a clean link");
  command->add_option("--db", options->file, "Read this file in place of asking the daemon; it is not changed");
  command->add_option("--limit", options->limit, "At most so many, the newest first (50 as a table, else all)");
  command->add_flag("--csv", options->csv, "As CSV (RFC 4180), with a line of names");
  command->footer("With --json: one connection a line (JSON Lines), as the API shows it.");
  command->callback(
      [&context, options] { context.run = [&context, options] { return print_log(context, *options); }; });
}

}  // namespace wobble::daemon
