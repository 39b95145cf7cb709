// Answers made smaller where that is asked for.
#include <gmock/gmock.h>

#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using GzipTest = ServerTest;

TEST_F(GzipTest, TextIsPackedForThoseWhoAskForIt) {
  const auto bytes_of = [&](const std::string& path, const std::string& accept, std::string* head = nullptr) {
    RawClient raw(server_->port());
    raw.send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + accept + "Connection: close\r\n\r\n");
    const std::string answer = raw.read_all();
    if (head != nullptr) *head = answer.substr(0, answer.find("\r\n\r\n"));
    return answer.size();
  };
  for (const char* path : {"/app.js", "/api/v1/openapi.json", "/api/v1"}) {
    std::string head;
    const std::size_t plain = bytes_of(path, "", &head);
    EXPECT_THAT(head, testing::Not(HasSubstr("Content-Encoding")));
    EXPECT_THAT(head, HasSubstr("Vary: Accept-Encoding"));
    for (const char* accept : {"Accept-Encoding: gzip\r\n", "Accept-Encoding: br, GZIP;q=0.5\r\n"}) {
      EXPECT_LT(bytes_of(path, accept, &head), plain * 3 / 4) << path;
      EXPECT_THAT(head, HasSubstr("Content-Encoding: gzip"));
    }
    bytes_of(path, "Accept-Encoding: gzip;q=0, br\r\n", &head);
    EXPECT_THAT(head, testing::Not(HasSubstr("Content-Encoding")));
  }
  std::string head;
  bytes_of("/healthz", "Accept-Encoding: gzip\r\n", &head);
  EXPECT_THAT(head, testing::Not(HasSubstr("gzip"))) << "too small to gain anything";
  // The client unpacks it: it is the same.
  EXPECT_EQ(json::parse(client().Get("/api/v1/openapi.json", {{"Accept-Encoding", "gzip"}})->body)["openapi"], "3.1.0");
}

}  // namespace
}  // namespace wobble::api
