// Every route over a real socket.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "api/handlers/page_files.h"
#include "api/handlers/router.h"
#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST_F(ServerTest, RootTellsVersionUptimeAndEveryRoute) {
  const json root = get("/api/v1");
  EXPECT_EQ(root["version"], "1.2.3");
  EXPECT_EQ(root["uptime"], "90m");
  EXPECT_EQ(root["instance"].get<std::string>().size(), 32u);
  EXPECT_EQ(root["resources"].size(), routes().size());
}

TEST_F(ServerTest, LinkIsShownWithBothSides) {
  const auto result = client().Get("/api/v1/links/lab");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->get_header_value("ETag"), "\"1\"");
  EXPECT_EQ(result->get_header_value("Content-Type"), "application/json");
  const json link = json::parse(result->body);
  EXPECT_EQ(
      link,
      json::parse(
          R"({"name":"lab","revision":1,"seed":42,"up":{},"down":{},"reverts_at":null,"temporary":[],"profile":null,
    "near":{"device":"near","netns":"/proc/123/fd/7","addresses":["10.77.0.1","fd77::1"]},
    "far":{"device":"far","netns":"/proc/123/fd/8","addresses":["10.77.1.1","fd77::1:1"]},
    "way_in":{"kind":"lab","state":"up","detail":""}})"));
  EXPECT_EQ(get("/api/v1/links"), (json{{"items", {link}}, {"next", nullptr}}));
  EXPECT_EQ(get("/api/v1/links/nowhere", 404)["error"], "there is no link \"nowhere\"");
}

TEST_F(ServerTest, PatchByHeartIsInEffectAndAnswersWithTheLink) {
  const json link = send("PATCH", "/api/v1/links/lab", R"({"up": {"delay": "80ms", "loss": "2%"}})", 200, {},
                         "application/x-www-form-urlencoded");
  EXPECT_EQ(link["up"], json::parse(R"({"delay":{"time":"80ms"},"loss":{"random":"2%"}})"));
  EXPECT_EQ(link["revision"], 2);
  EXPECT_EQ(backend_.conditions().up.delay.time, std::chrono::milliseconds(80));
  EXPECT_EQ(backend_.conditions().up.loss.model, LossModel{RandomLoss{Probability::percent(2)}});
  EXPECT_EQ(get("/api/v1/links/lab"), link);
}

TEST_F(ServerTest, PutReplacesAndPatchMerges) {
  send("PUT", "/api/v1/links/lab", R"({"up":{"delay":"80ms"},"down":{"rate":"5mbit"}})", 200);
  json link = send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":{"jitter":"10ms"}}})", 200);
  EXPECT_EQ(link["up"], json::parse(R"({"delay":{"time":"80ms","jitter":"10ms"}})"));
  EXPECT_EQ(link["down"], json::parse(R"({"rate":"5mbit"})"));
  link = send("PUT", "/api/v1/links/lab", R"({"down":{"rate":"1mbit"}})", 200);
  EXPECT_EQ(link["up"], json::object());
  EXPECT_EQ(link["down"], json::parse(R"({"rate":"1mbit"})"));
}

TEST_F(ServerTest, WhatWasReadCanBeSentBackAndEdited) {
  send("PATCH", "/api/v1/links/lab", R"({"both":{"delay":"5ms"}})", 200);
  json link = get("/api/v1/links/lab");
  link["up"]["rate"] = "1mbit";
  link = send("PUT", "/api/v1/links/lab", link.dump(), 200);
  EXPECT_EQ(link["up"]["rate"], "1mbit");
  link["revision"] = 77;
  link["seed"] = 1;
  const json problem = send("PUT", "/api/v1/links/lab", link.dump(), 422);
  EXPECT_EQ(problem["errors"].size(), 2u);
}

TEST_F(ServerTest, EveryWrongFieldIsNamedAndNothingIsApplied) {
  const json problem =
      send("PATCH", "/api/v1/links/lab",
           R"({"up":{"delay":80,"lose":"2%","rate":"5mbps"},"down":{"loss":"200%"},"fro":"10m"})", 422);
  EXPECT_EQ(problem["title"], "Unprocessable Content");
  EXPECT_EQ(problem["status"], 422);
  std::set<std::string> pointers;
  for (const json& error : problem["errors"]) pointers.insert(error["pointer"]);
  EXPECT_EQ(pointers, (std::set<std::string>{"/up/delay", "/up/lose", "/up/rate", "/down/loss", "/fro"}));
  EXPECT_THAT(problem["error"].get<std::string>(), HasSubstr("did you mean \"loss\"?"));
  EXPECT_TRUE(backend_.changes().empty());
}

TEST_F(ServerTest, AChangeMayLastForAWhile) {
  const json link = send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"80ms"},"for":"10m"})", 200);
  EXPECT_EQ(link["reverts_at"], "2026-11-22T09:15:57.123456789Z");
  EXPECT_EQ(backend_.changes().at(0).lasts, std::chrono::minutes(10));
  for (const char* wrong : {R"({"for":"0s"})", R"({"for":10})", R"({"for":true})", R"({"for":"-1m"})"}) {
    EXPECT_EQ(send("PATCH", "/api/v1/links/lab", wrong, 422)["errors"][0]["pointer"], "/for") << wrong;
  }
}

TEST_F(ServerTest, IfMatchIsHonoured) {
  send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"1ms"}})", 200, {{"If-Match", "\"1\""}});
  send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"2ms"}})", 412, {{"If-Match", "\"1\""}});
  send("PUT", "/api/v1/links/lab", R"({"up":{"delay":"2ms"}})", 412, {{"If-Match", "\"1\", \"7\""}});
  EXPECT_EQ(backend_.changes().size(), 1u);
  send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"2ms"}})", 200, {{"If-Match", "\"1\", \"2\""}});
  send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"3ms"}})", 200, {{"If-Match", "*"}});
  for (const char* empty : {"If-Match:\r\n", "If-Match: \r\n", "If-Match: \"4\"\r\nIf-Match: \"5\"\r\n"}) {
    for (const char* line : {"DELETE /api/v1/links/lab", "DELETE /api/v1/links/lab/temporary",
                             "POST /api/v1/links/lab/reset", "POST /api/v1/links/lab/revert"}) {
      EXPECT_EQ(raw_status(std::string(line) + " HTTP/1.1\r\nHost: localhost\r\n" + empty + "\r\n"), 400) << line;
    }
    EXPECT_EQ(raw_status("PATCH /api/v1/links/lab HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                         "Content-Length: 2\r\n" +
                         std::string(empty) + "\r\n{}"),
              400);
  }
  EXPECT_EQ(get("/api/v1/links/lab")["revision"], 4);
  const auto same = client().Get("/api/v1/links/lab", {{"If-None-Match", "\"4\""}});
  EXPECT_EQ(same->status, 304);
  EXPECT_EQ(same->body, "");
}

TEST_F(ServerTest, PatchBuildsOnWhatSomebodyElseHasJustChanged) {
  backend_.interfere(2);
  const json link = send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"80ms"}})", 200);
  EXPECT_EQ(link["down"], json::parse(R"({"rate":"1mbit"})")) << "the other change must not be lost";
  backend_.interfere(100);
  send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"90ms"}})", 412);
}

TEST_F(ServerTest, ConcurrentPatchesLoseNothing) {
  std::vector<std::thread> threads;
  const std::vector<std::string> bodies = {R"({"up":{"delay":"1ms"}})",  R"({"up":{"loss":"1%"}})",
                                           R"({"up":{"rate":"1mbit"}})", R"({"down":{"delay":"1ms"}})",
                                           R"({"down":{"loss":"1%"}})",  R"({"down":{"rate":"1mbit"}})"};
  for (const std::string& body : bodies) {
    threads.emplace_back([&, body] { send("PATCH", "/api/v1/links/lab", body, 200); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(get("/api/v1/links/lab")["up"].size(), 3u);
  EXPECT_EQ(get("/api/v1/links/lab")["down"].size(), 3u);
}

TEST_F(ServerTest, ResetNeedsNoBodyAndNoLength) {
  send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"80ms"}})", 200);
  EXPECT_EQ(raw_status("POST /api/v1/links/lab/reset HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"), 200);
  EXPECT_EQ(backend_.conditions(), LinkConditions{});
  send("PATCH", "/api/v1/links/lab", R"({"up":{"delay":"80ms"}})", 200);
  EXPECT_EQ(send("POST", "/api/v1/reset", "", 200, {}, "")["items"][0]["up"], json::object());
  EXPECT_EQ(send("POST", "/api/v1/reset", R"({"all":true})", 422)["errors"][0]["pointer"], "/all");
}

TEST_F(ServerTest, StatsHoldAskedAgainstDelivered) {
  send("PATCH", "/api/v1/links/lab", R"({"up":{"loss":"2%"}})", 200);
  LinkStats stats;
  stats.at = TimePoint(std::chrono::seconds(1));
  stats.connections = 12;
  stats.by_client_state[static_cast<std::size_t>(TcpState::established)] = 3;
  DirectionCounters& c = stats.up.since_change;
  c.packets_in = 200;
  c.dropped[static_cast<std::size_t>(DropReason::loss)] = 4;
  c.dropped[static_cast<std::size_t>(DropReason::outage)] = 100;
  c.duplicated = 48;
  c.delay.add(std::chrono::milliseconds(80));
  backend_.set_stats(stats);
  const json answer = get("/api/v1/links/lab/stats");
  EXPECT_EQ(answer["at"], "2026-11-22T09:05:58.123456789Z");
  EXPECT_EQ(answer["connections_by_state"], json::parse(R"({"ESTABLISHED":3})"));
  EXPECT_EQ(answer["up"]["asked"], json::parse(R"({"loss":{"random":"2%"}})"));
  EXPECT_EQ(answer["up"]["delivered"]["loss_percent"], 4.0) << "of those that an outage had not taken";
  EXPECT_EQ(answer["up"]["delivered"]["duplicate_percent"], 50.0) << "of those that lived";
  EXPECT_NEAR(answer["up"]["delivered"]["delay_ms"]["median"].get<double>(), 80, 0.0001);
  EXPECT_EQ(answer["up"]["since_change"]["dropped"]["total"], 104);
  EXPECT_TRUE(answer["down"]["delivered"]["loss_percent"].is_null());
  EXPECT_TRUE(answer["down"]["delivered"]["delay_ms"]["p99"].is_null());
  backend_.stats_unavailable = true;
  get("/api/v1/links/lab/stats", 503);
}

TEST_F(ServerTest, AFailureInsideIsLoggedAndNotShown) {
  std::string logged;
  ServerOptions options;
  options.log = [&](const std::string& line) { logged = line; };
  start(options);
  backend_.stats_broken = true;
  const json problem = get("/api/v1/links/lab/stats", 500);
  EXPECT_THAT(problem.dump(), testing::Not(HasSubstr("secret")));
  EXPECT_EQ(logged, "GET /api/v1/links/lab/stats failed: a secret of the implementation");
}

TEST_F(ServerTest, ConnectionsAreFilteredByTheQuery) {
  const json list = get(
      "/api/v1/connections?link=lab&state=FIN_WAIT_1&port=80&end=orderly&closed_by=both&protocol=udp&limit=5&cursor=9"
      "&since=2026-11-22T09:05:57Z");
  EXPECT_EQ(list["next"], "17");
  const ConnectionQuery query = backend_.last_query();
  EXPECT_EQ(query.link, "lab");
  EXPECT_EQ(query.state, TcpState::fin_wait_1);
  EXPECT_EQ(query.port, 80);
  EXPECT_EQ(query.end, End::orderly);
  EXPECT_EQ(query.closed_by, ClosedBy::both);
  EXPECT_EQ(query.protocol, kUdp);
  EXPECT_EQ(query.limit, 5u);
  EXPECT_EQ(query.cursor, 9u);
  EXPECT_EQ(query.since, MockBackend::kEpoch - 123'456'789);
  for (const char* wrong :
       {"stat=X", "state=ESTABLISHD", "port=70000", "port=x", "limit=0", "limit=1001", "since=yesterday",
        "link=a&link=b", "protocol=300", "end=", "link=%zz", "cursor=-1", "closed_by=me"}) {
    get(std::string("/api/v1/connections?") + wrong, 400);
  }
  EXPECT_THAT(get("/api/v1/connections?state=ESTABLISHD", 400)["error"].get<std::string>(),
              HasSubstr("did you mean \"ESTABLISHED\"?"));
}

TEST_F(ServerTest, FlowsAreWhatIsNotTcp) {
  const json flow = get("/api/v1/flows?protocol=udp&port=53")["items"][0];
  EXPECT_TRUE(backend_.last_query().flows);
  EXPECT_EQ(backend_.last_query().protocol, kUdp);
  EXPECT_EQ(flow["client"]["packets_sent"], 12);
  EXPECT_EQ(flow["client"]["address"], "10.77.0.1");
  EXPECT_EQ(flow["first_packet_at"], "2026-11-22T09:05:57.123456789Z");
  EXPECT_TRUE(flow["last_packet_at"].is_null());
  EXPECT_FALSE(flow.contains("end")) << "states are TCP's";
  EXPECT_THAT(get("/api/v1/flows?protocol=tcp", 400)["error"].get<std::string>(), HasSubstr("/api/v1/connections"));
  get("/api/v1/flows?state=ESTABLISHED", 400);
}

TEST_F(ServerTest, OneConnection) {
  const json connection = get("/api/v1/connections/17");
  EXPECT_EQ(connection["client"]["address"], "10.77.0.1");
  EXPECT_EQ(connection["client"]["side"], "near");
  EXPECT_EQ(connection["client"]["retransmissions_by_us"], 2);
  EXPECT_EQ(connection["server"]["side"], "far");
  EXPECT_EQ(connection["server"]["state"], "CLOSED");
  EXPECT_EQ(connection["protocol"], "tcp");
  EXPECT_EQ(connection["end"], "open");
  EXPECT_TRUE(connection["closed_by"].is_null());
  EXPECT_EQ(connection["handshake"], json::parse(R"({"rtt_client_ms":1.5,"rtt_server_ms":null,"initial_rtt_ms":null,
              "net":{"rtt_client_ms":1.5,"rtt_server_ms":0.25,"initial_rtt_ms":null}})"));
  EXPECT_EQ(connection["client"]["retransmitted"], json::parse(R"({"due_to_us":2,"fast":1,"timeout":3,"spurious":1,
    "lost_behind":2,"lost_before":1})"));
  EXPECT_EQ(connection["client"]["offered"],
            json::parse(R"({"mss":1460,"wscale":null,"sack":true,"timestamps":false,"tfo":"cookie",
              "data_in_syn":false,"ecn":null,"mptcp":false})"));
  EXPECT_EQ(connection["effective"],
            json::parse(R"({"wscale":false,"sack":true,"timestamps":false,"tfo":false,"ecn":null,"mptcp":false})"));
  EXPECT_EQ(connection["syn"], true);
  EXPECT_EQ(connection["syn_ack"], false);
  EXPECT_EQ(connection["closes"],
            json::parse(R"([{"side":"client","kind":"fin","at":"2026-11-22T09:05:57.123456789Z","delivered":true}])"));
  EXPECT_EQ(connection["conn_state"], "S2");
  EXPECT_EQ(connection["history"], "Sh");
  EXPECT_EQ(connection["closed_first"], "client");
  EXPECT_EQ(connection["one_sided"], true);
  EXPECT_EQ(connection["conditions"][0]["up"], json::parse(R"({"delay":{"time":"80ms"}})"));
  EXPECT_EQ(connection["conditions"][0]["scenario"], json::parse(R"([{"for":"2s"}])"));

  const json transition = get("/api/v1/connections/17/transitions")["items"][0];
  EXPECT_EQ(transition, json::parse(R"({"id":501,"at":"2026-11-22T09:05:57.123456789Z","connection":17,"link":"lab",
    "side":"server","from":"LISTEN","to":"SYN_RECEIVED","evidence":"sent","row":14,"rule":"third_ack",
    "sentence":"third ACK: its handshake is complete",
    "segment":{"flags":"SYN,ACK","seq":0,"ack":0,"length":0,"window":0,"fate":"dropped","reason":"loss"}})"));

  const json segment = get("/api/v1/connections/17/segments")["items"][0];
  EXPECT_EQ(segment, json::parse(R"({"id":9,"from":"client","sent_at":"2026-11-22T09:05:57.123456789Z",
    "delivered_at":"2026-11-22T09:05:57.203456789Z","flags":"PSH,ACK","seq":4000000000,"ack":2,"length":100,
    "window":64240,"fate":"delayed","reason":null,"copy":0,"retransmission":false})"));

  send("POST", "/api/v1/connections/17/follow", "", 204, {}, "");
  EXPECT_EQ(backend_.followed(), std::vector<ConnectionId>{17});
  for (const char* path : {"18", "x", "-1", "17x", "99999999999999999999"}) {
    get(std::string("/api/v1/connections/") + path, 404);
    get(std::string("/api/v1/connections/") + path + "/segments", 404);
  }
}

TEST_F(ServerTest, EventsAreListedAndAnnotationsWritten) {
  backend_.add_event("daemon_started", "up", "");
  const auto created =
      client().Post("/api/v1/annotations", R"({"text":"build 412 starts","link":"lab"})", "application/json");
  ASSERT_EQ(created->status, 201);
  EXPECT_EQ(created->get_header_value("Location"), "/api/v1/events?since=1&limit=1");
  const json event = json::parse(created->body);
  EXPECT_EQ(event, json::parse(R"({"id":2,"at":"2026-11-22T09:05:57.123456789Z","kind":"annotation","link":"lab",
    "connection":null,"text":"build 412 starts","detail":null,"transition":null})"));
  EXPECT_EQ(get(created->get_header_value("Location"))["items"], json{event});
  EXPECT_EQ(get("/api/v1/events")["items"].size(), 2u);
  EXPECT_EQ(get("/api/v1/events?kind=annotation&link=lab")["items"].size(), 1u);
  EXPECT_EQ(get("/api/v1/events?limit=1")["next"], "1");
  get("/api/v1/events?kind=annotatoin", 400);
  for (const char* wrong : {R"({})", R"({"text":""})", R"({"text":5})", R"({"text":"a\nb"})", R"({"text":"a","txt":1})",
                            R"({"text":"a","link":7})"}) {
    send("POST", "/api/v1/annotations", wrong, 422);
  }
  send("POST", "/api/v1/annotations", R"({"text":"a","link":"nowhere"})", 404);
  send("POST", "/api/v1/annotations", "", 400);
}

TEST_F(ServerTest, HealthSaysWhatIsWrong) {
  EXPECT_EQ(get("/healthz")["ok"], true);
  backend_.set_health({false, "the journal cannot write: disk full"});
  EXPECT_EQ(get("/healthz", 503)["detail"], "the journal cannot write: disk full");
}

TEST_F(ServerTest, ThePageAndItsFilesAreServed) {
  const auto page = client().Get("/");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->get_header_value("Content-Type"), "text/html; charset=utf-8");
  EXPECT_THAT(page->body, HasSubstr("<!doctype html>"));
  EXPECT_THAT(page->get_header_value("Content-Security-Policy"), HasSubstr("default-src 'none'; script-src 'self'"));
  const auto again = client().Get("/", {{"If-None-Match", page->get_header_value("ETag")}});
  EXPECT_EQ(again->status, 304);
  for (const PageFile& file : page_files()) {
    const auto result = client().Get("/" + std::string(file.name));
    EXPECT_EQ(result->status, 200) << file.name;
    EXPECT_EQ(result->body, file.content()) << file.name;
    EXPECT_NE(result->get_header_value("Content-Type"), "application/octet-stream") << file.name;
  }
  for (const char* path : {"/nothing.js", "/index.html/", "/vendor", "/api", "/api/v2", "/api/v1/links/lab/x"}) {
    EXPECT_EQ(client().Get(path)->status, 404) << path;
  }
}

TEST_F(ServerTest, WebRootStandsInForKnownFilesOnly) {
  const auto root = std::filesystem::temp_directory_path() / ("wobble-test-web-" + std::to_string(::getpid()));
  std::filesystem::create_directory(root);
  std::ofstream(root / "index.html") << "from disk";
  std::ofstream(root / "secret.txt") << "secret";
  ServerOptions options;
  options.web_root = root;
  start(options);
  EXPECT_EQ(client().Get("/")->body, "from disk");
  EXPECT_EQ(client().Get("/secret.txt")->status, 404);
  std::filesystem::remove_all(root);
}

TEST_F(ServerTest, HeadAnswersAsGetWithoutABody) {
  for (const char* path : {"/", "/api/v1", "/healthz", "/metrics", "/api/v1/links/lab", "/api/v1/links/nowhere"}) {
    const auto get = client().Get(path);
    const auto head = client().Head(path);
    ASSERT_TRUE(head) << path;
    EXPECT_EQ(head->status, get->status) << path;
    EXPECT_EQ(head->body, "") << path;
    EXPECT_EQ(head->get_header_value("Content-Length"), get->get_header_value("Content-Length")) << path;
  }
  EXPECT_EQ(client().Head("/api/v1/events", {{"Accept", "text/event-stream"}})->status, 200);
}

TEST_F(ServerTest, AWrongMethodIsToldTheRightOnes) {
  const auto result = client().Post("/api/v1/links/lab", "{}", "application/json");
  EXPECT_EQ(result->status, 405);
  EXPECT_EQ(result->get_header_value("Allow"), "GET, HEAD, PUT, PATCH, DELETE");
  EXPECT_EQ(client().Delete("/api/v1/links")->get_header_value("Allow"), "GET, HEAD, POST");
  EXPECT_EQ(client().Get("/api/v1/reset")->get_header_value("Allow"), "POST");
  EXPECT_EQ(client().Options("/api/v1/reset")->get_header_value("Allow"), "POST");
}

TEST_F(ServerTest, TheDescriptionAndTheRoutesAreTheSame) {
  const json document = get("/api/v1/openapi.json");
  std::set<std::string> described;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      described.insert(method + " " + path);
      // Every operation leads somewhere: a path with its parameters filled in finds that very pattern.
      std::string filled = path;
      for (std::size_t at; (at = filled.find('{')) != std::string::npos;) {
        filled.replace(at, filled.find('}') - at + 1, "17");
      }
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      const Match match = find_route(upper, filled);
      ASSERT_NE(match.route, nullptr) << method << " " << path;
      EXPECT_EQ(match.route->pattern, path);
      EXPECT_FALSE(operation["summary"].get<std::string>().empty());
    }
  }
  std::set<std::string> routed;
  for (const Route& route : routes()) {
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    routed.insert(method + " " + std::string(route.pattern));
  }
  EXPECT_EQ(described, routed);
  // Every schema that is referred to is there, and the other way round.
  const std::string text = document.dump();
  for (const auto& [name, schema] : document["components"]["schemas"].items()) {
    EXPECT_THAT(text, HasSubstr("#/components/schemas/" + name + "\""));
  }
  for (std::size_t at = 0; (at = text.find("#/components/schemas/", at)) != std::string::npos;) {
    at += 21;
    EXPECT_TRUE(document["components"]["schemas"].contains(text.substr(at, text.find('"', at) - at)));
  }
}

}  // namespace
}  // namespace wobble::api
