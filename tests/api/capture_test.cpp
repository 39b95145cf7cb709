// GET /api/v1/links/{link}/capture: a stream of what the backend captures, and nothing left behind.
#include <gmock/gmock.h>

#include <thread>

#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class CaptureRoute : public ServerTest {
 protected:
  static constexpr char kPath[] = "/api/v1/links/lab/capture";
  bool ends_soon() {
    for (int i = 0; i < 500 && backend_.captures_under_way() > 0; ++i) std::this_thread::sleep_for(10ms);
    return backend_.captures_under_way() == 0;
  }
};

TEST_F(CaptureRoute, StreamsWhatTheBackendCapturesToItsEnd) {
  const auto result = client().Get(std::string(kPath) + "?packets=12&snaplen=96&port=80");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 200);
  EXPECT_EQ(result->get_header_value("Content-Type"), "application/x-pcapng");
  EXPECT_THAT(result->get_header_value("Content-Disposition"), HasSubstr("lab.pcapng"));
  EXPECT_EQ(result->body, "first second");
  const CaptureOptions options = backend_.last_capture();
  EXPECT_EQ(options.packets, 12u);
  EXPECT_EQ(options.snap_length, 96u);
  EXPECT_EQ(options.port, 80);
  EXPECT_EQ(options.lasts, std::nullopt);
  EXPECT_TRUE(ends_soon());
}

TEST_F(CaptureRoute, EndsWhenTheClientGoes) {
  {
    RawClient client(server_->port());
    client.send("GET " + std::string(kPath) + "?for=1h HTTP/1.1\r\nHost: " + host() + "\r\n\r\n");
    EXPECT_THAT(client.read_until("second"), HasSubstr("first"));
    EXPECT_EQ(backend_.captures_under_way(), 1);
  }
  EXPECT_TRUE(ends_soon());
}

TEST_F(CaptureRoute, EndsWithTheServer) {
  RawClient client(server_->port());
  client.send("GET " + std::string(kPath) + "?for=1h HTTP/1.1\r\nHost: " + host() + "\r\n\r\n");
  client.read_until("second");
  server_->stop();
  EXPECT_TRUE(ends_soon());
}

TEST_F(CaptureRoute, RefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(get("/api/v1/links/nowhere/capture", 404)["status"], 404);
  for (const char* query : {"for=0", "for=soon", "packets=0", "packets=x", "snaplen=19", "snaplen=65536", "port=0",
                            "port=65536", "what=1"}) {
    get(std::string(kPath) + "?" + query, 400);
  }
  EXPECT_EQ(backend_.captures_under_way(), 0);
}

TEST_F(CaptureRoute, TakesAPlaceAmongTheStreams) {
  ServerOptions options;
  options.max_streams = 1;
  start(options);
  RawClient one(server_->port());
  one.send("GET " + std::string(kPath) + "?for=1h HTTP/1.1\r\nHost: " + host() + "\r\n\r\n");
  one.read_until("second");
  get(kPath, 503);
  EXPECT_EQ(backend_.captures_under_way(), 1);
}

}  // namespace
}  // namespace wobble::api
