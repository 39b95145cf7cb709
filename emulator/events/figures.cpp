#include "emulator/events/figures.h"

#include <string_view>

#pragma GCC diagnostic error "-Wswitch"  // each value has its word

namespace wobble {
namespace {

// A letter's code is its place here, from 1; code 0 ends a history.
constexpr std::string_view kLetters = "SHADFRTWCGIQ^shadfrtwcgiq";
static_assert(kLetters.size() < 32);

std::uint32_t code_of(char letter) noexcept {
  const std::size_t place = kLetters.find(letter);
  return place == std::string_view::npos ? 0 : static_cast<std::uint32_t>(place + 1);
}

}  // namespace

void History::add(char letter) noexcept {
  for (std::size_t i = 0; i < kMax; ++i) {
    if (code(i) != 0) continue;
    words_[i / kPerWord] |= code_of(letter) << (5 * (i % kPerWord));
    return;
  }
}

bool History::has(char letter) const noexcept {
  const std::uint32_t wanted = code_of(letter);
  for (std::size_t i = 0; i < kMax && code(i) != 0; ++i) {
    if (code(i) == wanted) return true;
  }
  return false;
}

std::string History::text() const {
  std::string letters;
  for (std::size_t i = 0; i < kMax && code(i) != 0; ++i) letters += kLetters[code(i) - 1];
  return letters;
}

TcpAgreement agreement_of(const TcpOffer& client, const TcpOffer& server, bool fast_open_accepted) noexcept {
  TcpAgreement agreed;
  agreed.window_scale = client.has_window_scale && server.has_window_scale;
  agreed.sack = client.sack && server.sack;
  agreed.timestamps = client.timestamps && server.timestamps;
  agreed.multipath = client.multipath && server.multipath;
  agreed.fast_open = fast_open_accepted;
  // A server that knows only RFC 3168 answers an AccECN client with that, and never the other way round.
  agreed.ecn = client.ecn == Ecn::none ? Ecn::none : server.ecn;
  if (client.ecn == Ecn::classic && server.ecn == Ecn::accurate) agreed.ecn = Ecn::none;
  return agreed;
}

const char* to_string(Role role) noexcept { return role == Role::client ? "client" : "server"; }

const char* to_string(ClosedBy who) noexcept {
  switch (who) {
    case ClosedBy::nobody: return "";
    case ClosedBy::client: return "client";
    case ClosedBy::server: return "server";
    case ClosedBy::both: return "both";
  }
  return "";
}

const char* to_string(Ecn ecn) noexcept {
  switch (ecn) {
    case Ecn::none: return "";
    case Ecn::classic: return "ecn";
    case Ecn::accurate: return "accecn";
  }
  return "";
}

const char* to_string(FastOpen what) noexcept {
  switch (what) {
    case FastOpen::none: return "";
    case FastOpen::request: return "request";
    case FastOpen::cookie: return "cookie";
  }
  return "";
}

const char* to_string(CloseKind kind) noexcept { return kind == CloseKind::fin ? "fin" : "rst"; }

const char* to_string(ConnState state) noexcept {
  switch (state) {
    case ConnState::none: return "";
    case ConnState::s0: return "S0";
    case ConnState::s1: return "S1";
    case ConnState::s2: return "S2";
    case ConnState::s3: return "S3";
    case ConnState::sf: return "SF";
    case ConnState::rej: return "REJ";
    case ConnState::rsto: return "RSTO";
    case ConnState::rstr: return "RSTR";
    case ConnState::rstos0: return "RSTOS0";
    case ConnState::rstrh: return "RSTRH";
    case ConnState::sh: return "SH";
    case ConnState::shr: return "SHR";
    case ConnState::oth: return "OTH";
  }
  return "";
}

}  // namespace wobble
