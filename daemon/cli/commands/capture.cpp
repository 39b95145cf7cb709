// wobble capture: a link's packets into a file, as they pass.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

struct CaptureOptions {
  std::string link;
  std::string file;
  std::string lasts;
  std::uint64_t packets = 0;
  std::uint32_t snap_length = 0;
  std::uint16_t port = 0;
};

volatile std::sig_atomic_t interrupted = 0;
void interrupt(int) { interrupted = 1; }

/// Only whole blocks are written, so that what an interrupted capture leaves can be read.
class BlockWriter {
 public:
  explicit BlockWriter(std::FILE* file) : file_(file) {}

  void take(std::string_view bytes) {
    pending_ += bytes;
    std::size_t whole = 0;
    while (pending_.size() - whole >= 8) {
      const std::size_t length = block_length(whole);
      if (length < 12 || pending_.size() - whole < length) break;
      if (pending_[whole] == 6) ++packets_;
      whole += length;
    }
    if (whole == 0) return;
    if (std::fwrite(pending_.data(), 1, whole, file_) != whole || std::fflush(file_) != 0) {
      if (errno == EPIPE) throw OutputGone();
      throw Failure(kExitRefused, std::string("cannot write the capture: ") + std::strerror(errno));
    }
    bytes_ += whole;
    pending_.erase(0, whole);
  }
  std::uint64_t packets() const { return packets_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::size_t block_length(std::size_t at) const {
    std::size_t length = 0;
    for (int i = 3; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(pending_[at + 4 + i]);
    return length;
  }
  std::FILE* file_;
  std::string pending_;
  std::uint64_t packets_ = 0;
  std::uint64_t bytes_ = 0;
};

std::string path_of(const CaptureOptions& options) {
  std::string path = "/api/v1/links/" + url_encode(options.link) + "/capture";
  char separator = '?';
  const auto add = [&](const char* name, const std::string& value) {
    path += separator + std::string(name) + "=" + url_encode(value);
    separator = '&';
  };
  if (!options.lasts.empty()) add("for", options.lasts);
  if (options.packets > 0) add("packets", std::to_string(options.packets));
  if (options.snap_length > 0) add("snaplen", std::to_string(options.snap_length));
  if (options.port > 0) add("port", std::to_string(options.port));
  return path;
}

int capture(const Context& context, const CaptureOptions& options) {
  const bool to_stdout = options.file == "-";
  if (to_stdout && ::isatty(STDOUT_FILENO) != 0) {
    throw Failure(kExitUsage, "capture: -o FILE, or pipe the output: it is not for a terminal");
  }
  Client client(context.url);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(nullptr, std::fclose);
  std::unique_ptr<BlockWriter> writer;
  struct sigaction action {};
  action.sa_handler = interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  // The file is made when the daemon has agreed, and nothing is left of a capture that it refused.
  const auto take = [&](std::string_view bytes) {
    if (!writer) {
      if (!to_stdout) file.reset(std::fopen(options.file.c_str(), "wb"));
      if (!to_stdout && !file) throw Failure(kExitRefused, options.file + ": " + std::strerror(errno));
      writer = std::make_unique<BlockWriter>(to_stdout ? stdout : file.get());
    }
    writer->take(bytes);
    return interrupted == 0;
  };
  client.download(path_of(options), take);
  if (!to_stdout && writer) {
    say(std::to_string(writer->packets()) + " packets, " + human_bytes(writer->bytes()) + " in " + clean(options.file) +
        "\n");
  }
  return kExitOk;
}

}  // namespace

void add_capture(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("capture", "A link's packets into a pcapng file, with what was done to each");
  auto options = std::make_shared<CaptureOptions>();
  command->add_option("LINK", options->link, "The link")->required();
  command->add_option("-o", options->file, "The file; - for standard output")->default_val("-");
  command->add_option("--for", options->lasts, "How long: 10s, 5m; until Ctrl-C if absent");
  command->add_option("--packets", options->packets, "Until so many have arrived")->check(CLI::PositiveNumber);
  command->add_option("--snaplen", options->snap_length, "Bytes kept of each packet")->check(CLI::Range(20, 65535));
  command->add_option("--port", options->port, "Only packets from or to this port")->check(CLI::Range(1, 65535));
  command->footer(
      R"(Each packet stands in the file where it arrived and, for each copy, where it left; its comment says what was done.

Examples:
  wobble capture lab -o lab.pcapng --for 10s
  wobble capture lab | wireshark -k -i -
  wobble analyze lab.pcapng                     the same transitions as the log has)");
  command->callback([&context, options] { context.run = [&context, options] { return capture(context, *options); }; });
}

}  // namespace wobble::daemon
