// The rows of a ladder (ladder.h): on which of them each segment's two ends and each transition stand. A pure function
// of what the log holds of one connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wobble::daemon {

/// One segment, or one copy of it. Times in nanoseconds since the epoch; text is clean.
struct LadderSegment {
  bool from_client = true;
  std::int64_t sent_at = 0;
  std::optional<std::int64_t> delivered_at;  ///< none: dropped
  std::string flags;                         ///< "SYN,ACK"
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::uint64_t length = 0;
  std::string fate = "forwarded";
  std::string reason;  ///< of a drop
  std::uint64_t copy = 0;
  bool retransmission = false;

  bool is_dropped() const { return fate == "dropped"; }
  bool has_flag(std::string_view flag) const;
};

struct LadderTransition {
  bool of_client = true;
  std::int64_t at = 0;
  std::string from;
  std::string to;
  std::string evidence;                  ///< "sent", "delivered", "timer", "correction", "implied"
  std::optional<LadderSegment> segment;  ///< with flags, seq, ack, length, fate and reason only
  std::string rule;                      ///< the name of its row in the transition table: "third_ack"
  std::string sentence;                  ///< what that row says
};

struct Ladder {
  std::int64_t opened_at = 0;
  /// That have passed or were dropped, also those that the log has not kept; 0: unknown.
  std::uint64_t all_segments = 0;
  std::vector<LadderSegment> segments;
  std::vector<LadderTransition> transitions;  ///< in the order of the log
};

/// One row. `segment` is none for rows with states only.
struct LadderRow {
  enum class Kind : std::uint8_t {
    sent,       ///< sender to the middle; ends there in a cross if dropped
    delivered,  ///< middle to the receiver
    whole,      ///< both at once
    lost_copy,  ///< a duplicate that went no further
    states,     ///< no segment: a timer, or a second change at the same moment
    gap,        ///< nothing for `gap` nanoseconds
    torn,       ///< from here on segments are missing: `note` says how many
  };
  Kind kind = Kind::states;
  std::int64_t at = 0;
  std::optional<LadderSegment> segment;
  std::string client_state;  ///< if it changed here
  std::string server_state;
  std::string note;  ///< for Kind::states: why, if it is no segment; for Kind::torn
  std::int64_t gap = 0;
};

/// The rows in order of time. A transition stands on the row of the segment that caused it; one whose segment is not
/// in the log gets a row from what it says itself. The log keeps each segment that tells of something, but only the
/// first of those that just carry a stream on: where the others would stand is a row Kind::torn.
std::vector<LadderRow> arrange_ladder(const Ladder& ladder);

}  // namespace wobble::daemon
