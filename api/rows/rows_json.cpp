#include "api/rows/rows_json.h"

#include <algorithm>
#include <array>

#include "api/rows/json_values.h"
#include "emulator/connections/tcp/rule_text.h"

namespace wobble::api {
namespace {

/// A server that leaves the unknown must have been listening.
const char* origin_name(TcpState from, Role side) {
  return from == TcpState::none && side == Role::server ? "LISTEN" : state_name(from);
}

Json reason(FateWord fate, DropReason drop) {
  return fate == FateWord::dropped && drop != DropReason::none ? Json(to_string(drop)) : Json();
}

Json tcp_json(const TcpSegment& tcp) {
  return {{"flags", print_flags(tcp.flags)},
          {"seq", tcp.seq},
          {"ack", tcp.ack},
          {"length", tcp.length},
          {"window", tcp.window}};
}

/// All but the detail.
Json head_of(const EventRow& row) {
  return {{"id", row.id},
          {"at", print_time(row.at)},
          {"kind", row.kind},
          {"link", row.link.empty() ? Json() : Json(row.link)},
          {"connection", row.connection == 0 ? Json() : Json(row.connection)},
          {"text", row.text},
          {"transition", row.transition ? to_json(*row.transition) : Json()}};
}

}  // namespace

Json to_json(const TransitionRow& row) {
  Json segment;
  if (row.segment) {
    segment = tcp_json(row.segment->tcp);
    segment["fate"] = to_string(row.segment->fate);
    segment["reason"] = reason(row.segment->fate, row.segment->drop);
  }
  return {{"id", row.event_id},
          {"at", print_time(row.at)},
          {"connection", row.connection},
          {"link", row.link},
          {"side", to_string(row.side)},
          {"from", origin_name(row.from, row.side)},
          {"to", state_name(row.to)},
          {"evidence", to_string(row.evidence)},
          {"row", static_cast<int>(row.row)},
          {"rule", wobble::name_of(row.row)},
          {"sentence", sentence_of(row.row, row.evidence)},
          {"segment", std::move(segment)}};
}

Json to_json(const SegmentRow& row) {
  Json out = tcp_json(row.tcp);
  out["id"] = row.id;
  out["from"] = to_string(row.from);
  out["sent_at"] = print_time(row.sent_at);
  out["delivered_at"] = or_null(row.delivered_at);
  out["fate"] = to_string(row.fate);
  out["reason"] = reason(row.fate, row.drop);
  out["copy"] = row.copy;
  out["retransmission"] = row.retransmission;
  return out;
}

Json to_json(const EventRow& row) {
  Json out = head_of(row);
  Json detail = row.detail.empty() ? Json() : Json::parse(row.detail, nullptr, false);
  out["detail"] = detail.is_object() ? std::move(detail) : Json();
  return out;
}

std::string print_json(const EventRow& row) {
  const auto dump = [](const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); };
  const bool is_one_line = std::ranges::none_of(row.detail, [](unsigned char c) { return c < ' '; });
  if (!row.detail.starts_with('{') || !is_one_line || !Json::accept(row.detail)) return dump(to_json(row));
  std::string text = dump(head_of(row));
  text.pop_back();
  return text + ",\"detail\":" + row.detail + "}";
}

Json to_json(const ConditionsRow& row) {
  const Json asked = Json::parse(row.conditions, nullptr, false);
  const auto direction = [&](const char* name) {
    return asked.is_object() && asked.contains(name) ? asked.at(name) : Json::object();
  };
  Json out = {{"event", row.event_id}, {"at", print_time(row.at)}, {"revision", row.revision},
              {"source", row.source},  {"up", direction("up")},    {"down", direction("down")}};
  if (asked.is_object() && asked.contains("scenario")) out["scenario"] = asked.at("scenario");
  return out;
}

std::string print_flags(std::uint16_t flags) {
  using namespace tcp_flag;
  constexpr std::array<std::pair<std::uint16_t, const char*>, 9> kNames = {{{kSyn, "SYN"},
                                                                            {kFin, "FIN"},
                                                                            {kRst, "RST"},
                                                                            {kPsh, "PSH"},
                                                                            {kAck, "ACK"},
                                                                            {kUrg, "URG"},
                                                                            {kEce, "ECE"},
                                                                            {kCwr, "CWR"},
                                                                            {kAe, "AE"}}};
  std::string out;
  for (const auto& [bit, name] : kNames) {
    if ((flags & bit) != 0) out += (out.empty() ? "" : ",") + std::string(name);
  }
  return out;
}

}  // namespace wobble::api
