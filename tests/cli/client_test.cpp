#include "daemon/cli/client/client.h"

#include <gmock/gmock.h>

namespace {

using namespace wobble::daemon;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Address, reads_what_people_write) {
  EXPECT_EQ(Address::parse("http://127.0.0.1:7979").url(), "http://127.0.0.1:7979");
  EXPECT_EQ(Address::parse("http://wobble/").url(), "http://wobble:7979");
  EXPECT_EQ(Address::parse("localhost:80").url(), "http://localhost:80");
  EXPECT_EQ(Address::parse("http://[fd77::1]:81/").url(), "http://[fd77::1]:81");
  EXPECT_EQ(Address::parse("http://[::1]").host, "::1");
  EXPECT_EQ(Address::parse("unix:/run/x.sock").url(), "unix:/run/x.sock");
  EXPECT_EQ(Address::parse("unix:/run/x.sock").socket, "/run/x.sock");
}

TEST(Address, refuses_what_it_does_not_understand) {
  for (const char* wrong : {"https://a", "http://", "http://a:0", "http://a:65536", "http://a:x", "http://a/path",
                            "http://u@a", "http://[::1", "http://a:7979 b", ""}) {
    try {
      Address::parse(wrong);
      ADD_FAILURE() << wrong << " was taken";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.exit_code, kExitUsage) << wrong;
    }
  }
}

TEST(Address, knows_loopback) {
  for (const char* near : {"http://127.0.0.1", "http://127.9.9.9", "http://localhost", "http://[::1]"}) {
    EXPECT_TRUE(Address::parse(near).is_loopback()) << near;
  }
  EXPECT_FALSE(Address::parse("http://10.0.0.1").is_loopback());
}

TEST(UrlEncode, keeps_a_name_one_step_of_the_path) { EXPECT_EQ(url_encode("a/b?c d%é"), "a%2Fb%3Fc%20d%25%C3%A9"); }

TEST(Refused, names_each_wrong_field) {
  const Failure failure = refused(422, R"({"title":"Wrong conditions","status":422,"detail":"2 fields are wrong",
      "errors":[{"pointer":"/up/delay","detail":"80 has no unit: write 80ms"},{"pointer":"/up/los","detail":"unknown"}],
      "error":"..."})");
  EXPECT_EQ(failure.exit_code, kExitRefused);
  EXPECT_STREQ(failure.what(), "2 fields are wrong");
  EXPECT_THAT(failure.details, ElementsAre("/up/delay: 80 has no unit: write 80ms", "/up/los: unknown"));
}

TEST(Refused, says_something_whatever_the_body_is) {
  EXPECT_STREQ(refused(404, R"({"title":"No such link"})").what(), "No such link");
  EXPECT_STREQ(refused(502, "<html>").what(), "the daemon answered with status 502");
  EXPECT_STREQ(refused(500, "").what(), "the daemon answered with status 500");
  EXPECT_STREQ(refused(500, "[]").what(), "the daemon answered with status 500");
  EXPECT_THAT(refused(500, R"({"detail":7,"errors":"x"})").details, IsEmpty());
}

TEST(Refused, is_clean) { EXPECT_STREQ(refused(400, "{\"detail\":\"a\\u001b[2Jb\"}").what(), "a\uFFFD[2Jb"); }

TEST(NoDaemon, says_what_to_do) {
  EXPECT_STREQ(no_daemon("http://127.0.0.1:7979").what(),
               "no daemon at http://127.0.0.1:7979: start it with 'wobbled --lab' or give --url");
}

}  // namespace
