// wobble replay: a capture through the engine, in virtual time. Needs no daemon.
#include "daemon/capture/replay.h"

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "api/conditions/conditions_json.h"
#include "api/conditions/profiles.h"
#include "api/conditions/strict_json.h"
#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

struct ReplayWords {
  std::string in;
  std::string out;
  std::string profile, both, up, down;
  std::string near;
  std::uint64_t seed = 1;
};

using ApiJson = api::Json;

ApiJson parse_json(const std::string& text, const std::string& option) {
  ApiJson json = ApiJson::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object()) throw Failure(kExitUsage, option + ": this is no JSON object");
  return json;
}

bool looks_like_json(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '{';
}

/// What one direction is to suffer: an object of impairments, or netem's words.
ApiJson direction_of(const std::string& text, const std::string& option) {
  if (looks_like_json(text)) return parse_json(text, option);
  return {{"netem", text}};
}

/// A whole link: a preset's name, {"up": ..., "down": ...} here or in a file, or netem's words for both directions.
ApiJson profile_of(const std::string& text) {
  if (looks_like_json(text)) return parse_json(text, "--profile");
  if (const api::Profile* preset = api::find_profile(text)) return api::to_json(preset->conditions);
  std::ifstream file(text, std::ios::binary);
  if (file) return parse_json({std::istreambuf_iterator<char>(file), {}}, "--profile " + text);
  if (text.find(' ') == std::string::npos) throw Failure(kExitUsage, "--profile: " + api::no_such_profile(text));
  return {{"both", direction_of(text, "--profile")}};
}

LinkConditions conditions_of(const ReplayWords& options) {
  ApiJson document = options.profile.empty() ? ApiJson::object() : profile_of(options.profile);
  if (!options.both.empty()) document["both"] = direction_of(options.both, "--both");
  if (document.contains("both") && !document.contains("up") && !document.contains("down")) {
    document["up"] = document["down"] = document["both"];  // so that one of them can be said apart
    document.erase("both");
  }
  if (!options.up.empty()) document["up"] = direction_of(options.up, "--up");
  if (!options.down.empty()) document["down"] = direction_of(options.down, "--down");
  std::vector<api::FieldError> errors;
  for (const auto& [name, value] : document.items()) {
    if (name != "both" && name != "up" && name != "down" && name != "scenario") {
      errors.push_back({"/" + api::pointer_token(name), "only up, down, both and scenario belong here"});
    }
  }
  const LinkConditions conditions = api::read_conditions(document, errors);
  if (errors.empty()) return conditions;
  std::vector<std::string> lines;
  for (const api::FieldError& error : errors) lines.push_back(error.pointer + ": " + error.detail);
  throw Failure(kExitUsage, "replay: these conditions cannot be used:", lines);
}

std::string figures(const char* direction, const DirectionCounters& counters) {
  std::string out = std::string("  ") + direction + ": " + std::to_string(counters.packets_in) + " in, " +
                    std::to_string(counters.packets_out) + " out";
  if (counters.duplicated > 0) out += ", " + std::to_string(counters.duplicated) + " duplicated";
  if (counters.corrupted > 0) out += ", " + std::to_string(counters.corrupted) + " corrupted";
  if (counters.reordered > 0) out += ", " + std::to_string(counters.reordered) + " reordered";
  for (std::size_t i = 1; i < kDropReasonCount; ++i) {
    if (counters.dropped[i] == 0) continue;
    out += ", " + std::to_string(counters.dropped[i]) + " dropped (" + to_string(static_cast<DropReason>(i)) + ")";
  }
  return out + "\n";
}

ReplayOptions replay_options(const ReplayWords& options) {
  ReplayOptions out;
  out.conditions = conditions_of(options);
  out.seed = options.seed;
  if (options.out.ends_with(".pcapng")) out.format = ReplayFormat::pcapng;
  if (options.near.empty()) return out;
  out.near = AddressPrefix::parse(options.near);
  if (!out.near) {
    throw Failure(kExitUsage, "--near " + clean(options.near) + ": write an address or a prefix: 10.0.0.0/8, fd00::/8");
  }
  return out;
}

/// By whatever names: its own, a link's, another hard link's, or as standard input.
bool is_same_file(const std::string& in, const std::string& out) {
  struct stat read {
  }, written{};
  const int code = in == "-" ? ::fstat(STDIN_FILENO, &read) : ::stat(in.c_str(), &read);
  const int other = out == "-" ? ::fstat(STDOUT_FILENO, &written) : ::stat(out.c_str(), &written);
  return code == 0 && other == 0 && S_ISREG(read.st_mode) && read.st_dev == written.st_dev &&
         read.st_ino == written.st_ino;
}

std::string left_out(const ReplayCounts& counts) {
  std::string out = std::to_string(counts.frames) + " frames, " + std::to_string(counts.left_out) + " of them left out";
  std::string why;
  const auto add = [&](std::uint64_t n, const char* what) {
    if (n > 0) why += (why.empty() ? ": " : ", ") + std::to_string(n) + " " + what;
  };
  add(counts.second_views, "seen twice");
  add(counts.departures, "where a packet left the link");
  add(counts.not_read, "not read as IP");
  add(counts.one_sided, "between hosts of one side");
  return out + why + "\n";
}

int replay_capture(const ReplayWords& options) {
  const ReplayOptions chosen = replay_options(options);
  if (is_same_file(options.in, options.out)) {
    throw Failure(kExitUsage, "-o " + options.out + ": this is the capture that is read; write to another file");
  }
  std::unique_ptr<CaptureReader> reader;
  try {
    reader = read_capture(open_source(options.in));
  } catch (const std::system_error& error) {
    throw Failure(kExitRefused, options.in + ": " + error.code().message());
  } catch (const CaptureError& error) {
    throw Failure(kExitRefused, options.in + ": " + error.what());
  }
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(nullptr, std::fclose);
  if (options.out != "-") file.reset(std::fopen(options.out.c_str(), "wb"));
  std::FILE* out = options.out == "-" ? stdout : file.get();
  const auto fail = [&] { return Failure(kExitRefused, options.out + ": " + std::strerror(errno)); };
  if (out == nullptr) throw fail();
  const auto write = [&](std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), out) != bytes.size()) throw fail();
  };
  ReplayCounts counts;
  std::optional<Failure> damage;
  try {
    counts = replay(*reader, chosen, write);
  } catch (const CaptureError& error) {
    damage = Failure(kExitDamaged, options.in + ": " + error.what() + ", at byte " + std::to_string(error.offset) +
                                       "; what stood before it was replayed");
  }
  if (std::fflush(out) != 0) throw fail();
  if (damage) throw Failure(*damage);
  if (options.out == "-") return kExitOk;
  say(left_out(counts) + figures("up", counts.up) + figures("down", counts.down));
  return kExitOk;
}

}  // namespace

void add_replay(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("replay", "A capture through the impairments, in virtual time");
  auto options = std::make_shared<ReplayWords>();
  command->add_option("IN", options->in, "The capture: pcap or pcapng, plain or in gzip; - for standard input")
      ->required();
  command->add_option("-o", options->out, "What left the link, as pcap; as NAME.pcapng also what arrived, and why")
      ->required();
  command->add_option(
      "--profile", options->profile,
      "Conditions of a link: a preset's name (see 'wobble profiles'), JSON, a file of it, or netem's words");
  command->add_option("--both", options->both, "Both directions: netem's words, or JSON");
  command->add_option("--up", options->up, "From near to far");
  command->add_option("--down", options->down, "From far to near");
  command->add_option("--seed", options->seed, "Chance hangs on it and nothing else")->capture_default_str();
  command->add_option("--near", options->near, "Who is near: an address or a prefix; else who opens connections");
  command->footer(
      R"(The same capture, conditions and seed give the same bytes on every machine. Bytes that the capture cut off are zeros.
What the capture shows twice is taken once, as 'wobble analyze' does; of a capture of ours, what arrived at its link.

Examples:
  wobble replay in.pcap --both 'delay 80ms loss 2%' --seed 7 -o out.pcap
  wobble replay in.pcap --up 'rate 1mbit' --near 192.168.0.0/16 -o out.pcapng && wobble analyze out.pcapng)");
  command->callback([&context, options] { context.run = [options] { return replay_capture(*options); }; });
}

}  // namespace wobble::daemon
