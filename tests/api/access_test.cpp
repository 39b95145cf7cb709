// Who may use the API: users of this machine over loopback and the Unix socket, tokens, and the page's cookie.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "api/http/users.h"
#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class AccessTest : public ServerTest {
 protected:
  static constexpr uid_t kOther = 54'321;

  /// A server that takes whoever comes over loopback for `user`.
  void start_for(std::optional<uid_t> user, ServerOptions options = {}) {
    options.user_of = [user](const sockaddr_storage&, const sockaddr_storage&) { return user; };
    start(std::move(options));
  }
  int status(const std::string& method, const std::string& path, const std::string& headers = "",
             std::string* answer = nullptr) {
    return raw_status(method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "Connection: close\r\n\r\n",
                      answer);
  }
  int link(const std::string& headers = "") { return status("GET", "/api/v1/links/lab", headers); }
};

TEST_F(AccessTest, RootAndTheDaemonsOwnUserMay) {
  for (const uid_t user : {uid_t{0}, ::geteuid()}) {
    start_for(user);
    EXPECT_EQ(link(), 200);
    EXPECT_EQ(status("POST", "/api/v1/reset"), 200);
  }
}

TEST_F(AccessTest, OthersMayNotAndAreToldWhatHelps) {
  start_for(kOther);
  std::string answer;
  EXPECT_EQ(status("GET", "/api/v1/links/lab", "", &answer), 403);
  for (const char* help : {"--allow-user 54321", "--allow-group", "WOBBLE_TOKEN", "Unix socket"}) {
    EXPECT_THAT(answer, HasSubstr(help));
  }
  EXPECT_EQ(status("POST", "/api/v1/reset"), 403);
  EXPECT_EQ(status("GET", "/metrics"), 403);
  EXPECT_EQ(status("GET", "/api/v1"), 403);
  EXPECT_EQ(status("GET", "/healthz"), 200);
  EXPECT_EQ(status("GET", "/"), 200);
  start_for(std::nullopt);
  EXPECT_EQ(status("GET", "/api/v1/links/lab", "", &answer), 403) << "whoever is not known is nobody in particular";
  EXPECT_THAT(answer, HasSubstr("Unix socket"));
}

TEST_F(AccessTest, UsersAndGroupsCanBeLetIn) {
  ServerOptions options;
  options.allow_users = {kOther};
  start_for(kOther, options);
  EXPECT_EQ(link(), 200);
  start_for(kOther + 1, options);
  EXPECT_EQ(link(), 403);

  const auto nobody = user_id("nobody");
  if (!nobody || *nobody == ::geteuid() || groups_of(*nobody).empty()) GTEST_SKIP() << "there is no user nobody";
  ServerOptions by_group;
  by_group.allow_groups = {groups_of(*nobody).front()};
  start_for(*nobody, by_group);
  EXPECT_EQ(link(), 200);
  start_for(kOther, by_group);
  EXPECT_EQ(link(), 403);
}

TEST_F(AccessTest, ATokenLetsAnybodyIn) {
  ServerOptions options;
  options.token = "s3cret";
  start_for(kOther, options);
  EXPECT_EQ(link(), 401);
  EXPECT_EQ(link("Authorization: Bearer s3cret\r\n"), 200);
  start_for(std::nullopt, options);
  EXPECT_EQ(link("Authorization: Bearer s3cret\r\n"), 200);
  // What comes from root over loopback may be a proxy of others: once there is a token it is asked for.
  start_for(0, options);
  EXPECT_EQ(link(), 401);
  options.allow_users = {0};
  start_for(0, options);
  EXPECT_EQ(link(), 200);
}

TEST_F(AccessTest, InsecureMeansEverybody) {
  ServerOptions options;
  options.insecure = true;
  start_for(kOther, options);
  EXPECT_EQ(link(), 200);
}

TEST_F(AccessTest, ThePageChangesTheTokenForACookie) {
  ServerOptions options;
  options.token = "s3cret";
  start_for(kOther, options);
  send("POST", "/api/v1/session", R"({"token":"wrong"})", 401);
  EXPECT_EQ(send("POST", "/api/v1/session", R"({"tokn":"s3cret"})", 422)["errors"].size(), 2u);
  send("POST", "/api/v1/session", R"({"token":"s3cret"})", 403, {{"Origin", "http://evil.example"}});
  const auto answer = client().Post("/api/v1/session", R"({"token":"s3cret"})", "application/json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 204);
  const std::string set = answer->get_header_value("Set-Cookie");
  EXPECT_THAT(set, HasSubstr("; HttpOnly"));
  EXPECT_THAT(set, HasSubstr("; SameSite=Strict"));
  EXPECT_THAT(set, Not(HasSubstr("s3cret")));
  const std::string cookie = set.substr(0, set.find(';'));
  EXPECT_EQ(link("Cookie: " + cookie + "\r\n"), 200);
  EXPECT_EQ(link("Cookie: a=b; " + cookie + "; c=d\r\n"), 200);
  // Others on this host may have set one of the same name, which may come first.
  const std::string foreign = cookie.substr(0, cookie.find('=') + 1) + "somebody else's";
  EXPECT_EQ(link("Cookie: " + foreign + "; " + cookie + "\r\n"), 200);
  EXPECT_EQ(link("Cookie: " + foreign + ";" + foreign + ";  " + cookie + "; " + foreign + "\r\n"), 200);
  EXPECT_EQ(link("Cookie: " + foreign + "\r\nCookie: " + cookie + "\r\n"), 200);
  EXPECT_EQ(link("Cookie: " + foreign + "; " + foreign + "\r\n"), 401);
  std::string many;
  for (int i = 0; i < 64; ++i) many += foreign + "; ";
  EXPECT_EQ(link("Cookie: " + many + cookie + "\r\n"), 401) << "so many are not looked at";
  EXPECT_EQ(link("Cookie: " + cookie + "0\r\n"), 401);
  EXPECT_EQ(link("Cookie: " + cookie.substr(0, cookie.size() - 1) + "\r\n"), 401);
  EXPECT_EQ(link("Cookie: x" + cookie + "\r\n"), 401);
  EXPECT_EQ(link("Cookie: " + cookie.substr(0, cookie.find('=') + 1) + "\r\n"), 401);
  // A cookie does not make a page of another origin ours.
  EXPECT_EQ(status("POST", "/api/v1/reset", "Origin: http://evil.example\r\nCookie: " + cookie + "\r\n"), 403);
  start_for(kOther, options);
  EXPECT_EQ(link("Cookie: " + cookie + "\r\n"), 401) << "it ends with the daemon";
  start({});
  send("POST", "/api/v1/session", R"({"token":"s3cret"})", 409);
}

TEST_F(AccessTest, OthersNameFilesBelowOneFolderOnly) {
  const auto folder = std::filesystem::canonical(std::filesystem::temp_directory_path()) /
                      ("wobble-test-files-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder / "open");
  std::ofstream(folder / "secret.trace") << "4711\n";
  std::ofstream(folder / "open" / "x.trace") << "10\n20\n";
  std::filesystem::create_symlink(folder / "secret.trace", folder / "open" / "link.trace");
  const auto patch = [&](const std::string& file, int expected) {
    const json body = {{"up", {{"trace", {{"file", (folder / file).string()}}}}}};
    return send("PATCH", "/api/v1/links/lab", body.dump(), expected).dump();
  };
  ServerOptions options;
  options.allow_users = {kOther};
  start_for(kOther, options);
  EXPECT_THAT(patch("open/x.trace", 422), HasSubstr("--files"));
  EXPECT_EQ(patch("secret.trace", 422), patch("no-such.trace", 422)) << "not even whether it is there";
  options.files = (folder / "open").string();
  start_for(kOther, options);
  patch("open/x.trace", 200);
  EXPECT_THAT(patch("secret.trace", 422), Not(HasSubstr("4711")));
  EXPECT_THAT(patch("open/link.trace", 422), HasSubstr("leads out"));
  EXPECT_THAT(patch("open/../secret.trace", 422), HasSubstr("leads out"));
  start_for(::geteuid(), options);
  patch("secret.trace", 200);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace wobble::api
