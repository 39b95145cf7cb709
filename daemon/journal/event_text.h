// The one line a person reads of an event, and its detail for a program (a JSON object as text).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "api/backend.h"
#include "daemon/journal/wall_anchor.h"

namespace wobble::daemon {

struct KilledSession;
struct LogRenewal;

/// "wobbled 1.2.3 started"; `killed`: the session before, if it did not stop in order.
std::string started_text(const std::string& version, const std::optional<KilledSession>& killed);
std::string started_detail(const std::string& version, const std::optional<KilledSession>& killed);
/// `conditions`: a JSON object as text, or empty.
std::string change_detail(std::uint64_t revision, const std::string& source, const std::string& conditions);
/// "the log's file was removed; a new one was begun at the same path"; `what` has happened to it.
std::string renewal_text(const std::string& what, const LogRenewal& renewal);
std::string renewal_detail(const std::string& what, const LogRenewal& renewal);
std::string held_up_detail(std::int64_t wal_bytes, bool is_over);
std::string loss_text(const EventsLost& lost);
std::string loss_detail(const EventsLost& lost);
/// "12 connections have ended in a gap of the log: how is unknown"
std::string unknown_ends_text(std::int64_t connections);
std::string unknown_ends_detail(std::int64_t connections);
/// "the log could not be written from 2026-11-22T09:05:57Z to ...: the journal x.db cannot be written: disk full"
std::string interruption_text(api::WallTime since, api::WallTime until, const std::string& why);
std::string interruption_detail(api::WallTime since, const std::string& why);
std::string exhausted_text(std::uint64_t limit);  ///< in bytes; 0: there was none for a step of the scenario
std::string exhausted_detail(std::uint64_t limit);
/// "the clock was set ahead by 8 h 0 min: what follows bears the new time"
std::string step_text(const ClockStep& step);
std::string step_detail(const ClockStep& step);
/// "SYN flood: 812 handshakes from 10.77.1.0/24 to port 80 came to nothing in 1.0 s (12 refused, 800 evicted)"
std::string flood_text(const HalfOpenFlood& flood);
std::string flood_detail(const HalfOpenFlood& flood, api::WallTime since);

/// "connection 17 opened: tcp 10.77.0.1:40112 -> 10.77.1.1:80"
std::string opened_text(const api::ConnectionRow& connection);
std::string opened_detail(const api::ConnectionRow& connection);
/// "connection 17 closed: tcp 10.77.0.1:40112 -> 10.77.1.1:80, orderly, client first"
std::string closed_text(const api::ConnectionRow& connection);
std::string closed_detail(const api::ConnectionRow& connection);
/// "connection 17: client SYN_SENT -> ESTABLISHED"
std::string transition_text(const api::TransitionRow& transition);

}  // namespace wobble::daemon
