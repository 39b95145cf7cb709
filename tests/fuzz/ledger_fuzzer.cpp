// Any file as the ledger of what was changed on a machine: it is refused with an error, or understood, and then comes
// back as it is written.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "daemon/ways_in/ledger_file.h"

namespace {

using namespace wobble::daemon;

/// A folder of this process's own, removed with it.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("wobble-fuzz-" + std::to_string(::getpid()))) {
    std::filesystem::create_directory(path_);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  const std::string ledger = path_of_ledger(folder.path());
  std::ofstream(ledger, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  Records records;
  try {
    records = read_records(folder.path());
  } catch (const std::runtime_error&) {  // it says what is wrong
    return 0;
  }
  write_records(folder.path(), records);
  const std::string written = text_of(ledger);
  write_records(folder.path(), read_records(folder.path()));
  if (text_of(ledger) != written) std::abort();
  return 0;
}
