// Who is let in, and what: over a real socket, mostly as raw bytes, since a polite client would not send these.
#include <gmock/gmock.h>

#include <vector>

#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr char kPatch[] = R"({"up":{"delay":"80ms"}})";

class GuardsTest : public ServerTest {
 protected:
  std::string request(const std::string& method, const std::string& target, const std::string& headers,
                      const std::string& body = "") {
    const std::string length =
        body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\nContent-Type: application/json\r\n";
    return method + " " + target + " HTTP/1.1\r\n" + headers + length + "Connection: close\r\n\r\n" + body;
  }
  int get_with(const std::string& headers) { return raw_status(request("GET", "/api/v1/links/lab", headers)); }
  int patch_with(const std::string& headers) {
    return raw_status(request("PATCH", "/api/v1/links/lab", "Host: " + host() + "\r\n" + headers, kPatch));
  }
  std::string port() const { return std::to_string(server_->port()); }
};

TEST_F(GuardsTest, OnlyOurOwnNamesAreHosts) {
  for (const std::string& name : std::vector<std::string>{"localhost", "127.0.0.1", "[::1]", "LOCALHOST"}) {
    EXPECT_EQ(get_with("Host: " + name + "\r\n"), 200) << name;
    EXPECT_EQ(get_with("Host: " + name + ":" + port() + "\r\n"), 200) << name;
    EXPECT_EQ(get_with("Host: " + name + ":1\r\n"), 403) << name;
  }
  for (const std::string& name :
       std::vector<std::string>{"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[::2]",
                                "localhost@evil", "evil:" + port()}) {
    EXPECT_EQ(get_with("Host: " + name + "\r\n"), 403) << name;
  }
  EXPECT_EQ(get_with(""), 400);
  EXPECT_EQ(get_with("Host: localhost\r\nHost: evil.example\r\n"), 400);
}

TEST_F(GuardsTest, MoreHostsCanBeAllowed) {
  ServerOptions options;
  options.allowed_hosts = {"wobble.test", "Tunnel.test:9000"};
  start(options);
  EXPECT_EQ(get_with("Host: wobble.test\r\n"), 200);
  EXPECT_EQ(get_with("Host: wobble.test:" + port() + "\r\n"), 200);
  EXPECT_EQ(get_with("Host: tunnel.test:9000\r\nOrigin: http://tunnel.test:9000\r\n"), 200);
  EXPECT_EQ(get_with("Host: tunnel.test\r\n"), 403);
}

TEST_F(GuardsTest, OnlyOurOwnPageIsAnOrigin) {
  EXPECT_EQ(patch_with("Origin: http://" + host() + "\r\nSec-Fetch-Site: same-origin\r\n"), 200);
  for (const std::string& origin :
       std::vector<std::string>{"http://evil.example", "null", "http://localhost:1", "http://localhost",
                                "https://evil.example", "file://", "http://" + host() + ".evil.example"}) {
    EXPECT_EQ(patch_with("Origin: " + origin + "\r\n"), 403) << origin;
  }
  EXPECT_EQ(patch_with("Sec-Fetch-Site: cross-site\r\n"), 403);
  EXPECT_EQ(patch_with("Sec-Fetch-Site: same-site\r\n"), 403);
  EXPECT_EQ(get_with("Host: localhost\r\nOrigin: http://evil.example\r\n"), 403);
  EXPECT_EQ(backend_.changes().size(), 1u);
}

TEST_F(GuardsTest, NothingIsReadForPagesOfOtherSites) {
  for (const char* path : {"/api/v1/connections?condition=loss", "/api/v1/connections/17/segments", "/api/v1/flows",
                           "/api/v1/events", "/api/v1/links/lab/capture?for=1s", "/metrics", "/api/v1/links",
                           "/api/v1/links/lab", "/api/v1", "/api/v1/openapi.json", "/app.js", "/"}) {
    for (const char* site : {"cross-site", "same-site"}) {
      EXPECT_EQ(raw_status(request("GET", path, std::string("Host: localhost\r\nSec-Fetch-Site: ") + site + "\r\n")),
                403)
          << path << " " << site;
    }
    EXPECT_EQ(raw_status(request("GET", path, "Host: localhost\r\nSec-Fetch-Site: same-origin\r\n")), 200) << path;
  }
}

TEST_F(GuardsTest, PagesOfOtherSitesMayLeadToOurs) {
  const auto status = [&](const std::string& target, const std::string& fields, const char* method = "GET") {
    return raw_status(request(method, target, "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n" + fields));
  };
  const std::string navigation = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
  EXPECT_EQ(status("/", navigation), 200);
  EXPECT_EQ(status("/index.html", navigation), 200);
  EXPECT_EQ(status("/", "Sec-Fetch-Mode: navigate\r\n"), 200);
  EXPECT_EQ(status("/healthz", ""), 200);
  EXPECT_EQ(status("/", "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n"), 403);
  EXPECT_EQ(status("/", "Sec-Fetch-Mode: no-cors\r\n"), 403);
  EXPECT_EQ(status("/metrics", navigation), 403);
  EXPECT_EQ(status("/api/v1/links", navigation), 403);
  EXPECT_EQ(status("/", navigation, "POST"), 403);
}

TEST_F(GuardsTest, NamesAndValuesOfFieldsAreStrict) {
  const std::string body = "0\r\n\r\n";
  for (const char* field :
       {"Transfer-Encoding : chunked", "X Y: 1", "X: a\rb", "X: \x01", " X: 1", "Origin:", "no colon"}) {
    EXPECT_EQ(
        raw_status("POST /api/v1/reset HTTP/1.1\r\nHost: localhost\r\n" + std::string(field) + "\r\n\r\n" + body) / 100,
        4)
        << field;
  }
  EXPECT_EQ(get_with("Host: localhost\r\nX-Plain:  a\tb \r\n"), 200);
}

TEST_F(GuardsTest, APreflightIsNeverGranted) {
  std::string answer;
  EXPECT_EQ(
      raw_status(request("OPTIONS", "/api/v1/links/lab",
                         "Host: localhost\r\nOrigin: http://evil.example\r\nAccess-Control-Request-Method: PATCH\r\n"),
                 &answer),
      403);
  EXPECT_THAT(answer, testing::Not(HasSubstr("Access-Control")));
}

TEST_F(GuardsTest, WritesAreJson) {
  for (const char* type :
       {"text/plain", "multipart/form-data; boundary=x", "application/xml", "application/jsonp", ""}) {
    send("POST", "/api/v1/annotations", R"({"text":"a"})", 415, {}, *type ? type : "x/y");
  }
  send("POST", "/api/v1/annotations", R"({"text":"a"})", 201, {}, "application/json; charset=utf-8");
  send("POST", "/api/v1/annotations", R"({"text":"a"})", 201, {}, "application/x-www-form-urlencoded");
  // A browser's form bears one of these, always.
  send("POST", "/api/v1/annotations", R"({"text":"a"})", 415, {{"Sec-Fetch-Mode", "no-cors"}},
       "application/x-www-form-urlencoded");
  send("POST", "/api/v1/annotations", R"({"text":"a"})", 415, {{"Origin", "http://127.0.0.1:" + port()}},
       "application/x-www-form-urlencoded");
  send("POST", "/api/v1/annotations", R"({"text":"a"})", 415, {{"Content-Encoding", "gzip"}});
  EXPECT_EQ(
      raw_status("POST /api/v1/annotations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\n{\"text\":\"a\"}"),
      415);
}

TEST_F(GuardsTest, BodiesAreBounded) {
  const std::string fits = R"({"text":")" + std::string(100'000, 'a') + "\"}";
  send("POST", "/api/v1/annotations", fits, 422);
  send("POST", "/api/v1/annotations", fits, 422, {}, "application/x-www-form-urlencoded");
  send("POST", "/api/v1/annotations", std::string(1024 * 1024, ' '), 413);
  EXPECT_EQ(raw_status("PATCH /api/v1/links/lab HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Content-Length: 999999999999999999\r\n\r\n"),
            413);
  // The same without saying so: chunked.
  std::string chunked =
      "POST /api/v1/annotations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 300; ++i) chunked += "400\r\n" + std::string(1024, ' ') + "\r\n";
  EXPECT_EQ(raw_status(chunked + "0\r\n\r\n"), 413);
  EXPECT_EQ(raw_status("POST /api/v1/annotations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nc\r\n{\"text\":\"a\"}\r\n0\r\n\r\n"),
            201);
}

TEST_F(GuardsTest, FramingIsStrict) {
  const std::string head = "POST /api/v1/annotations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  EXPECT_EQ(raw_status(head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}"), 400);
  EXPECT_EQ(raw_status(head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(raw_status(head + "Content-Length: -5\r\n\r\n{}"), 400);
  EXPECT_EQ(raw_status(head + "Content-Length: 5x\r\n\r\n{}"), 400);
  EXPECT_EQ(raw_status(head + "Transfer-Encoding: gzip\r\n\r\n{}"), 501);
  EXPECT_EQ(raw_status("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
                       "Content-Type: application/json\r\n\r\n{}"),
            400);
}

TEST_F(GuardsTest, WhatFollowsARefusedRequestIsNotARequest) {
  // A page can make a browser send such a body. Taken for a second request it would pass every guard.
  const std::string hidden =
      "PATCH /api/v1/links/lab HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Content-Length: " +
      std::to_string(sizeof kPatch - 1) + "\r\n\r\n" + kPatch;
  for (const std::string& outer :
       std::vector<std::string>{"POST /api/v1/reset", "GET /healthz", "PUT /nowhere", "DELETE /api/v1/reset"}) {
    for (const std::string& header : std::vector<std::string>{"Origin: http://evil.example", "Content-Type: text/plain",
                                                              "Content-Type: application/json"}) {
      RawClient raw(server_->port());
      raw.send(outer + " HTTP/1.1\r\nHost: localhost\r\n" + header +
               "\r\nContent-Length: " + std::to_string(hidden.size()) + "\r\n\r\n" + hidden);
      raw.finish_sending();
      const std::string answer = raw.read_all();
      EXPECT_EQ(answer.find("HTTP/1.1", 1), std::string::npos) << "two answers: " << answer;
      EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 4")) << outer << header;
    }
  }
  EXPECT_TRUE(backend_.changes().empty());
}

TEST_F(GuardsTest, ABodyThatEndsEarlyChangesNothing) {
  RawClient raw(server_->port());
  raw.send(
      "PATCH /api/v1/links/lab HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
      "100\r\n\r\n" +
      std::string(kPatch));
  raw.finish_sending();
  EXPECT_THAT(raw.read_all(), Not(HasSubstr("HTTP/1.1 2")));
  EXPECT_TRUE(raw.closed_by_peer());
  EXPECT_TRUE(backend_.changes().empty());
}

TEST_F(GuardsTest, BadJsonIsExplained) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"up": {"delay": "80ms")", "line 1, column 24"},
      {"[]", "an object is expected"},
      {"\"up\"", "an object is expected"},
      {std::string(10'000, '['), "nested deeper"},
      {R"({"up":{},"up":{}})", "is there twice"},
      {"up=1&down=2", "not JSON"},
      {std::string("{\"up\":\0}", 8), "not JSON"},
  };
  for (const auto& [body, expected] : cases) {
    EXPECT_THAT(send("PATCH", "/api/v1/links/lab", body, 400)["error"].get<std::string>(), HasSubstr(expected));
  }
  send("PATCH", "/api/v1/links/lab", "", 400);
  EXPECT_TRUE(backend_.changes().empty());
}

TEST_F(GuardsTest, PathTricksLeadNowhere) {
  for (const std::string& path : std::vector<std::string>{
           "/../../etc/passwd", "/%2e%2e/etc/passwd", "//etc/passwd", "/api/v1/links/%00", "/api/v1/links/..%2f",
           "/vendor/../index.html", "/api/v1//links", "/a\\..\\b", "http://localhost/healthz", "*"}) {
    const int status = raw_status(request("GET", path, "Host: localhost\r\n"));
    EXPECT_TRUE(status == 400 || status == 404) << path << ": " << status;
  }
  EXPECT_EQ(raw_status(request("GET", "/" + std::string(3000, 'a'), "Host: localhost\r\n")), 414);
  EXPECT_EQ(raw_status(request("GET", "/" + std::string(20'000, 'a'), "Host: localhost\r\n")), 414);
}

TEST_F(GuardsTest, HeadsAreBoundedAndReadable) {
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "X-" + std::to_string(i) + ": y\r\n";
  EXPECT_EQ(raw_status(request("GET", "/healthz", "Host: localhost\r\n" + many)), 431);
  EXPECT_EQ(raw_status(request("GET", "/healthz", "Host: localhost\r\nX: " + std::string(60'000, 'y') + "\r\n")), 431);
  for (const std::string& junk : std::vector<std::string>{
           "\r\n\r\n", "hello\r\n\r\n", "GET\r\n\r\n", "GET /healthz\r\n\r\n", "GET /healthz HTTP/9.9\r\n\r\n",
           "FETCH / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n"}) {
    const int status = raw_status(junk);
    EXPECT_TRUE(status == 400 || status == 505 || status == 0) << junk << status;
  }
  EXPECT_EQ(raw_status(request("TRACE", "/healthz", "Host: localhost\r\n")), 405);
  EXPECT_EQ(raw_status(request("CONNECT", "/healthz", "Host: localhost\r\n")), 405);
}

TEST_F(GuardsTest, ARangeDoesNotBreakAnything) {
  for (const char* range :
       {"bytes=0-1", "bytes=99999999999999999999999-", "bytes=5-1", "x", "bytes=0-0,0-0,0-0,0-0,0-0"}) {
    const int status =
        raw_status(request("GET", "/healthz", "Host: localhost\r\nRange: " + std::string(range) + "\r\n"));
    EXPECT_TRUE(status == 200 || status == 416 || status == 0) << range << ": " << status;
  }
  EXPECT_EQ(get("/healthz")["ok"], true);
}

TEST_F(GuardsTest, ATokenIsAskedFor) {
  ServerOptions options;
  options.token = "s3cret";
  start(options);
  EXPECT_EQ(get_with("Host: localhost\r\n"), 401);
  EXPECT_EQ(get_with("Host: localhost\r\nAuthorization: Bearer wrong\r\n"), 401);
  EXPECT_EQ(get_with("Host: localhost\r\nAuthorization: s3cret\r\n"), 401);
  EXPECT_EQ(get_with("Host: localhost\r\nAuthorization: Bearer s3cret\r\nAuthorization: Bearer x\r\n"), 400);
  EXPECT_EQ(get_with("Host: localhost\r\nAuthorization: Bearer s3cret\r\n"), 200);
  EXPECT_EQ(get_with("Host: localhost\r\nAuthorization: bearer s3cret\r\n"), 200) << "schemes have no case";
  EXPECT_EQ(get_with("Host: localhost\r\nAuthorization: BEARER   s3cret\r\n"), 200);
  EXPECT_EQ(get_with("Host: localhost\r\nAuthorization: bearers3cret\r\n"), 401);
  EXPECT_EQ(client().Get("/api/v1")->get_header_value("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(client().Get("/metrics")->status, 401);
  for (const char* path : {"/healthz", "/", "/app.js"}) EXPECT_EQ(client().Get(path)->status, 200) << path;
}

TEST_F(GuardsTest, EveryAnswerIsGuarded) {
  for (const char* path : {"/", "/api/v1", "/nowhere", "/metrics", "/api/v1/reset"}) {
    const auto result = client().Get(path);
    EXPECT_EQ(result->get_header_value("X-Content-Type-Options"), "nosniff") << path;
    EXPECT_THAT(result->get_header_value("Content-Security-Policy"), HasSubstr("frame-ancestors 'none'")) << path;
    EXPECT_FALSE(result->has_header("Access-Control-Allow-Origin")) << path;
    EXPECT_EQ(result->get_header_value("Cache-Control"), std::string(path) == "/" ? "no-cache" : "no-store") << path;
    if (result->status >= 400) {
      EXPECT_EQ(result->get_header_value("Content-Type"), "application/problem+json") << path;
    }
  }
}

TEST_F(GuardsTest, SlowClientsHoldUpNobody) {
  std::vector<std::unique_ptr<RawClient>> slow;
  const std::string post = "POST /api/v1/annotations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  for (int i = 0; i < 300; ++i) {
    slow.push_back(std::make_unique<RawClient>(server_->port()));
    if (i % 3 == 0) slow.back()->send("GET /healthz HTTP/1.1\r\nHost: loc");
    if (i % 3 == 1) slow.back()->send(post + "Content-Length: 100\r\n\r\n{");
  }
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(get("/healthz")["ok"], true);
    EXPECT_EQ(get("/api/v1/links/lab")["name"], "lab");
  }
}

TEST_F(GuardsTest, SilenceHasItsEnd) {
  ServerOptions options;
  options.limits.first_head = options.limits.next_head = options.limits.body = std::chrono::seconds(1);
  start(options);
  RawClient nothing(server_->port());
  RawClient half(server_->port());
  half.send("GET /healthz HTTP/1.1\r\nHost: loc");
  RawClient body(server_->port());
  body.send(
      "PATCH /api/v1/links/lab HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
      "50\r\n\r\n");
  RawClient next(server_->port());
  next.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  // However it drips: what counts is when the whole of it is there.
  for (int i = 0; i < 40 && !body.closed_by_peer(); ++i) {
    body.send("{");
    body.read_for(std::chrono::milliseconds(100));
  }
  for (RawClient* client : {&nothing, &half, &body, &next}) {
    client->read_all();
    EXPECT_TRUE(client->closed_by_peer());
  }
}

TEST_F(GuardsTest, WhoHasClosedItsSendingSideIsAnswered) {
  const RawClient older(server_->port());
  for (const char* request :
       {"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /api/v1/links HTTP/1.1\r\nHost: localhost\r\n\r\n"}) {
    for (int i = 0; i < 5; ++i) {
      RawClient client(server_->port());
      client.send(request);
      client.finish_sending();
      EXPECT_THAT(client.read_all(), testing::StartsWith("HTTP/1.1 200")) << request;
      EXPECT_TRUE(client.closed_by_peer());
    }
  }
}

TEST_F(GuardsTest, IdleConnectionsGiveWayToNewOnes) {
  std::vector<std::unique_ptr<RawClient>> idle;
  for (int i = 0; i < 60; ++i) {
    idle.push_back(std::make_unique<RawClient>(server_->port()));
    idle.back()->send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  for (auto& connection : idle) EXPECT_THAT(connection->read_until("\"ok\":true"), HasSubstr("\"ok\":true"));
  EXPECT_EQ(get("/healthz")["ok"], true);
}

TEST_F(GuardsTest, KeepAliveServesManyRequestsOnOneConnection) {
  RawClient raw(server_->port());
  for (int i = 0; i < 50; ++i) raw.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  raw.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  const std::string text = raw.read_all();
  std::size_t answers = 0;
  for (std::size_t at = 0; (at = text.find("HTTP/1.1 200", at)) != std::string::npos; ++at) ++answers;
  EXPECT_EQ(answers, 51u);
  EXPECT_TRUE(raw.closed_by_peer());
}

}  // namespace
}  // namespace wobble::api
