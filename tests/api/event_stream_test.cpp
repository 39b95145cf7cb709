// The live stream and the metrics, over a real socket.
#include <gmock/gmock.h>

#include <map>
#include <sstream>

#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using testing::HasSubstr;
using testing::Not;

class StreamTest : public ServerTest {
 protected:
  std::unique_ptr<RawClient> open(const std::string& query = "", const std::string& headers = "") {
    auto raw = std::make_unique<RawClient>(server_->port());
    raw->send("GET /api/v1/events" + query + " HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n" + headers +
              "\r\n");
    return raw;
  }
};

TEST_F(StreamTest, WhatHappensIsSeenAtOnce) {
  backend_.add_event("annotation", "before");
  const auto stream = open();
  EXPECT_THAT(stream->read_until("retry:"), HasSubstr("Content-Type: text/event-stream"));
  backend_.add_event("annotation", "after");
  const std::string text = stream->read_until("\"after\"");
  EXPECT_THAT(text, HasSubstr("id: 2\nevent: annotation\ndata: {"));
  EXPECT_THAT(text, Not(HasSubstr("before"))) << "without since a stream begins now";
}

TEST_F(StreamTest, ItResumesWhereItWasCutOff) {
  for (int i = 1; i <= 1000; ++i) backend_.add_event("annotation", "n" + std::to_string(i) + "n");
  const auto stream = open("?since=3", "Last-Event-ID: 600\r\n");
  std::string text = stream->read_until("n1000n");
  EXPECT_THAT(text, Not(HasSubstr("n600n")));
  for (int i = 601; i <= 1000; ++i) EXPECT_THAT(text, HasSubstr("\"n" + std::to_string(i) + "n\""));
  EXPECT_THAT(open("?since=998")->read_until("n1000n"), HasSubstr("n999n"));
}

TEST_F(StreamTest, ItBeginsWithWhichStartOfTheDaemonItIs) {
  const std::string instance = get("/api/v1")["instance"];
  EXPECT_THAT(open()->read_until("}"), HasSubstr("event: hello\ndata: {\"instance\":\"" + instance + "\"}\n\n"));
  start({});
  EXPECT_NE(get("/api/v1")["instance"], instance);
}

TEST_F(StreamTest, AnIdOfAnotherLogBeginsAnew) {
  backend_.add_event("annotation", "first");
  EXPECT_THAT(open("?since=999")->read_until("first"), HasSubstr("first"));
  EXPECT_THAT(open("", "Last-Event-ID: 999\r\n")->read_until("first"), HasSubstr("first"));
}

TEST_F(StreamTest, StreamsTakeNoWorker) {
  ServerOptions options;
  options.max_streams = 64;
  start(options);
  std::vector<std::unique_ptr<RawClient>> streams;
  for (int i = 0; i < 64; ++i) streams.push_back(open());
  for (auto& stream : streams) stream->read_until("retry:");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(get("/api/v1/links/lab")["name"], "lab");
  backend_.add_event("annotation", "for all of them");
  for (auto& stream : streams) EXPECT_THAT(stream->read_until("for all of them"), HasSubstr("for all of them"));
}

TEST_F(StreamTest, ItFiltersWithoutFallingBehind) {
  for (int i = 0; i < 600; ++i) backend_.add_event("transition", "noise");
  const auto stream = open("?since=0&kind=annotation&link=lab");
  stream->read_until("retry:");
  backend_.add_event("annotation", "elsewhere", "other");
  backend_.add_event("annotation", "wanted");
  const std::string text = stream->read_until("wanted");
  EXPECT_THAT(text, HasSubstr("wanted"));
  EXPECT_THAT(text, Not(HasSubstr("noise")));
  EXPECT_THAT(text, Not(HasSubstr("elsewhere")));
}

TEST_F(StreamTest, SilenceIsBrokenByAHeartbeat) {
  EXPECT_THAT(open()->read_until(": still here"), HasSubstr(": still here"));
}

TEST_F(StreamTest, OnlySoManyStreamsAndTheNextIsToldToWait) {
  ServerOptions options;
  options.max_streams = 2;
  start(options);
  auto first = open();
  const auto second = open();
  first->read_until("retry:");
  second->read_until("retry:");
  const std::string refused = open("", "Connection: close\r\n")->read_all();
  EXPECT_THAT(refused, testing::StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(refused, HasSubstr("Retry-After: 5"));
  EXPECT_EQ(get("/healthz")["ok"], true);
  // A client that leaves makes room, soon.
  first.reset();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(8);
  std::string text;
  while (std::chrono::steady_clock::now() < deadline && !text.starts_with("HTTP/1.1 200")) {
    text = open()->read_until("\r\n\r\n");
  }
  EXPECT_THAT(text, testing::StartsWith("HTTP/1.1 200"));
}

TEST_F(StreamTest, StoppingEndsEveryStreamPromptlyAndProperly) {
  std::vector<std::unique_ptr<RawClient>> streams;
  for (int i = 0; i < 10; ++i) streams.push_back(open());
  for (auto& stream : streams) stream->read_until("retry:");
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
  for (auto& stream : streams) {
    EXPECT_THAT(stream->read_all(), testing::EndsWith("0\r\n\r\n"));
    EXPECT_TRUE(stream->closed_by_peer());
  }
}

TEST_F(StreamTest, StoppingWaitsForNoSlowClient) {
  RawClient head(server_->port());
  head.send("GET / HTTP/1.1\r\nHo");
  RawClient body(server_->port());
  body.send(
      "PATCH /api/v1/links/lab HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "
      "50\r\n\r\n{");
  RawClient idle(server_->port());
  idle.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  idle.read_until("\"ok\":true");
  const auto begin = std::chrono::steady_clock::now();
  server_->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
  EXPECT_TRUE(backend_.changes().empty());
}

/// name{labels} → value, after checking that every line is one of the format's and every family is declared.
std::map<std::string, double> parse_metrics(const std::string& text) {
  std::map<std::string, double> out;
  std::map<std::string, std::string> types;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, keyword, name, type;
    if (line.starts_with("# TYPE ")) {
      words >> hash >> keyword >> name >> type;
      EXPECT_TRUE(types.emplace(name, type).second) << "declared twice: " << name;
    } else if (!line.starts_with("# HELP ")) {
      const std::size_t space = line.rfind(' ');
      const std::string sample = line.substr(0, space);
      std::string family = sample.substr(0, sample.find('{'));
      for (const char* suffix : {"_bucket", "_sum", "_count"}) {
        const std::string base = family.substr(0, family.size() - std::min(family.size(), std::string(suffix).size()));
        if (family.ends_with(suffix) && types.contains(base)) family = base;
      }
      EXPECT_TRUE(types.contains(family)) << line;
      EXPECT_TRUE(types[family] != "counter" || family.ends_with("_total")) << line;
      EXPECT_TRUE(out.emplace(sample, std::stod(line.substr(space + 1))).second) << "twice: " << line;
    }
  }
  return out;
}

TEST_F(StreamTest, MetricsTellTheTotals) {
  LinkStats stats;
  stats.by_client_state[static_cast<std::size_t>(TcpState::established)] = 3;
  stats.events_lost = 5;
  stats.up.total.packets_in = 100;
  stats.up.total.dropped[static_cast<std::size_t>(DropReason::queue)] = 7;
  stats.up.total.bad_checksum = 6;
  stats.up.packets_in_flight = 2;
  for (int i = 1; i <= 100; ++i) stats.up.total.lateness.add(std::chrono::microseconds(30 * i));
  backend_.set_stats(stats);
  const auto answer = client().Get("/metrics");
  EXPECT_EQ(answer->get_header_value("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  auto metrics = parse_metrics(answer->body);
  EXPECT_EQ(metrics.at(R"(wobble_packets_total{link="lab",direction="up"})"), 100);
  EXPECT_EQ(metrics.at(R"(wobble_drops_total{link="lab",direction="up",reason="queue"})"), 7);
  EXPECT_EQ(metrics.at(R"(wobble_bad_checksums_total{link="lab",direction="up"})"), 6);
  EXPECT_EQ(metrics.at(R"(wobble_in_flight_packets{link="lab",direction="up"})"), 2);
  EXPECT_EQ(metrics.at(R"(wobble_connections{link="lab",state="ESTABLISHED"})"), 3);
  EXPECT_EQ(metrics.at(R"(wobble_events_lost_total{link="lab"})"), 5);
  EXPECT_EQ(metrics.at(R"(wobble_journal_lost_total{kind="segments"})"), 4);
  EXPECT_EQ(metrics.at("wobble_uptime_seconds"), 5400);
  const auto bucket = [&](const char* le) {
    return metrics.at("wobble_release_lateness_seconds_bucket{link=\"lab\",direction=\"up\",le=\"" + std::string(le) +
                      "\"}");
  };
  double before = 0;
  for (const char* le :
       {"1e-05", "2.5e-05", "5e-05", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "1", "+Inf"}) {
    EXPECT_GE(bucket(le), before) << le;
    before = bucket(le);
  }
  EXPECT_EQ(bucket("1e-05"), 0);
  EXPECT_NEAR(bucket("0.001"), 33, 3) << "to the width of the histogram's bucket";
  EXPECT_EQ(bucket("+Inf"), 100);
  EXPECT_EQ(metrics.at(R"(wobble_release_lateness_seconds_count{link="lab",direction="up"})"), 100);
  EXPECT_NEAR(metrics.at(R"(wobble_release_lateness_seconds_sum{link="lab",direction="up"})"), 0.1515, 1e-9);
  backend_.stats_unavailable = true;
  parse_metrics(client().Get("/metrics")->body);
}

}  // namespace
}  // namespace wobble::api
