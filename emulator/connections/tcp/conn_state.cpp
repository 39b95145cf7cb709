#include "emulator/connections/tcp/conn_state.h"

namespace wobble {
namespace {

char letter_of(Role of, char letter) { return of == Role::client ? letter : static_cast<char>(letter - 'A' + 'a'); }

}  // namespace

void WireFacts::add_once(Role of, char letter) noexcept {
  const char mine = letter_of(of, letter);
  if (!history_.has(mine)) history_.add(mine);
}

void WireFacts::add_if_new(Role of, char letter, std::uint16_t& last, std::uint16_t mark) noexcept {
  const char mine = letter_of(of, letter);
  if (!history_.has(mine) || last != mark) history_.add(mine);
  last = mark;
}

void WireFacts::tell(Role of, char letter, std::uint64_t count) noexcept {
  while (count >= 10 && count % 10 == 0) count /= 10;
  if (count == 1) history_.add(letter_of(of, letter));
}

bool WireFacts::see(Role from, const TcpSegment& segment) noexcept {
  const bool is_syn = segment.has(tcp_flag::kSyn), is_fin = segment.has(tcp_flag::kFin),
             is_rst = segment.has(tcp_flag::kRst);
  if (from == Role::server) facts_ |= kServerAny;
  if (from == Role::client && (!is_syn || segment.has(tcp_flag::kAck)) && !is_rst) facts_ |= kClientMore;
  if (segment.length > 0 && !is_rst) facts_ |= kPayload;
  const bool is_answer_and_close = is_syn && is_fin && !is_rst && segment.has(tcp_flag::kAck);
  if (is_syn && (is_fin || is_rst) && !is_answer_and_close) {
    add_once(from, 'Q');
    return false;
  }
  if (is_syn) {
    if (from == Role::client && !segment.has(tcp_flag::kAck)) facts_ |= kClientSyn;
    if (from == Role::server) facts_ |= kServerSyn;
    add_if_new(from, segment.has(tcp_flag::kAck) ? 'H' : 'S', marks_[index(from)].syn,
               static_cast<std::uint16_t>(segment.seq));
    return is_fin && see_fin(from, segment);
  }
  if (is_rst) {
    see_rst(from, segment);
    return true;
  }
  if (is_fin) return see_fin(from, segment);
  SideFacts& x = sides_[index(from)];
  if (segment.length > 0) {
    if (!x.has_told_data) add_once(from, 'D');
    x.has_told_data = true;
  } else if (segment.has(tcp_flag::kAck)) {
    if (!x.has_told_ack) add_once(from, 'A');
    x.has_told_ack = true;
  }
  return false;
}

bool WireFacts::see_fin(Role from, const TcpSegment& segment) noexcept {
  SideFacts& x = sides_[index(from)];
  SideFacts& y = sides_[index(peer_of(from))];
  add_if_new(from, 'F', marks_[index(from)].fin, static_cast<std::uint16_t>(segment.seq + segment.length));
  if (x.ending == Ending::reset || x.has_fin) return false;
  x.has_fin = true;
  x.ending = Ending::closed;
  if (y.has_fin) y.ending = Ending::closed;  // also if it had lost patience and sent a RST behind its FIN
  return true;
}

void WireFacts::see_rst(Role from, const TcpSegment& segment) noexcept {
  SideFacts& x = sides_[index(from)];
  if (segment.has(tcp_flag::kFin)) {
    add_once(from, 'I');
  } else {
    add_if_new(from, 'R', marks_[index(from)].rst, static_cast<std::uint16_t>(segment.seq));
  }
  if (!x.has_fin || !sides_[index(peer_of(from))].has_fin) x.ending = Ending::reset;
}

ConnState WireFacts::state_of_reset() const noexcept {
  const bool is_client_reset = sides_[0].ending == Ending::reset;
  if (sides_[1].ending == Ending::reset) {
    if (!has(kClientMore) && !is_client_reset && !has(kServerSyn))
      return has(kClientSyn) ? ConnState::rej : ConnState::rstrh;
    if (is_client_reset && !has(kPayload)) return ConnState::rej;
    return has(kClientSyn) ? ConnState::rstr : ConnState::rstrh;
  }
  if (has(kServerSyn)) return ConnState::rsto;
  return has(kClientSyn) && !has(kClientMore) ? ConnState::rstos0 : ConnState::oth;
}

// Section 6 of the specification, first match.
ConnState WireFacts::conn_state() const noexcept {
  const Ending client = sides_[0].ending, server = sides_[1].ending;
  if (client == Ending::reset || server == Ending::reset) return state_of_reset();
  if (client == Ending::closed && server == Ending::closed) return ConnState::sf;
  if (client == Ending::closed) return has(kServerSyn) ? ConnState::s2 : ConnState::sh;
  if (server == Ending::closed) return has(kClientSyn) ? ConnState::s3 : ConnState::shr;
  if (has(kClientSyn) && !has(kClientMore) && !has(kServerAny)) return ConnState::s0;
  if (has(kClientSyn) && has(kServerSyn)) return ConnState::s1;
  return ConnState::oth;
}

}  // namespace wobble
