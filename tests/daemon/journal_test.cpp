// What goes in comes out: every kind of event, through a real file.
#include "daemon/journal/journal.h"

#include <gmock/gmock.h>

#include "tests/daemon/journal_fixture.h"

namespace wobble::daemon {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

class JournalTest : public testing::Test {
 protected:
  void open() {
    journal = std::make_unique<Journal>(JournalOptions{.file = directory.file("journal.db"), .version = "1.2.3"});
    journal->add_link("lab", ring);
  }
  void reopen() {
    journal.reset();
    open();
  }
  std::vector<api::EventRow> all_events() { return journal->events({}); }
  std::vector<std::string> kinds() {
    std::vector<std::string> kinds;
    for (const auto& event : all_events()) kinds.push_back(event.kind);
    return kinds;
  }

  TemporaryDirectory directory;
  EventRing ring;
  std::unique_ptr<Journal> journal;
};

TEST_F(JournalTest, RecordsStartAndStop) {
  open();
  reopen();
  ASSERT_THAT(kinds(), testing::ElementsAre("daemon_started", "daemon_stopped", "daemon_started"));
  const auto events = all_events();
  EXPECT_EQ(events[0].text, "wobbled 1.2.3 started");
  EXPECT_THAT(events[0].detail, HasSubstr("\"killed_before\":null"));
  EXPECT_EQ(events[2].text, "wobbled 1.2.3 started") << "the one before stopped in order";
  EXPECT_FALSE(journal->killed_before());
}

/// Every figure its own number, from `first` on.
EndpointFigures numbered_figures(std::uint32_t first) {
  EndpointFigures f;
  for (std::uint64_t* n : {&f.packets_sent, &f.bytes_sent, &f.packets_delivered, &f.bytes_delivered, &f.payload_bytes,
                           &f.unique_payload_bytes}) {
    *n = (std::uint64_t{1} << 40) + first++;
  }
  for (std::uint32_t* n :
       {&f.retransmissions, &f.retransmissions_by_us, &f.dropped, &f.duplicated, &f.corrupted, &f.reordered,
        &f.retransmissions_fast, &f.retransmissions_spurious, &f.retransmissions_lost_behind,
        &f.retransmissions_lost_before, &f.out_of_order, &f.out_of_order_by_us, &f.gaps, &f.dup_acks, &f.keep_alives,
        &f.zero_windows, &f.initial_window, &f.max_window, &f.max_in_flight}) {
    *n = first++;
  }
  f.zero_window_time = milliseconds(first);
  return f;
}

ConnectionFigures every_figure(TimePoint opened_at) {
  ConnectionFigures f;
  f.client = numbered_figures(100);
  f.client.offer.mss = 1460;
  f.client.offer.has_window_scale = f.client.offer.sack = f.client.offer.timestamps = f.client.offer.multipath = true;
  f.client.offer.data_in_syn = true;
  f.client.offer.fast_open = FastOpen::cookie;
  f.client.offer.ecn = Ecn::accurate;
  f.server = numbered_figures(4'000'000'000);
  f.handshake_rtt_client = milliseconds(1);
  f.handshake_rtt_server = milliseconds(2);
  f.initial_rtt = milliseconds(3);
  f.tcp.syn = f.tcp.syn_ack = f.tcp.fast_open_accepted = true;
  f.tcp.closed_first = ClosedBy::server;
  f.tcp.conn_state = ConnState::rsto;
  for (const char letter : {'^', 'S', 'h', 'A', 'D', 'a', 'd', 'F', 'f', 'R', 'T', 'w', 'C', 'g', 'I', 'q'}) {
    f.tcp.history.add(letter);
  }
  f.tcp.handshake_rtt_server_net = milliseconds(5);
  f.tcp.initial_rtt_net = milliseconds(6);
  std::uint32_t number = 7;
  for (std::uint32_t* n : {&f.tcp.syn_retries, &f.tcp.syn_ack_retries, &f.tcp.rst_implausible, &f.tcp.challenge_acks,
                           &f.tcp.invalid_flags, &f.tcp.bad_checksum}) {
    *n = number++;
  }
  f.last_packet_at = opened_at + milliseconds(240);
  f.closes.add({opened_at + milliseconds(200), Role::client, CloseKind::fin, true});
  f.closes.add({opened_at + milliseconds(210), Role::server, CloseKind::rst, false});
  f.closes.add_left_out(3);
  return f;
}

TEST_F(JournalTest, ConnectionComesBackAsItWas) {
  open();
  ConnectionOpened begin = opening_of(17);
  begin.client_side = Side::far;
  begin.midstream = true;
  begin.client = endpoint("fd77::1", 40'112);
  begin.server = endpoint("fd77::1:1", 443);
  ConnectionClosed end = closing_of(17, End::orderly_reset, ClosedBy::both, begin.at + milliseconds(250));
  end.client_state = TcpState::time_wait;
  end.server_state = TcpState::last_ack;
  end.figures = every_figure(begin.at);
  ring.on(begin);
  ASSERT_TRUE(journal->sync(kLongEnough));
  const auto living = journal->connection(17);
  ASSERT_TRUE(living);
  EXPECT_EQ(living->closed_at, std::nullopt);
  EXPECT_EQ(living->end, End::open);
  EXPECT_EQ(living->client.state, TcpState::none);

  ring.on(end);
  ASSERT_TRUE(journal->sync(kLongEnough));
  const auto row = journal->connection(17);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->link, "lab");
  EXPECT_EQ(row->protocol, kTcp);
  EXPECT_EQ(row->client_side, Side::far);
  EXPECT_TRUE(row->midstream);
  EXPECT_EQ(row->ordinal, 17u);
  EXPECT_EQ(row->client.endpoint, begin.client);
  EXPECT_EQ(row->server.endpoint, begin.server);
  EXPECT_EQ(row->client.state, TcpState::time_wait);
  EXPECT_EQ(row->server.state, TcpState::last_ack);
  EXPECT_EQ(row->client.figures, end.figures.client);
  EXPECT_EQ(row->server.figures, end.figures.server);
  EXPECT_EQ(row->opened_at, journal->wall_clock(begin.at));
  EXPECT_EQ(row->closed_at, row->opened_at + 250'000'000);
  EXPECT_EQ(row->end, End::orderly_reset);
  EXPECT_EQ(row->closed_by, ClosedBy::both);
  EXPECT_EQ(row->handshake_rtt_client, milliseconds(1));
  EXPECT_EQ(row->handshake_rtt_server, milliseconds(2));
  EXPECT_EQ(row->initial_rtt, milliseconds(3));
  EXPECT_EQ(row->tcp, end.figures.tcp);
  EXPECT_EQ(row->tcp.history.text(), "^ShADadFfRTwCgIq");
  EXPECT_THAT(row->closes,
              ElementsAre(api::CloseRow{Role::client, CloseKind::fin, row->opened_at + 200'000'000, true},
                          api::CloseRow{Role::server, CloseKind::rst, row->opened_at + 210'000'000, false}));
  EXPECT_EQ(row->closes_left_out, 3u);
  EXPECT_EQ(row->last_packet_at, row->opened_at + 240'000'000);
  EXPECT_FALSE(journal->connection(18));
}

TEST_F(JournalTest, LateFiguresTakeThePlaceOfTheEnds) {
  open();
  const ConnectionOpened begin = opening_of(1);
  ConnectionClosed end = closing_of(1, End::reset, ClosedBy::server, begin.at + milliseconds(250));
  LateFigures late{1, end.at + std::chrono::seconds(10), TcpState::closed, TcpState::closed, every_figure(begin.at)};
  ring.on(begin);
  for (const bool in_one_batch : {false, true}) {
    ring.on(end);
    ASSERT_TRUE(in_one_batch || journal->sync(kLongEnough));
    ring.on_late(late);
    ASSERT_TRUE(journal->sync(kLongEnough));
    const auto row = journal->connection(1);
    ASSERT_TRUE(row);
    EXPECT_EQ(row->end, End::reset);
    EXPECT_EQ(row->closed_by, ClosedBy::server);
    EXPECT_EQ(row->closed_at, row->opened_at + 250'000'000);
    EXPECT_EQ(row->client.state, TcpState::closed);
    EXPECT_EQ(row->client.figures, late.figures.client);
    EXPECT_EQ(row->server.figures, late.figures.server);
    EXPECT_EQ(row->tcp, late.figures.tcp);
    EXPECT_EQ(row->closes.size(), 2u);
    late.figures.client.packets_sent += 7;
  }
}

TEST_F(JournalTest, StatesFollowTheTransitions) {
  open();
  using enum TcpState;
  ring.on(opening_of(1));
  ring.on(transition_of(1, Role::client, none, syn_sent));
  ASSERT_TRUE(journal->sync(kLongEnough));
  EXPECT_EQ(journal->connection(1)->client.state, syn_sent);
  ring.on(transition_of(1, Role::server, none, syn_received));
  ring.on(transition_of(1, Role::client, syn_sent, established));
  ASSERT_TRUE(journal->sync(kLongEnough));
  EXPECT_EQ(journal->connection(1)->client.state, established);
  EXPECT_EQ(journal->connection(1)->server.state, syn_received);
}

TEST_F(JournalTest, ATransitionAfterTheEndCountsInTheSameBatchToo) {
  open();
  using enum TcpState;
  for (const ConnectionId id : {ConnectionId{1}, ConnectionId{2}}) {
    ring.on(opening_of(id));
    ring.on(transition_of(id, Role::server, none, established));
    if (id == 2) {
      ASSERT_TRUE(journal->sync(kLongEnough));  // the end in a batch without the opening
    }
    ring.on(transition_of(id, Role::client, fin_wait_2, time_wait));
    ring.on(transition_of(id, Role::server, established, last_ack));
    ConnectionClosed end = closing_of(id);
    end.client_state = time_wait;
    end.server_state = last_ack;
    ring.on(end);
    ring.on(transition_of(id, Role::server, last_ack, closed));
    ASSERT_TRUE(journal->sync(kLongEnough));
    EXPECT_EQ(journal->connection(id)->client.state, time_wait);
    EXPECT_EQ(journal->connection(id)->server.state, closed);
    ring.on(transition_of(id, Role::client, time_wait, closed));
    ASSERT_TRUE(journal->sync(kLongEnough));
    EXPECT_EQ(journal->connection(id)->client.state, closed);
  }
}

TEST_F(JournalTest, EveryStateEvidenceAndFlagComesBack) {
  open();
  std::vector<Transition> told;
  for (std::size_t i = 0; i < kTcpStateCount; ++i) {
    Transition event = transition_of(5, i % 2 == 0 ? Role::client : Role::server, static_cast<TcpState>(i),
                                     static_cast<TcpState>(kTcpStateCount - 1 - i));
    event.evidence = static_cast<Evidence>(i % 5);
    event.row = static_cast<Rule>(i * 5);
    event.has_segment = i != 3;
    event.segment.tcp.flags = static_cast<std::uint16_t>(i == 10 ? 0x1ff : 1u << i);
    if (i == 9) event.segment.tcp.flags = 0;
    event.segment.fate = static_cast<FateWord>(i % 6);
    event.segment.drop = static_cast<DropReason>(i % kDropReasonCount);
    told.push_back(event);
    ring.on(event);
  }
  ASSERT_TRUE(journal->sync(kLongEnough));
  const auto rows = journal->transitions(5);
  ASSERT_EQ(rows.size(), told.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(rows[i].connection, 5u);
    EXPECT_EQ(rows[i].link, "lab");
    EXPECT_EQ(rows[i].at, journal->wall_clock(told[i].at));
    EXPECT_EQ(rows[i].side, told[i].side);
    EXPECT_EQ(rows[i].from, told[i].from);
    EXPECT_EQ(rows[i].to, told[i].to);
    EXPECT_EQ(rows[i].evidence, told[i].evidence);
    EXPECT_EQ(rows[i].row, told[i].row);
    ASSERT_EQ(rows[i].segment.has_value(), told[i].has_segment);
    if (!told[i].has_segment) continue;
    EXPECT_EQ(rows[i].segment->tcp.flags, told[i].segment.tcp.flags);
    EXPECT_EQ(rows[i].segment->tcp.seq, 4'000'000'000u);
    EXPECT_EQ(rows[i].segment->tcp.ack, 7u);
    EXPECT_EQ(rows[i].segment->tcp.window, 64'240);
    EXPECT_EQ(rows[i].segment->fate, told[i].segment.fate);
    EXPECT_EQ(rows[i].segment->drop, told[i].segment.drop);
  }
}

TEST_F(JournalTest, SegmentsComeInTheOrderOfSending) {
  open();
  const TimePoint base = monotonic_now();
  SegmentRecord later = segment_of(3, tcp_flag::kAck, DropReason::none, base + milliseconds(2));
  later.from = Role::server;
  later.copy = 1;
  later.retransmission = true;
  later.fate = FateWord::duplicated;
  ring.on(later);
  ring.on(segment_of(3, tcp_flag::kSyn, DropReason::queue, base));
  ring.on(segment_of(4, tcp_flag::kSyn));
  ASSERT_TRUE(journal->sync(kLongEnough));
  const auto rows = journal->segments(3);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].sent_at, journal->wall_clock(base));
  EXPECT_EQ(rows[0].delivered_at, std::nullopt);
  EXPECT_EQ(rows[0].drop, DropReason::queue);
  EXPECT_EQ(rows[0].fate, FateWord::dropped);
  EXPECT_EQ(rows[0].tcp.flags, tcp_flag::kSyn);
  EXPECT_EQ(rows[0].tcp.length, 1448u);
  EXPECT_EQ(rows[1].from, Role::server);
  EXPECT_EQ(rows[1].copy, 1);
  EXPECT_TRUE(rows[1].retransmission);
  EXPECT_EQ(rows[1].fate, FateWord::duplicated);
  EXPECT_EQ(rows[1].delivered_at, rows[1].sent_at + 80'000'000);
  EXPECT_GT(rows[0].id, rows[1].id) << "numbered as they were told";
}

TEST_F(JournalTest, EventsOfEveryKind) {
  open();
  push_life(ring, 9);
  ASSERT_TRUE(journal->sync(kLongEnough));
  const api::EventRow change = journal->record_change(
      {.link = "lab", .revision = 4, .source = "api \"PATCH\"", .conditions = R"({"up":{"delay":{"time":"80ms"}}})"});
  const api::EventRow note = journal->annotate("build 412 starts", std::nullopt);
  const api::EventRow other = journal->record_event("daemon_stopped", "said", R"({"a":1})", "lab", 9);
  EXPECT_LT(change.id, note.id);
  EXPECT_LT(note.id, other.id);
  ASSERT_TRUE(journal->sync(kLongEnough));
  EXPECT_EQ(journal->newest_event(), other.id);
  const auto events = all_events();
  ASSERT_EQ(events.size(), 1u + 9 + 3);
  EXPECT_EQ(events[1].kind, "connection_opened");
  EXPECT_EQ(events[1].connection, 9u);
  EXPECT_EQ(events[1].link, "lab");
  EXPECT_EQ(events[1].text, "connection 9 opened: tcp 10.77.0.1:40009 -> 10.77.1.1:80");
  EXPECT_THAT(events[1].detail, HasSubstr(R"("client":{"address":"10.77.0.1","port":40009})"));
  EXPECT_EQ(events[2].kind, "transition");
  ASSERT_TRUE(events[2].transition);
  EXPECT_EQ(events[2].transition->event_id, events[2].id);
  EXPECT_EQ(events[2].transition->to, TcpState::syn_sent);
  EXPECT_EQ(events[3].text, "connection 9: server LISTEN -> SYN_RECEIVED");
  EXPECT_EQ(events[9].kind, "connection_closed");
  EXPECT_THAT(events[9].text, HasSubstr("orderly, client first"));
  EXPECT_EQ(events[10].kind, "conditions");
  EXPECT_EQ(events[10].id, change.id);
  EXPECT_EQ(events[10].at, change.at);
  EXPECT_EQ(events[10].detail,
            R"({"revision":4,"source":"api \"PATCH\"","conditions":{"up":{"delay":{"time":"80ms"}}}})");
  EXPECT_EQ(events[11].kind, "annotation");
  EXPECT_EQ(events[11].text, "build 412 starts");
  EXPECT_EQ(events[11].link, "");
  EXPECT_EQ(events[12].connection, 9u);
  EXPECT_EQ(events[12].detail, R"({"a":1})");
}

}  // namespace
}  // namespace wobble::daemon
