#include "daemon/cli/words/ladder_rows.h"

#include <algorithm>
#include <cstdlib>

namespace wobble::daemon {
namespace {

using Kind = LadderRow::Kind;

// How far the log's time of a transition may be from that of its segment: the daemon reads the clock once for both,
// but a release may be told a little later than it was decided.
constexpr std::int64_t kSameMoment = 5'000'000;
// A forwarded segment is delivered within the time the daemon takes to write it.
constexpr std::int64_t kAtOnce = 1'000'000;
constexpr std::int64_t kWorthAGap = 1'000'000'000;
// So many segments that just carry a stream on are kept of a connection that nobody follows: as
// emulator/connections/connection_reports.h has it.
constexpr std::size_t kOrdinaryKept = 16;

struct Step {
  LadderRow row;
  std::size_t segment = 0;  ///< index: which of the log's segments (copies apart)
  std::vector<std::string> client_states;
  std::vector<std::string> server_states;
};

bool has_original(const Ladder& ladder, const LadderSegment& copy) {
  return std::any_of(ladder.segments.begin(), ladder.segments.end(), [&](const LadderSegment& s) {
    return s.copy == 0 && s.from_client == copy.from_client && s.sent_at == copy.sent_at && s.seq == copy.seq;
  });
}

Step make_step(Kind kind, std::int64_t at, const LadderSegment& segment, std::size_t index) {
  Step step;
  step.row.kind = kind;
  step.row.at = at;
  step.row.segment = segment;
  step.segment = index;
  return step;
}

std::vector<Step> steps_of_segments(const Ladder& ladder) {
  std::vector<Step> steps;
  for (std::size_t i = 0; i < ladder.segments.size(); ++i) {
    const LadderSegment& segment = ladder.segments[i];
    const bool copy = segment.copy > 0 && has_original(ladder, segment);
    if (!copy) steps.push_back(make_step(Kind::sent, segment.sent_at, segment, i));
    if (copy && !segment.delivered_at) steps.push_back(make_step(Kind::lost_copy, segment.sent_at, segment, i));
    if (segment.delivered_at) steps.push_back(make_step(Kind::delivered, *segment.delivered_at, segment, i));
  }
  return steps;
}

bool is_same_segment(const LadderSegment& a, const LadderSegment& b) {
  return a.flags == b.flags && a.seq == b.seq && a.ack == b.ack && a.length == b.length;
}

// The step that a transition rests on, or null.
Step* cause(std::vector<Step>& steps, const LadderTransition& transition) {
  Step* best = nullptr;
  std::int64_t best_distance = 0;
  for (Step& step : steps) {
    const bool of_sender = step.row.segment && step.row.segment->from_client == transition.of_client;
    if (transition.evidence == "sent" && (step.row.kind != Kind::sent || !of_sender)) continue;
    if (transition.evidence == "delivered" && (step.row.kind != Kind::delivered || of_sender)) continue;
    if (transition.segment && !is_same_segment(*transition.segment, *step.row.segment)) continue;
    const std::int64_t distance = std::llabs(step.row.at - transition.at);
    if (distance > kSameMoment || (best != nullptr && distance >= best_distance)) continue;
    best = &step;
    best_distance = distance;
  }
  return best;
}

// A row made from the transition itself: its segment is not in the log, or there was none.
Step step_of_transition(const LadderTransition& transition) {
  Step step;
  step.row.at = transition.at;
  step.segment = SIZE_MAX;
  if (!transition.segment) {
    step.row.note = transition.evidence;
    return step;
  }
  const bool delivered = transition.evidence == "delivered";
  step.row.kind = delivered ? Kind::delivered : Kind::sent;
  step.row.segment = transition.segment;
  step.row.segment->from_client = transition.of_client != delivered;
  step.row.segment->sent_at = transition.at;
  return step;
}

void attach(std::vector<Step>& steps, const std::vector<LadderTransition>& transitions) {
  std::vector<Step> own;
  for (const LadderTransition& transition : transitions) {
    Step* step = transition.evidence == "timer" ? nullptr : cause(steps, transition);
    // The other half of the same moment may have made a row already.
    if (step == nullptr) step = transition.segment && transition.evidence != "timer" ? cause(own, transition) : nullptr;
    if (step == nullptr) {
      own.push_back(step_of_transition(transition));
      step = &own.back();
    }
    (transition.of_client ? step->client_states : step->server_states).push_back(transition.to);
  }
  steps.insert(steps.end(), own.begin(), own.end());
}

// Sent and delivered with nothing between them, and nothing done to it: one arrow.
void join_halves(std::vector<Step>& steps) {
  std::vector<Step> joined;
  for (Step& step : steps) {
    Step* before = joined.empty() ? nullptr : &joined.back();
    const bool other_half = before != nullptr && step.row.kind == Kind::delivered && before->row.kind == Kind::sent &&
                            step.segment == before->segment && step.segment != SIZE_MAX &&
                            step.row.segment->fate == "forwarded" && step.row.at - before->row.at < kAtOnce;
    if (!other_half) {
      joined.push_back(std::move(step));
      continue;
    }
    before->row.kind = Kind::whole;
    const auto append = [](std::vector<std::string>& to, const std::vector<std::string>& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(before->client_states, step.client_states);
    append(before->server_states, step.server_states);
  }
  steps = std::move(joined);
}

void add_rows(std::vector<LadderRow>& rows, Step& step) {
  const auto state = [](const std::vector<std::string>& states, std::size_t i) {
    return i < states.size() ? states[i] : std::string();
  };
  const std::size_t changes = std::max(step.client_states.size(), step.server_states.size());
  for (std::size_t i = 0; i < std::max<std::size_t>(changes, 1); ++i) {
    LadderRow row;
    if (i == 0) row = step.row;
    row.at = step.row.at;
    row.client_state = state(step.client_states, i);
    row.server_state = state(step.server_states, i);
    rows.push_back(std::move(row));
  }
}

bool is_ordinary(const LadderSegment& segment) {
  const bool is_plain = segment.fate == "forwarded" || segment.fate == "delayed";
  return is_plain && segment.delivered_at && segment.copy == 0 && !segment.retransmission && !segment.has_flag("SYN") &&
         !segment.has_flag("FIN") && !segment.has_flag("RST");
}

/// Where segments begin to be missing, if any are. `behind`: index of the segment that the row stands behind; SIZE_MAX:
/// it is not known, and the row stands last.
struct Tear {
  std::size_t behind = SIZE_MAX;
  LadderRow row;
};

std::optional<Tear> tear_of(const Ladder& ladder) {
  std::size_t kept = 0;
  std::vector<std::size_t> ordinary;
  for (std::size_t i = 0; i < ladder.segments.size(); ++i) {
    const LadderSegment& segment = ladder.segments[i];
    if (segment.copy == 0 || !has_original(ladder, segment)) ++kept;
    if (is_ordinary(segment)) ordinary.push_back(i);
  }
  if (ladder.all_segments <= kept) return std::nullopt;
  Tear tear;
  tear.row.kind = Kind::torn;
  tear.row.note = std::to_string(ladder.all_segments - kept) + " of " + std::to_string(ladder.all_segments) +
                  " segments are not kept";
  if (ordinary.empty()) return tear;
  std::stable_sort(ordinary.begin(), ordinary.end(), [&](std::size_t a, std::size_t b) {  // as they were told
    return *ladder.segments[a].delivered_at < *ladder.segments[b].delivered_at;
  });
  tear.behind = ordinary[std::min(ordinary.size(), kOrdinaryKept) - 1];
  return tear;
}

std::optional<LadderRow> first_row(const Ladder& ladder, const std::vector<Step>& steps) {
  if (ladder.transitions.empty() || steps.empty()) return std::nullopt;
  LadderRow row;
  row.at = steps[0].row.at;
  for (const LadderTransition& transition : ladder.transitions) {
    std::string& state = transition.of_client ? row.client_state : row.server_state;
    if (state.empty()) state = transition.from;
  }
  return row;
}

}  // namespace

bool LadderSegment::has_flag(std::string_view flag) const {
  std::string_view rest = flags;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (rest.substr(0, comma) == flag) return true;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return false;
}

std::vector<LadderRow> arrange_ladder(const Ladder& ladder) {
  std::vector<Step> steps = steps_of_segments(ladder);
  attach(steps, ladder.transitions);
  std::stable_sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) { return a.row.at < b.row.at; });
  join_halves(steps);
  std::vector<LadderRow> rows;
  if (auto first = first_row(ladder, steps)) rows.push_back(*first);
  const std::optional<Tear> tear = tear_of(ladder);
  for (Step& step : steps) {
    if (!rows.empty() && step.row.at - rows.back().at >= kWorthAGap) {
      LadderRow gap;
      gap.kind = Kind::gap;
      gap.gap = step.row.at - rows.back().at;
      rows.push_back(gap);
    }
    add_rows(rows, step);
    const bool is_last_half = step.row.kind == Kind::delivered || step.row.kind == Kind::whole;
    if (tear && step.segment == tear->behind && is_last_half) {
      rows.push_back(tear->row);
      rows.back().at = step.row.at;
    }
  }
  if (tear && tear->behind == SIZE_MAX) rows.push_back(tear->row);
  return rows;
}

}  // namespace wobble::daemon
