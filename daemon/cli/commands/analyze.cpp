// wobble analyze: the connection tracker over a capture file. Needs no daemon.
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <random>
#include <system_error>

#include "api/rows/connection_json.h"
#include "api/rows/rows_json.h"
#include "daemon/capture/analysis.h"
#include "daemon/capture/link_layer.h"
#include "daemon/cli/commands/command.h"
#include "daemon/cli/commands/connections.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

constexpr std::uint32_t kCapacity = 262'144;  // connections at once
constexpr std::size_t kFlush = 64 * 1024;

struct AnalyzeOptions {
  std::string file;
  std::string checksums = "auto";
  std::size_t limit = 1000;
};

/// Connections are printed as they end; flows stand behind them, so they wait in a file that has no name.
class JsonOutput {
 public:
  JsonOutput() : flows_(std::tmpfile(), std::fclose) {
    if (!flows_) throw Failure(kExitRefused, "cannot make a temporary file");
    out_ = "{\"connections\": [";
  }
  void add(const AnalysedConnection& connection) {
    if (connection.row.protocol != kTcp) return add_flow(api::flow_json(connection.row));
    nlohmann::json json = api::to_json(connection.row);
    nlohmann::json transitions = nlohmann::json::array();
    for (const api::TransitionRow& row : connection.transitions) transitions.push_back(api::to_json(row));
    json["transitions"] = std::move(transitions);
    out_ += (has_connections_ ? ",\n  " : "\n  ") + text_of(json);
    has_connections_ = true;
    if (out_.size() > kFlush) flush();
  }
  void finish(const Json& counts) {
    out_ += "\n], \"flows\": [";
    flush();
    std::rewind(flows_.get());
    char part[kFlush];
    while (const std::size_t n = std::fread(part, 1, sizeof part, flows_.get())) say({part, n});
    say("\n], \"counts\": " + counts.dump() + "}\n");
  }

 private:
  static std::string text_of(const nlohmann::json& json) {
    return json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  }
  void add_flow(const nlohmann::json& json) {
    const std::string line = (has_flows_ ? ",\n  " : "\n  ") + text_of(json);
    has_flows_ = true;
    if (std::fwrite(line.data(), 1, line.size(), flows_.get()) != line.size()) {
      throw Failure(kExitRefused, "cannot write a temporary file");
    }
  }
  void flush() {
    say(out_);
    out_.clear();
  }
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> flows_;
  std::string out_;
  bool has_connections_ = false;
  bool has_flows_ = false;
};

/// The first connections by their numbers, and how all of them ended.
class TableOutput {
 public:
  explicit TableOutput(std::size_t limit) : limit_(limit) {}

  void add(const AnalysedConnection& connection) {
    const api::ConnectionRow& row = connection.row;
    ++(row.protocol == kTcp ? connections_ : flows_);
    if (row.protocol == kTcp) ++ends_[to_string(row.end)];
    if (lines_.size() >= limit_ && (limit_ == 0 || row.id > lines_.rbegin()->first)) return;
    lines_[row.id] = connection_line(row);
    if (lines_.size() > limit_) lines_.erase(std::prev(lines_.end()));
  }
  void finish(std::int64_t now, const Paint& paint) const {
    std::vector<ConnectionLine> lines;
    for (const auto& [id, line] : lines_) lines.push_back(line);
    if (!lines.empty()) say(connections_table(lines, now, paint));
    const std::uint64_t all = connections_ + flows_;
    if (all > lines.size()) say("and " + std::to_string(all - lines.size()) + " more (--limit, or --json)\n");
    std::string text = "\n" + std::to_string(connections_) + " connections";
    for (const auto& [end, count] : ends_)
      text += (&end == &ends_.begin()->first ? ": " : ", ") + std::to_string(count) + " " + end;
    say(text + "; " + std::to_string(flows_) + " other flows\n");
  }

 private:
  std::size_t limit_;
  std::map<ConnectionId, ConnectionLine> lines_;
  std::map<std::string, std::uint64_t> ends_;
  std::uint64_t connections_ = 0;
  std::uint64_t flows_ = 0;
};

/// "3 of them in tunnels; 5 not IP (4 ARP, 1 LLDP)"
std::string summary(const AnalysisCounts& counts) {
  std::string out = std::to_string(counts.frames) + " frames, " + std::to_string(counts.packets) + " IP packets";
  if (counts.first) out += " in " + human_age(counts.lasted.count());
  const auto add = [&](std::uint64_t n, const std::string& what) {
    if (n > 0) out += "; " + std::to_string(n) + " " + what;
  };
  std::string kinds;
  for (const auto& [what, n] : counts.unread) kinds += (kinds.empty() ? "" : ", ") + std::to_string(n) + " " + what;
  add(counts.tunnelled, "of them in tunnels");
  add(counts.not_ip, "not read as IP (" + kinds + ")");
  add(counts.unknown_link, "of another link type");
  add(counts.unreadable, "unreadable");
  add(counts.truncated, "cut off by the capture");
  add(counts.fragments, "fragments");
  add(counts.second_views, "seen twice");
  add(counts.bad_checksums, "with a bad checksum");
  constexpr const char* kStrays[kStrayCount] = {"RST", "null", "FIN", "XMAS", "SYN+FIN", "other segments"};
  for (std::size_t i = 0; i < kStrayCount; ++i) add(counts.strays[i], kStrays[i] + std::string(" of no connection"));
  add(counts.stray_fragments, "fragments of no connection");
  add(counts.from_before, "on their way when the capture began");
  add(counts.missed, "missed by the capture");
  add(counts.clock_steps, "steps back of the clock");
  return out + "\n";
}

Json counts_json(const AnalysisCounts& counts) {
  Json strays = Json::object();
  for (std::size_t i = 0; i < kStrayCount; ++i) strays[to_string(static_cast<Stray>(i))] = counts.strays[i];
  strays["fragments"] = counts.stray_fragments;
  return {{"frames", counts.frames},
          {"packets", counts.packets},
          {"in_tunnels", counts.tunnelled},
          {"fragments", counts.fragments},
          {"truncated", counts.truncated},
          {"bad_checksums", counts.bad_checksums},
          {"of_no_connection", std::move(strays)},
          {"unread", counts.unread},
          {"unknown_link", counts.unknown_link},
          {"unreadable", counts.unreadable},
          {"second_views", counts.second_views},
          {"departures", counts.departures},
          {"from_before", counts.from_before},
          {"missed", counts.missed},
          {"clock_steps", counts.clock_steps}};
}

std::unique_ptr<CaptureReader> open_capture(const std::string& file) {
  try {
    return read_capture(open_source(file));
  } catch (const std::system_error& error) {
    throw Failure(kExitRefused, file + ": " + error.code().message());
  } catch (const CaptureError& error) {
    throw Failure(kExitRefused, file + ": " + error.what());
  }
}

/// Can be read twice.
bool is_file(const std::string& path) {
  struct stat info {};
  return path != "-" && ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

std::string name_of(const std::string& file) {
  if (file == "-") return "stdin";
  const std::size_t slash = file.rfind('/');
  return slash == std::string::npos ? file : file.substr(slash + 1);
}

AnalysisOptions analysis_options(const AnalyzeOptions& options) {
  AnalysisOptions out;
  out.name = name_of(options.file);
  const auto checksums = parse_checksums(options.checksums);
  if (!checksums) {
    throw Failure(kExitUsage, "--checksums " + clean(options.checksums) + ": write verify, ignore or auto");
  }
  out.checksums = *checksums;
  out.table.capacity = kCapacity;
  std::random_device random;
  for (std::uint64_t& key : out.table.hash_key) key = std::uint64_t{random()} << 32 | random();
  return out;
}

int analyze(const Context& context, const AnalyzeOptions& options) {
  const AnalysisOptions chosen = analysis_options(options);
  std::unique_ptr<JsonOutput> json;
  TableOutput table(options.limit);
  if (context.json) json = std::make_unique<JsonOutput>();
  CaptureAnalysis analysis(chosen, [&](const AnalysedConnection& c) { json ? json->add(c) : table.add(c); });
  if (analysis.wants_first_look() && is_file(options.file)) analysis.first_look(*open_capture(options.file));

  const std::unique_ptr<CaptureReader> reader = open_capture(options.file);
  std::optional<Failure> damage;
  try {
    analysis.run(*reader);
  } catch (const CaptureError& error) {
    damage = Failure(kExitDamaged, options.file + ": " + error.what() + ", at byte " + std::to_string(error.offset) +
                                       "; what stood before it was analysed");
  }
  const AnalysisCounts& counts = analysis.counts();
  if (json) {
    json->finish(counts_json(counts));
  } else {
    table.finish(counts.last, context.paint);
    say(summary(counts));
  }
  if (damage) throw Failure(*damage);
  if (counts.unknown_link > 0 && counts.unknown_link == counts.frames) {
    throw Failure(kExitRefused, options.file + ": link type " + std::to_string(counts.unknown_link_type) +
                                    " is not read; " + known_link_types() + " are");
  }
  return kExitOk;
}

}  // namespace

void add_analyze(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("analyze", "The connections in a capture file (pcap, pcapng), as the log has them");
  auto options = std::make_shared<AnalyzeOptions>();
  command->add_option("FILE", options->file, "The capture, plain or in gzip; - for standard input")->required();
  command
      ->add_option(
          "--checksums", options->checksums,
          "verify: a packet with a bad checksum counts for nothing (history says C); ignore: it counts; "
          "auto: verify, but not what is not summed yet, nor a direction of which 90 % are bad, as captures on "
          "the sending host have them")
      ->capture_default_str();
  command->add_option("--limit", options->limit, "Rows of the table; --json has all")->capture_default_str();
  command->footer(
      "With --json: {\"connections\": [...], \"flows\": [...], \"counts\": {...}}, each as the API has it, a "
      "connection\n"
      "with its transitions, printed as they end; flows wait in a temporary file. Memory does not grow with the\n"
      "capture. Every frame is in one of the counts, and every packet in a connection, a flow or one of the counts.\n"
      "Of a tunnel (IP in IP, GRE, VXLAN, Geneve, GTP-U, ERSPAN) the inner packets are followed.\n"
      "A damaged capture is analysed up to the damage, which is named with its offset; exit code 4.");
  command->callback([&context, options] { context.run = [&context, options] { return analyze(context, *options); }; });
}

}  // namespace wobble::daemon
