// ICMP errors about a connection: how they are read, and the transition table's rows 44 to 47, by their number, for
// IPv4 and IPv6.
#include "emulator/packet/icmp_error.h"

#include <gtest/gtest.h>

#include "tests/connections/table_story.h"
#include "tests/emulator/packets.h"

namespace {

using namespace wobble;
using namespace wobble::packets;
using namespace std::chrono_literals;
using wobble::testing::Listener;
using wobble::testing::TableStory;

constexpr std::uint16_t kSyn = tcp_flag::kSyn, kAck = tcp_flag::kAck;
constexpr std::uint32_t kClientIsn = 1000, kServerIsn = 0xffffffff;

/// What a client at port 4000 sends to a server at port 80, and back.
struct Family {
  int version;

  Bytes wrap(const Bytes& segment) const { return version == 4 ? ipv4(kTcp, segment) : ipv6(kTcp, segment); }
  Bytes from_client(std::uint32_t seq, std::uint32_t ack, std::uint16_t flags, const Bytes& payload = {}) const {
    return wrap(packets::tcp(4000, 80, seq, ack, flags, payload));
  }
  Bytes from_server(std::uint32_t seq, std::uint32_t ack, std::uint16_t flags) const {
    Bytes bytes = wrap(packets::tcp(80, 4000, seq, ack, flags));
    const std::size_t size = version == 4 ? 4 : 16, at = version == 4 ? 12 : 8;
    std::swap_ranges(bytes.begin() + at, bytes.begin() + at + size, bytes.begin() + at + size);
    return bytes;
  }
  Bytes error(std::uint8_t type, std::uint8_t code, const Bytes& about) const {
    const Bytes message = Bytes{type, code, 0, 0, 0, 0, 0, 0} + about;
    return version == 4 ? ipv4(kIcmp, message) : ipv6(kIcmpV6, message);
  }
  Bytes port_unreachable(const Bytes& about) const { return version == 4 ? error(3, 3, about) : error(1, 4, about); }
  Bytes host_unreachable(const Bytes& about) const { return version == 4 ? error(3, 1, about) : error(1, 3, about); }
  Bytes parameter_problem(const Bytes& about) const { return version == 4 ? error(12, 0, about) : error(4, 0, about); }
  Bytes too_big(const Bytes& about) const { return version == 4 ? error(3, 4, about) : error(2, 0, about); }
};

PacketView view_of(const Bytes& bytes) {
  PacketView view;
  EXPECT_EQ(parse_packet(bytes, view), ParseError::none);
  return view;
}

class IcmpErrors : public ::testing::TestWithParam<int> {
 public:
  /// Arrives on `side`, and 10 ms later on the other.
  void pass(const Bytes& bytes, Side side, bool is_corrupted = false) {
    const PacketView view = view_of(bytes);
    Fate fate;
    fate.corrupted = is_corrupted;
    fate.release_at[0] = now + 10ms;
    const ConnectionHandle connection = table.arrive(view, side, now).connection;
    table.sent(connection, view, side, fate, now);
    const TimePoint arrived = now;
    now += 10ms;
    table.delivered(connection, view, side, arrived, fate, 0, now);
  }
  void drop(const Bytes& bytes, Side side) {
    const PacketView view = view_of(bytes);
    Fate fate;
    fate.dropped = fate.lost[0] = DropReason::loss;
    table.sent(table.arrive(view, side, now).connection, view, side, fate, now);
  }
  void shake_hands() {
    pass(syn, Side::near);
    pass(syn_ack, Side::far);
    pass(family.from_client(kClientIsn + 1, kServerIsn + 1, kAck), Side::near);
  }
  void expect_histories(const std::string& client, const std::string& server) {
    EXPECT_EQ(listener.history(1, Role::client), client);
    EXPECT_EQ(listener.history(1, Role::server), server);
  }
  void expect_row(Rule row) {
    ASSERT_FALSE(listener.transitions.empty());
    EXPECT_EQ(listener.transitions.back().row, row);
    EXPECT_EQ(listener.transitions.back().evidence, Evidence::delivered);
    EXPECT_FALSE(listener.transitions.back().has_segment);
  }
  /// How connection 1 (the flows of ICMP have ends too) was told to have ended.
  std::vector<End> ends() const {
    std::vector<End> result;
    for (const ConnectionClosed& closed : listener.closed) {
      if (closed.id == 1) result.push_back(closed.end);
    }
    return result;
  }

  const Family family{GetParam()};
  const Bytes syn = family.from_client(kClientIsn, 0, kSyn);
  const Bytes syn_ack = family.from_server(kServerIsn, kClientIsn + 1, kSyn | kAck);
  Listener listener;
  ConnectionTable table{TableStory::options_with(16), listener};
  TimePoint now{1h};
};

INSTANTIATE_TEST_SUITE_P(Families, IcmpErrors, ::testing::Values(4, 6));

TEST_P(IcmpErrors, Row44_PortUnreachableRefusesTheSyn) {
  pass(syn, Side::near);
  pass(family.port_unreachable(syn), Side::far);
  expect_histories("SYN_SENT CLOSED", "");
  expect_row(Rule::icmp_refused);
  EXPECT_EQ(ends(), std::vector{End::refused});
}

TEST_P(IcmpErrors, Row45_HostUnreachableEndsTheAttempt) {
  pass(syn, Side::near);
  pass(family.host_unreachable(syn), Side::far);
  expect_histories("SYN_SENT CLOSED", "");
  expect_row(Rule::icmp_unreachable);
  EXPECT_EQ(ends(), std::vector{End::unreachable});
}

TEST_P(IcmpErrors, Row45_AlsoIfWeHadDroppedTheSynAck) {
  pass(syn, Side::near);
  drop(syn_ack, Side::far);
  pass(family.host_unreachable(syn), Side::far);
  expect_histories("SYN_SENT CLOSED", "SYN_RECEIVED");
}

TEST_P(IcmpErrors, Row5_AClientThatGoesOnAskingHasNotGivenUp) {
  pass(syn, Side::near);
  drop(syn_ack, Side::far);
  pass(family.host_unreachable(syn), Side::far);
  pass(syn, Side::near);
  pass(syn_ack, Side::far);
  pass(family.from_client(kClientIsn + 1, kServerIsn + 1, kAck), Side::near);
  expect_histories("SYN_SENT CLOSED SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
}

TEST_P(IcmpErrors, Row46_TheServerForgetsWhoAsked) {
  pass(syn, Side::near);
  drop(syn_ack, Side::far);
  pass(family.parameter_problem(syn_ack), Side::near);
  expect_histories("SYN_SENT", "SYN_RECEIVED CLOSED");
  expect_row(Rule::icmp_about_syn_ack);
}

TEST_P(IcmpErrors, Row46_NotForEveryErrorAndEverySequenceNumber) {
  pass(syn, Side::near);
  drop(syn_ack, Side::far);
  // Linux: for IPv4 an unreachable port is none of the fatal ones, for IPv6 an unreachable host.
  pass(GetParam() == 4 ? family.port_unreachable(syn_ack) : family.host_unreachable(syn_ack), Side::near);
  pass(family.parameter_problem(family.from_server(kServerIsn + 1, kClientIsn + 1, kAck)), Side::near);
  expect_histories("SYN_SENT", "SYN_RECEIVED");
}

TEST_P(IcmpErrors, Row47_AnOpenConnectionOutlivesThemAll) {
  shake_hands();
  const Bytes data = family.from_client(kClientIsn + 1, kServerIsn + 1, kAck, Bytes(100, 1));
  pass(data, Side::near);
  for (const Bytes& error : {family.port_unreachable(data), family.host_unreachable(data),
                             family.parameter_problem(data), family.too_big(data)}) {
    pass(error, Side::far);
  }
  expect_histories("SYN_SENT ESTABLISHED", "SYN_RECEIVED ESTABLISHED");
  EXPECT_TRUE(ends().empty());
}

TEST_P(IcmpErrors, WhatDoesNotReachTheClientOrIsNotAboutItsSynEndsNothing) {
  pass(syn, Side::near);
  drop(family.port_unreachable(syn), Side::far);
  pass(family.port_unreachable(syn), Side::far, true);  // corrupted: the checksum is wrong
  pass(family.port_unreachable(syn), Side::near);       // on its way to the server
  pass(family.port_unreachable(family.from_client(kClientIsn + 2, 0, kSyn)), Side::far);
  pass(family.port_unreachable(family.from_client(kClientIsn - 1, 0, kSyn)), Side::far);
  pass(family.too_big(syn), Side::far);
  Bytes cut = syn;
  cut.resize((GetParam() == 4 ? 20 : 40) + 7);
  pass(family.port_unreachable(cut), Side::far);
  pass(family.port_unreachable({}), Side::far);
  expect_histories("SYN_SENT", "");
}

TEST_P(IcmpErrors, EightBytesOfTheSegmentAreEnough) {
  Bytes cut = syn;
  cut.resize((GetParam() == 4 ? 20 : 40) + 8);
  const auto error = parse_icmp_error(view_of(family.port_unreachable(cut)));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->about.source_port, 4000);
  EXPECT_EQ(error->about.destination_port, 80);
  EXPECT_EQ(error->about.tcp.seq, kClientIsn);
  EXPECT_EQ(error->about.source, view_of(syn).source);
  EXPECT_EQ(error->about.destination, view_of(syn).destination);
  EXPECT_TRUE(error->is_refusal);
}

TEST(IcmpErrorsV4, OptionsAndFragmentsOfWhatIsQuoted) {
  const Family v4{4};
  const Bytes segment = packets::tcp(4000, 80, kClientIsn, 0, kSyn);
  EXPECT_TRUE(parse_icmp_error(view_of(v4.host_unreachable(ipv4(kTcp, segment, 0, Bytes(8, 1))))));
  EXPECT_TRUE(parse_icmp_error(view_of(v4.host_unreachable(ipv4(kTcp, segment, 0x2000))))) << "the first fragment";
  EXPECT_FALSE(parse_icmp_error(view_of(v4.host_unreachable(ipv4(kTcp, segment, 0x2001)))));
  EXPECT_FALSE(parse_icmp_error(view_of(v4.host_unreachable(ipv4(kUdp, segment)))));
  EXPECT_FALSE(parse_icmp_error(view_of(v4.host_unreachable(Family{6}.wrap(segment)))));
}

TEST(IcmpErrorsV4, WhichTypesAndCodesAreHeardOf) {
  const Family v4{4};
  const Bytes syn = v4.from_client(kClientIsn, 0, kSyn);
  for (const int code : {0, 1, 2, 3, 5, 6, 7, 9, 10, 13, 15}) {
    const auto error = parse_icmp_error(view_of(v4.error(3, static_cast<std::uint8_t>(code), syn)));
    ASSERT_TRUE(error) << code;
    EXPECT_EQ(error->is_refusal, code == 2 || code == 3) << code;
    EXPECT_EQ(error->ends_request, code <= 1) << code;
  }
  EXPECT_TRUE(parse_icmp_error(view_of(v4.error(11, 0, syn))));
  EXPECT_FALSE(parse_icmp_error(view_of(v4.error(3, 16, syn))));
  for (const int type : {0, 4, 5, 8, 13}) {
    EXPECT_FALSE(parse_icmp_error(view_of(v4.error(static_cast<std::uint8_t>(type), 0, syn)))) << type;
  }
}

TEST(IcmpErrorsV6, ExtensionHeadersOfWhatIsQuoted) {
  const Family v6{6};
  const Bytes segment = packets::tcp(4000, 80, kClientIsn, 0, kSyn);
  const Bytes extended = ipv6(0, extension(43) + extension(44, 2) + fragment_header(kTcp, 0, true) + segment);
  const auto error = parse_icmp_error(view_of(v6.host_unreachable(extended)));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->about.tcp.seq, kClientIsn);
  const Bytes later = ipv6(44, fragment_header(kTcp, 1, false) + segment);
  EXPECT_FALSE(parse_icmp_error(view_of(v6.host_unreachable(later))));
  Bytes lying = ipv6(0, extension(kTcp) + segment);
  lying[41] = 200;  // longer than what is quoted
  EXPECT_FALSE(parse_icmp_error(view_of(v6.host_unreachable(lying))));
}

}  // namespace
