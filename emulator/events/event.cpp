#include "emulator/events/event.h"

#pragma GCC diagnostic error "-Wswitch"  // each value has its word

namespace wobble {

const char* to_string(TcpState state) noexcept {
  switch (state) {
    case TcpState::none: return "NONE";
    case TcpState::closed: return "CLOSED";
    case TcpState::syn_sent: return "SYN_SENT";
    case TcpState::syn_received: return "SYN_RECEIVED";
    case TcpState::established: return "ESTABLISHED";
    case TcpState::fin_wait_1: return "FIN_WAIT_1";
    case TcpState::fin_wait_2: return "FIN_WAIT_2";
    case TcpState::close_wait: return "CLOSE_WAIT";
    case TcpState::closing: return "CLOSING";
    case TcpState::last_ack: return "LAST_ACK";
    case TcpState::time_wait: return "TIME_WAIT";
  }
  return "";
}

const char* to_string(Evidence evidence) noexcept {
  switch (evidence) {
    case Evidence::sent: return "sent";
    case Evidence::delivered: return "delivered";
    case Evidence::timer: return "timer";
    case Evidence::correction: return "correction";
    case Evidence::implied: return "implied";
  }
  return "";
}

const char* to_string(End end) noexcept {
  switch (end) {
    case End::open: return "open";
    case End::orderly: return "orderly";
    case End::orderly_reset: return "orderly_reset";
    case End::reset: return "reset";
    case End::refused: return "refused";
    case End::syn_timeout: return "syn_timeout";
    case End::idle_timeout: return "idle_timeout";
    case End::half_open: return "half_open";
    case End::superseded: return "superseded";
    case End::evicted: return "evicted";
    case End::unreachable: return "unreachable";
    case End::unknown: return "unknown";
  }
  return "";
}

const char* to_string(HalfOpenFlood::Phase phase) noexcept {
  switch (phase) {
    case HalfOpenFlood::Phase::began: return "began";
    case HalfOpenFlood::Phase::counted: return "counted";
    case HalfOpenFlood::Phase::ended: return "ended";
  }
  return "";
}

}  // namespace wobble
