#include "tests/daemon/ledger_fixture.h"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "daemon/system/program.h"
#include "daemon/ways_in/sysctl.h"

namespace wobble::test {

LedgerTest::LedgerTest() {
  std::string name = testing::TempDir() + "wobble-ledger-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  folder_ = name;
}

LedgerTest::~LedgerTest() { std::filesystem::remove_all(folder_); }

void LedgerTest::SetUp() {
  try {
    netns_.emplace();
  } catch (const std::system_error& e) {
    GTEST_SKIP() << e.what() << ": that takes root";
  }
  ip("link set lo up");
}

std::string LedgerTest::ip(const std::string& words) const {
  std::vector<std::string> command{"ip"};
  std::istringstream in(words);
  for (std::string word; in >> word;) command.push_back(word);
  return output_inside(command);
}

std::string LedgerTest::output_inside(const std::vector<std::string>& command) const {
  std::string out;
  inside([&] { out = output_of(command); });
  return out;
}

std::string LedgerTest::value(const std::string& name) const {
  std::string out;
  inside([&] { out = read_sysctl(name).value_or("none"); });
  return out;
}

void LedgerTest::set(const std::string& name, const std::string& value) const {
  inside([&] { write_sysctl(name, value); });
}

std::string LedgerTest::ledger_text() const {
  std::ifstream file(folder() + "/ledger.json");
  return {std::istreambuf_iterator<char>(file), {}};
}

void LedgerTest::write_file(const std::string& name, const std::string& text) const {
  std::filesystem::create_directories(folder());
  std::ofstream(folder() + "/" + name) << text;
}

bool LedgerTest::has_file(const std::string& name) const { return std::filesystem::exists(folder() + "/" + name); }

void LedgerTest::hold(Ledger& ledger, const std::string& name, const std::string& value) const {
  inside([&] { ledger.hold_sysctl(inode(), name, value); });
}

std::string LedgerTest::release(Ledger& ledger, const std::string& name) const {
  std::string failed;
  inside([&] { failed = ledger.release_sysctl(inode(), name); });
  return failed;
}

Recovery LedgerTest::recover_all(bool dry_run) const { return recover({folder(), dry_run, false}); }

BrokenNft::BrokenNft(const std::string& folder) : path_before_(::getenv("PATH")) {
  std::filesystem::create_directories(folder + "/bin");
  const std::string program = folder + "/bin/nft";
  std::ofstream(program) << "#!/bin/sh\necho nft: out of order >&2\nexit 1\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  ::setenv("PATH", (folder + "/bin:" + path_before_).c_str(), 1);
}

BrokenNft::~BrokenNft() { ::setenv("PATH", path_before_.c_str(), 1); }

}  // namespace wobble::test
