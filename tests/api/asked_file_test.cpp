// Files that requests name are looked at before they are opened.
#include "api/conditions/asked_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace wobble::api {
namespace {

using testing::HasSubstr;

class AskedFile : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const char* name) const { return folder_ / name; }

  const std::filesystem::path folder_ = std::filesystem::canonical(std::filesystem::temp_directory_path()) /
                                        ("wobble-test-asked-" + std::to_string(::getpid()));
};

TEST_F(AskedFile, ARegularFileIsOpened) {
  std::ofstream(path("x")) << "abc";
  const Parsed<UniqueFd> file = open_asked_file(path("x"));
  ASSERT_TRUE(file.ok()) << file.error;
  char bytes[4] = "";
  EXPECT_EQ(::read(file.value.get(), bytes, 3), 3);
  EXPECT_STREQ(bytes, "abc");
}

TEST_F(AskedFile, APipeIsNotOpened) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const UniqueFd watch(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  ASSERT_GE(::inotify_add_watch(watch.get(), path("pipe").c_str(), IN_OPEN), 0);
  EXPECT_THAT(open_asked_file(path("pipe")).error, HasSubstr("is not a regular file"));
  char events[4096];
  EXPECT_LT(::read(watch.get(), events, sizeof events), 0) << "it was opened";
  { const UniqueFd opened(::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)); }
  EXPECT_GT(::read(watch.get(), events, sizeof events), 0) << "the watch sees nothing";
}

TEST_F(AskedFile, OthersAreRefused) {
  EXPECT_THAT(open_asked_file("/dev/null").error, HasSubstr("is not a regular file"));
  EXPECT_THAT(open_asked_file("/").error, HasSubstr("is not a regular file"));
  EXPECT_THAT(open_asked_file("/proc/self/status").error, HasSubstr("is not a regular file"));
  EXPECT_THAT(open_asked_file("x").error, HasSubstr("an absolute path"));
  EXPECT_THAT(open_asked_file(std::string("/a\0b", 4)).error, HasSubstr("zero byte"));
  EXPECT_THAT(open_asked_file(path("none")).error, HasSubstr("No such file"));
}

TEST_F(AskedFile, SlashesInARowAreOne) {
  std::filesystem::create_directory(folder_ / "below");
  std::ofstream(path("below/x")) << "abc";
  const FileRightsScope some({false, folder_});
  const std::string parent = folder_.parent_path(), name = folder_.filename();
  for (const std::string& file : {path("below/x"), folder_.string() + "//below/x", folder_.string() + "///below//x",
                                  "//" + (parent + "//" + name).substr(1) + "/below/x"}) {
    EXPECT_EQ(open_asked_file(file).error, "") << file;
  }
  for (const std::string& file :
       {folder_.string() + "//../x", folder_.string() + "/", parent + "//x", folder_.string() + "x/below/x"}) {
    EXPECT_FALSE(open_asked_file(file).ok()) << file;
  }
}

TEST_F(AskedFile, RightsLastForTheirScope) {
  std::ofstream(path("x")) << "abc";
  EXPECT_TRUE(may_name_any_file());
  {
    const FileRightsScope none({false, ""});
    EXPECT_FALSE(may_name_any_file());
    EXPECT_FALSE(open_asked_file(path("x")).ok());
    const FileRightsScope some({false, folder_});
    EXPECT_TRUE(open_asked_file(path("x")).ok());
  }
  EXPECT_TRUE(may_name_any_file());
  EXPECT_TRUE(open_asked_file(path("x")).ok());
}

}  // namespace
}  // namespace wobble::api
