// The two rituals and their variations, told to a whole table.
#include "tests/connections/table_story.h"

namespace {

using namespace wobble;
using namespace wobble::testing;

TEST(Rituals, ClientClosesFirst) {
  TableStory s;
  s.shake_hands();
  s.client("ACK 1 ack 1 len 100");
  s.server("ACK 1 ack 101 len 500");
  s.client("ACK 101 ack 501");
  s.client("FIN,ACK 101 ack 501");
  s.server("ACK 501 ack 102");
  s.server("FIN,ACK 501 ack 102");
  s.client("ACK 102 ack 502");
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  s.expect_end(End::orderly, ClosedBy::client);
  s.wait(61s);
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT CLOSED",
                     "SYN_RECEIVED ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED");
  EXPECT_EQ(s.table.size(), 0u);
}

TEST(Rituals, ServerClosesFirst) {
  TableStory s;
  s.shake_hands();
  s.server("FIN,ACK 1 ack 1");
  s.client("FIN,ACK 1 ack 2");
  s.server("ACK 2 ack 2");
  s.expect_histories("SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSED",
                     "SYN_RECEIVED ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 TIME_WAIT");
  s.expect_end(End::orderly, ClosedBy::server);
}

TEST(Rituals, BothCloseAtOnce) {
  TableStory s;
  s.shake_hands();
  const auto client_fin = s.client_sends("FIN,ACK 1 ack 1");
  const auto server_fin = s.server_sends("FIN,ACK 1 ack 1");
  s.deliver(client_fin);
  const auto server_ack = s.server_sends("ACK 2 ack 2");
  s.deliver(server_fin);
  const auto client_ack = s.client_sends("ACK 2 ack 2");
  s.deliver(server_ack);
  s.deliver(client_ack);
  s.expect_histories("SYN_SENT ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT",
                     "SYN_RECEIVED ESTABLISHED FIN_WAIT_1 CLOSING TIME_WAIT");
  s.expect_end(End::orderly, ClosedBy::both);
  s.wait(61s);
  EXPECT_EQ(s.table.size(), 0u);
}

TEST(Rituals, ServerResets) {
  TableStory s;
  s.shake_hands();
  s.server("RST,ACK 1 ack 1");
  s.expect_histories("SYN_SENT ESTABLISHED CLOSED", "SYN_RECEIVED ESTABLISHED CLOSED");
  s.expect_end(End::reset, ClosedBy::server);
}

TEST(Rituals, Refused) {
  TableStory s;
  s.client("SYN 0");
  s.server_isn = 0;
  s.server("RST,ACK 0 ack 1");
  s.expect_histories("SYN_SENT CLOSED", "");
  s.expect_end(End::refused, ClosedBy::server);
}

}  // namespace
