#include "daemon/cli/client/sse.h"

#include <gmock/gmock.h>

#include <vector>

namespace {

using namespace wobble::daemon;
using ::testing::ElementsAre;

std::vector<std::string> read(const std::vector<std::string>& pieces) {
  EventReader reader;
  std::vector<std::string> seen;
  for (const std::string& piece : pieces) {
    reader.feed(piece, [&](const ServerEvent& e) {
      seen.push_back(e.name + "/" + e.id + "/" + e.data);
      return true;
    });
  }
  return seen;
}

TEST(EventReader, reads_fields_and_skips_comments) {
  EXPECT_THAT(read({": heartbeat\n\nid: 7\nevent: conditions\ndata: {\"a\":1}\n\n"}),
              ElementsAre("conditions/7/{\"a\":1}"));
}

TEST(EventReader, does_not_care_where_the_pieces_end) {
  const std::string stream = "id: 1\r\nevent: x\r\ndata: one\r\ndata: two\r\n\r\nid: 2\rdata:three\r\r";
  for (std::size_t size = 1; size < stream.size(); ++size) {
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < stream.size(); at += size) pieces.push_back(stream.substr(at, size));
    EXPECT_THAT(read(pieces), ElementsAre("x/1/one\ntwo", "message/2/three")) << "in pieces of " << size;
  }
}

TEST(EventReader, keeps_the_last_id_and_tells_nothing_without_data) {
  EXPECT_THAT(read({"id: 5\n\nevent: lonely\n\ndata: x\n\n"}), ElementsAre("message/5/x"));
}

TEST(EventReader, stops_when_told) {
  EventReader reader;
  int seen = 0;
  EXPECT_FALSE(reader.feed("data: 1\n\ndata: 2\n\n", [&](const ServerEvent&) { return ++seen < 1; }));
  EXPECT_EQ(seen, 1);
  EXPECT_FALSE(reader.too_long());
}

TEST(EventReader, bounds_what_it_keeps) {
  EventReader reader;
  const std::string piece(1 << 20, 'x');
  bool go_on = true;
  for (int i = 0; i < 6 && go_on; ++i) go_on = reader.feed(piece, [](const ServerEvent&) { return true; });
  EXPECT_FALSE(go_on);
  EXPECT_TRUE(reader.too_long());
}

}  // namespace
