#include "daemon/journal/connection_text.h"

#include <fmt/core.h>

#include <charconv>
#include <cstdio>

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
    if (word == "tfo") offer.fast_open = value == "cookie" ? FastOpen::cookie : FastOpen::request;
    if (word == "data_in_syn") offer.data_in_syn = true;
    if (word == "ecn") offer.ecn = value == "accecn" ? Ecn::accurate : Ecn::classic;
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
  for (std::size_t at = text.find('{'); at != std::string_view::npos; at = text.find('{', at + 1)) {
    const std::string object(text.substr(at, text.find('}', at) - at));
    char side[8] = "", kind[8] = "", delivered[8] = "";
    long long when = 0;
    constexpr const char* kShape = R"({"side":"%7[a-z]","kind":"%7[a-z]","at":%lld,"delivered":%7[a-z])";
    if (std::sscanf(object.c_str(), kShape, side, kind, &when, delivered) != 4) break;
    closes.push_back({parse_name<Role>(side), std::string_view(kind) == "rst" ? CloseKind::rst : CloseKind::fin, when,
                      std::string_view(delivered) == "true"});
  }
  return closes;
}

}  // namespace wobble::daemon
