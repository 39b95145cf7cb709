#include "daemon/journal/connection_text.h"

#include <fmt/core.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "daemon/journal/names.h"

namespace wobble::daemon {

std::string offer_text(const TcpOffer& offer) {
  std::string text;
  const auto add = [&](bool is_there, std::string_view word, std::string_view value = {}) {
    if (!is_there) return;
    if (!text.empty()) text += ',';
    text += word;
    if (!value.empty()) (text += '=') += value;
  };
  add(offer.mss != 0, "mss", std::to_string(offer.mss));
  add(offer.has_window_scale, "wscale", std::to_string(offer.window_scale));
  add(offer.sack, "sack");
  add(offer.timestamps, "timestamps");
  add(offer.fast_open != FastOpen::none, "tfo", to_string(offer.fast_open));
  add(offer.data_in_syn, "data_in_syn");
  add(offer.ecn != Ecn::none, "ecn", to_string(offer.ecn));
  add(offer.multipath, "mptcp");
  return text;
}

TcpOffer parse_offer(std::string_view text) {
  TcpOffer offer;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const std::string_view word = item.substr(0, item.find('='));
    const std::string_view value = item.substr(std::min(item.size(), word.size() + 1));
    if (word == "mss") std::from_chars(value.data(), value.data() + value.size(), offer.mss);
    if (word == "wscale") {
      offer.has_window_scale = true;
      std::from_chars(value.data(), value.data() + value.size(), offer.window_scale);
    }
    if (word == "sack") offer.sack = true;
    if (word == "timestamps") offer.timestamps = true;
    if (word == "tfo") offer.fast_open = value == to_string(FastOpen::cookie) ? FastOpen::cookie : FastOpen::request;
    if (word == "data_in_syn") offer.data_in_syn = true;
    if (word == "ecn") offer.ecn = value == to_string(Ecn::accurate) ? Ecn::accurate : Ecn::classic;
    if (word == "mptcp") offer.multipath = true;
  }
  return offer;
}

std::string closes_text(const CloseSegments& closes, const WallAnchor& anchor) {
  if (closes.size() == 0) return "[]";
  std::string text = "[";
  for (std::size_t i = 0; i < closes.size(); ++i) {
    const CloseSegment close = closes[i];
    text += fmt::format(R"({}{{"side":"{}","kind":"{}","at":{},"delivered":{}}})", i == 0 ? "" : ",",
                        to_string(close.side), to_string(close.kind), anchor.at(close.at), close.is_delivered);
  }
  return text + "]";
}

std::vector<api::CloseRow> parse_closes(std::string_view text) {
  std::vector<api::CloseRow> closes;
  if (text.size() <= 2) return closes;  // most have none
  try {
    for (const auto& close : nlohmann::json::parse(text)) {
      const CloseKind kind = close.at("kind") == to_string(CloseKind::rst) ? CloseKind::rst : CloseKind::fin;
      closes.push_back({parse_name<Role>(close.at("side").get_ref<const std::string&>()), kind,
                        close.at("at").get<api::WallTime>(), close.at("delivered").get<bool>()});
    }
  } catch (const nlohmann::json::exception&) {  // not closes_text()
  }
  return closes;
}

}  // namespace wobble::daemon
