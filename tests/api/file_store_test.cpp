// Files that conditions name: read once, kept once, counted as memory, and gone with the last who use them.
#include "api/conditions/file_store.h"

#include <gmock/gmock.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "api/conditions/conditions_json.h"
#include "api/conditions/sha256.h"
#include "emulator/unique_fd.h"
#include "tests/api/temporary_file.h"

namespace wobble::api {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(Sha256, OfTheStandardsExamples) {
  EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256_of(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(FileStore, TheSameFileIsKeptOnceWhateverItIsCalled) {
  const auto memory = std::make_shared<MemoryBudget>(std::size_t{1} << 20);
  FileStore store(memory);
  const TemporaryFile file("1\n2\n3\n");
  const std::string other_name = testing::TempDir() + "./" + file.path().substr(testing::TempDir().size());
  std::size_t allowance = 1000;
  const auto first = store.read_trace(file.path(), allowance);
  const auto second = store.read_trace(other_name, allowance);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first.value.numbers, second.value.numbers);
  EXPECT_EQ(allowance, 1000u - 12u) << "each reading costs";
  EXPECT_EQ(memory->taken(), 3 * sizeof(std::uint32_t));
  EXPECT_EQ(store.find_trace(first.value.file.sha256), first.value.numbers);
}

TEST(FileStore, WhatNobodyUsesIsGivenBack) {
  const auto memory = std::make_shared<MemoryBudget>(std::size_t{1} << 20);
  FileStore store(memory);
  const TemporaryFile file("1\n2\n3\n");
  std::size_t allowance = 1000;
  std::string sha256;
  {
    const auto read = store.read_trace(file.path(), allowance);
    sha256 = read.value.file.sha256;
    EXPECT_GT(memory->taken(), 0u);
  }
  EXPECT_EQ(memory->taken(), 0u);
  EXPECT_EQ(store.find_trace(sha256), nullptr);
}

TEST(FileStore, MoreThanTheMemoryHasRoomForIsRefused) {
  const auto memory = std::make_shared<MemoryBudget>(8);
  FileStore store(memory);
  const TemporaryFile file("1\n2\n3\n");
  std::size_t allowance = 1000;
  EXPECT_THAT(store.read_trace(file.path(), allowance).error, HasSubstr("--memory"));
  EXPECT_EQ(memory->taken(), 0u);
}

TEST(FileStore, FilesOfOneRequestHaveABoundTogether) {
  FileStore store;
  const TemporaryFile file("1\n2\n3\n"), second("4\n5\n6\n", "b");
  std::size_t allowance = 10;
  EXPECT_TRUE(store.read_trace(file.path(), allowance).ok());
  EXPECT_THAT(store.read_trace(second.path(), allowance).error, HasSubstr("together"));
  const TemporaryFile wrong("x\n", "c");
  EXPECT_FALSE(store.read_trace(wrong.path(), allowance).ok());
  EXPECT_EQ(allowance, 2u) << "what is read in vain counts too";
}

/// Bytes that this process has read so far, of whatever.
std::uint64_t bytes_read() {
  std::ifstream in("/proc/self/io");
  std::string name;
  std::uint64_t bytes = 0;
  in >> name >> bytes;
  return name == "rchar:" ? bytes : 0;
}

/// A trace of 3 MB: it is read in pieces.
std::string long_trace() {
  std::string text;
  while (text.size() < 3'000'000) text += std::to_string(1'000'000 + text.size()) + "\n";
  return text;
}

constexpr std::size_t kPlenty = FileStore::kLargestTrace;

/// Another thread that asks for a file while the first one reads it.
class SecondReader {
 public:
  SecondReader(FileStore& store, std::string path) : store_(store), path_(std::move(path)) {}
  ~SecondReader() {
    if (thread_.joinable()) thread_.join();
  }

  bool has_begun() const { return thread_.joinable(); }
  /// Returns when it waits for the first one's reading.
  void wait_for_the_first() {
    if (!has_begun()) thread_ = std::thread([this] { read(); });
    while (!is_waiting_) std::this_thread::yield();
  }
  const Parsed<FileTrace>& found() {
    thread_.join();
    return found_;
  }

 private:
  void read() {
    std::size_t allowance = kPlenty;
    found_ = store_.read_trace(path_, allowance, [this] {
      is_waiting_ = true;
      return false;
    });
  }

  FileStore& store_;
  const std::string path_;
  std::atomic<bool> is_waiting_{false};
  std::thread thread_;
  Parsed<FileTrace> found_;
};

TEST(FileStore, OneReadingServesAllWhoWaitForTheFile) {
  FileStore store;
  const TemporaryFile file(long_trace());
  constexpr std::size_t kOthers = 7;
  std::atomic<std::size_t> waiting{0};
  std::vector<std::thread> others;
  std::vector<Parsed<FileTrace>> found(kOthers);
  const auto begin_the_others = [&] {  // when the first is in the middle of it
    for (std::size_t i = others.size(); i < kOthers; ++i) {
      others.emplace_back([&, i] {
        std::size_t allowance = kPlenty;
        bool has_waited = false;
        found[i] = store.read_trace(file.path(), allowance, [&] {
          waiting += has_waited ? 0 : 1;
          has_waited = true;
          return false;
        });
      });
    }
    while (waiting < kOthers) std::this_thread::yield();
    return false;
  };
  const std::uint64_t before = bytes_read();
  std::size_t allowance = kPlenty;
  const auto first = store.read_trace(file.path(), allowance, begin_the_others);
  for (std::thread& other : others) other.join();
  EXPECT_LT(bytes_read() - before, 5'000'000u);
  ASSERT_TRUE(first.ok());
  for (const auto& one : found) EXPECT_EQ(one.value.numbers, first.value.numbers);
}

TEST(FileStore, AReadingIsGivenUpAtAnyMoment) {
  FileStore store;
  const TemporaryFile file(long_trace());
  std::size_t asked = 0;
  std::size_t allowance = kPlenty;
  store.read_trace(file.path(), allowance, [&] { return ++asked == 0; });
  EXPECT_GE(asked, 8u) << "while it is read, hashed and parsed";
  for (std::size_t at = 1; at <= asked; at += 3) {
    std::size_t n = 0;
    allowance = kPlenty;
    EXPECT_THROW(store.read_trace(file.path(), allowance, [&] { return ++n >= at; }), GivenUp) << at;
    EXPECT_EQ(n, at);
  }
}

TEST(FileStore, WhatOthersWaitForIsReadToItsEnd) {
  FileStore store;
  const TemporaryFile file(long_trace());
  SecondReader other(store, file.path());
  std::size_t allowance = kPlenty;
  const auto first = store.read_trace(file.path(), allowance, [&] {
    other.wait_for_the_first();
    return true;
  });
  EXPECT_EQ(other.found().value.numbers, first.value.numbers);
}

TEST(FileStore, WhoWaitsForTheFileGivesUpAlone) {
  FileStore store;
  const TemporaryFile file(long_trace());
  std::size_t allowance = kPlenty;
  bool is_first = true;
  const auto first = store.read_trace(file.path(), allowance, [&] {
    if (!std::exchange(is_first, false)) return false;
    std::thread([&] {
      std::size_t own = kPlenty;
      EXPECT_THROW(store.read_trace(file.path(), own, [] { return true; }), GivenUp);
    }).join();
    return false;
  });
  EXPECT_TRUE(first.ok());
}

TEST(FileStore, AFileThatChangedMeanwhileIsReadAnew) {
  FileStore store;
  const TemporaryFile file("1\n2\n3\n");
  SecondReader other(store, file.path());
  std::size_t allowance = kPlenty;
  store.read_trace(file.path(), allowance, [&] {
    if (other.has_begun()) return false;
    std::ofstream(file.path(), std::ios::app) << "99999999\n";
    other.wait_for_the_first();
    return false;
  });
  const auto& found = other.found();
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found.value.numbers->back(), 99'999'999u);
}

TEST(FileStore, APipeIsNotOpened) {
  const std::string path = testing::TempDir() + "wobble_pipe_" + std::to_string(::getpid());
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const UniqueFd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), path.c_str(), IN_OPEN), 0);
  FileStore store;
  std::size_t allowance = 1000;
  EXPECT_THAT(store.read_trace(path, allowance).error, HasSubstr("is not a regular file"));
  char event[4096];
  EXPECT_LT(::read(watch.get(), event, sizeof event), 0) << "it was opened: whoever waits to write to it goes on";
  std::remove(path.c_str());
}

Json steps_with(const Json& direction, std::size_t count) {
  Json steps = Json::array();
  for (std::size_t i = 0; i < count; ++i) steps.push_back({{"for", "1s"}, {"up", direction}});
  return {{"scenario", steps}};
}

TEST(NamedFiles, ManyStepsShareWhatTheyName) {
  const TemporaryFile trace("1\n2\n3\n");
  std::vector<FieldError> errors;
  const LinkConditions c = read_conditions(steps_with({{"trace", trace.path()}}, 1000), errors);
  ASSERT_THAT(errors, IsEmpty());
  for (const ScenarioStep& step : c.scenario) ASSERT_EQ(step.up->trace.ms, c.scenario[0].up->trace.ms);
}

TEST(NamedFiles, AreNotWrittenWhole) {
  std::string table;
  for (int i = 0; i < 16'000; ++i) table += std::to_string(i) + "\n";
  const TemporaryFile file(table);
  std::vector<FieldError> errors;
  const Json delay = {{"time", "1ms"}, {"jitter", "1ms"}, {"distribution", {{"file", file.path()}}}};
  const LinkConditions c = read_conditions(steps_with({{"delay", delay}}, 250), errors);
  ASSERT_THAT(errors, IsEmpty());
  EXPECT_LT(to_json(c).dump().size(), 250u * 400u);
}

TEST(NamedFiles, ADigestHasToBeTheFilesOwn) {
  const TemporaryFile file("1\n2\n3\n");
  const std::string right = sha256_of("1\n2\n3\n");
  for (const auto& [sha256, holds] : {std::pair{right, true}, {sha256_of("else"), false}}) {
    std::vector<FieldError> errors;
    read_conditions({{"up", {{"trace", {{"file", file.path()}, {"sha256", sha256}}}}}}, errors);
    EXPECT_EQ(errors.empty(), holds);
    for (const FieldError& error : errors) EXPECT_THAT(error.detail, HasSubstr("has changed"));
  }
  for (const Json& wrong : {Json("abc"), Json(std::string(64, 'G')), Json(5)}) {
    std::vector<FieldError> errors;
    read_conditions({{"up", {{"trace", {{"file", file.path()}, {"sha256", wrong}}}}}}, errors);
    ASSERT_EQ(errors.size(), 1u);
    EXPECT_EQ(errors[0].pointer, "/up/trace/sha256");
  }
  std::vector<FieldError> errors;
  read_conditions({{"up", {{"trace", {{"file", file.path()}, {"values", 4}}}}}}, errors);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].pointer, "/up/trace/values");
}

TEST(NamedFiles, WhatIsInUseIsTakenAgainThoughTheFileIsGone) {
  FileStore store;
  LinkConditions present;
  {
    const TemporaryFile file("1\n2\n3\n");
    Reading reading(store);
    present = read_conditions({{"up", {{"trace", file.path()}}}}, reading);
    ASSERT_FALSE(reading.has_errors());
  }
  Reading again(store);
  EXPECT_EQ(read_conditions(to_json(present), again), present);
  EXPECT_FALSE(again.has_errors());
}

}  // namespace
}  // namespace wobble::api
