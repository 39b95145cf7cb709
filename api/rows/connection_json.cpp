#include "api/rows/connection_json.h"

#include "api/rows/json_values.h"

namespace wobble::api {
namespace {

/// 0 stands for unknown inside.
Json rtt(Duration d) { return d.count() == 0 ? Json() : Json(in_milliseconds(d)); }

/// An empty name stands for none.
Json name_or_null(const char* name) { return *name == '\0' ? Json() : Json(name); }

const char* name_of(Side side) { return side == Side::near ? "near" : "far"; }

Json offer_json(const TcpOffer& offer) {
  return {{"mss", offer.mss == 0 ? Json() : Json(offer.mss)},
          {"wscale", offer.has_window_scale ? Json(offer.window_scale) : Json()},
          {"sack", offer.sack},
          {"timestamps", offer.timestamps},
          {"tfo", name_or_null(to_string(offer.fast_open))},
          {"data_in_syn", offer.data_in_syn},
          {"ecn", name_or_null(to_string(offer.ecn))},
          {"mptcp", offer.multipath}};
}

Json agreement_json(const ConnectionRow& row) {
  const TcpOffer& client = row.client.figures.offer;
  const TcpOffer& server = row.server.figures.offer;
  const TcpAgreement agreed = agreement_of(client, server, row.tcp.fast_open_accepted);
  return {{"wscale", agreed.window_scale},
          {"sack", agreed.sack},
          {"timestamps", agreed.timestamps},
          {"tfo", agreed.fast_open},
          {"ecn", name_or_null(to_string(agreed.ecn))},
          {"mptcp", agreed.multipath}};
}

Json endpoint_json(const EndpointRow& row, Side side) {
  const EndpointFigures& f = row.figures;
  return {{"address", row.endpoint.address.to_string()},
          {"port", row.endpoint.port},
          {"side", name_of(side)},
          {"state", state_name(row.state)},
          {"packets_sent", f.packets_sent},
          {"bytes_sent", f.bytes_sent},
          {"packets_delivered", f.packets_delivered},
          {"bytes_delivered", f.bytes_delivered},
          {"payload_bytes", f.payload_bytes},
          {"unique_payload_bytes", f.unique_payload_bytes},
          {"retransmissions", f.retransmissions},
          {"retransmissions_by_us", f.retransmissions_by_us},
          {"retransmitted",
           {{"due_to_us", f.retransmissions_by_us},
            {"fast", f.retransmissions_fast},
            {"timeout", f.retransmissions_timeout()},
            {"spurious", f.retransmissions_spurious},
            {"lost_behind", f.retransmissions_lost_behind},
            {"lost_before", f.retransmissions_lost_before}}},
          {"out_of_order", f.out_of_order},
          {"out_of_order_by_us", f.out_of_order_by_us},
          {"gaps", f.gaps},
          {"dup_acks", f.dup_acks},
          {"keep_alives", f.keep_alives},
          {"zero_windows", f.zero_windows},
          {"zero_window_ms", in_milliseconds(f.zero_window_time)},
          {"initial_window", f.initial_window},
          {"max_window", f.max_window},
          {"max_in_flight", f.max_in_flight},
          {"offered", offer_json(f.offer)},
          {"dropped", f.dropped},
          {"duplicated", f.duplicated},
          {"corrupted", f.corrupted},
          {"reordered", f.reordered}};
}

/// Of a flow: what every protocol has.
Json flow_endpoint_json(const EndpointRow& row, Side side) {
  const EndpointFigures& f = row.figures;
  return {{"address", row.endpoint.address.to_string()},
          {"port", row.endpoint.port},
          {"side", name_of(side)},
          {"packets_sent", f.packets_sent},
          {"bytes_sent", f.bytes_sent},
          {"packets_delivered", f.packets_delivered},
          {"bytes_delivered", f.bytes_delivered},
          {"payload_bytes", f.payload_bytes},
          {"dropped", f.dropped},
          {"duplicated", f.duplicated},
          {"corrupted", f.corrupted},
          {"reordered", f.reordered},
          {"out_of_order_by_us", f.out_of_order_by_us}};
}

Json handshake_json(const ConnectionRow& row) {
  return {{"rtt_client_ms", rtt(row.handshake_rtt_client)},
          {"rtt_server_ms", rtt(row.handshake_rtt_server)},
          {"initial_rtt_ms", rtt(row.initial_rtt)},
          {"net",
           {{"rtt_client_ms", rtt(row.handshake_rtt_client)},
            {"rtt_server_ms", rtt(row.tcp.handshake_rtt_server_net)},
            {"initial_rtt_ms", rtt(row.tcp.initial_rtt_net)}}}};
}

Json closes_json(const std::vector<CloseRow>& closes) {
  Json list = Json::array();
  for (const CloseRow& close : closes) {
    list.push_back({{"side", to_string(close.side)},
                    {"kind", to_string(close.kind)},
                    {"at", print_time(close.at)},
                    {"delivered", close.is_delivered}});
  }
  return list;
}

}  // namespace

Json flow_json(const ConnectionRow& row) {
  return {{"id", row.id},
          {"link", row.link},
          {"protocol", print_protocol(row.protocol)},
          {"client", flow_endpoint_json(row.client, row.client_side)},
          {"server", flow_endpoint_json(row.server, opposite(row.client_side))},
          {"first_packet_at", print_time(row.opened_at)},
          {"last_packet_at", or_null(row.last_packet_at)},
          {"closed_at", or_null(row.closed_at)},
          {"ordinal", row.ordinal}};
}

Json to_json(const ConnectionRow& row) {
  const Side server_side = opposite(row.client_side);
  const TcpFacts& tcp = row.tcp;
  const bool is_one_sided = row.client.figures.packets_sent == 0 || row.server.figures.packets_sent == 0;
  return {{"id", row.id},
          {"link", row.link},
          {"protocol", print_protocol(row.protocol)},
          {"client", endpoint_json(row.client, row.client_side)},
          {"server", endpoint_json(row.server, server_side)},
          {"opened_at", print_time(row.opened_at)},
          {"closed_at", or_null(row.closed_at)},
          {"last_packet_at", or_null(row.last_packet_at)},
          {"end", to_string(row.end)},
          {"closed_by", name_or_null(to_string(row.closed_by))},
          {"closed_first", name_or_null(to_string(tcp.closed_first))},
          {"syn", tcp.syn},
          {"syn_ack", tcp.syn_ack},
          {"closes", closes_json(row.closes)},
          {"closes_left_out", row.closes_left_out},
          {"conn_state", name_or_null(to_string(tcp.conn_state))},
          {"history", tcp.history.text()},
          {"midstream", row.midstream},
          {"one_sided", is_one_sided},
          {"ordinal", row.ordinal},
          {"handshake", handshake_json(row)},
          {"effective", agreement_json(row)},
          {"syn_retries", tcp.syn_retries},
          {"synack_retries", tcp.syn_ack_retries},
          {"rst_implausible", tcp.rst_implausible},
          {"challenge_acks", tcp.challenge_acks},
          {"invalid_flags", tcp.invalid_flags},
          {"bad_checksum", tcp.bad_checksum}};
}

std::string print_protocol(std::uint8_t protocol) {
  switch (protocol) {
    case kTcp: return "tcp";
    case kUdp: return "udp";
    case kIcmp: return "icmp";
    case kIcmpV6: return "icmpv6";
    default: return std::to_string(protocol);
  }
}

}  // namespace wobble::api
