#include "daemon/capture/analysis_rows.h"

#include <algorithm>

#include "api/rows/connection_row.h"

namespace wobble::daemon {

void AnalysisRows::hand_on(const AnalysedConnection& connection) {
  packets_ += connection.row.client.figures.packets_sent + connection.row.server.figures.packets_sent;
  sink_(connection);
}

void AnalysisRows::on(const ConnectionOpened& event) noexcept {
  api::ConnectionRow& row = open_[event.id].row;
  row = api::row_of(event, [this](TimePoint at) { return clock_->wall_time(at); });
  row.link = link_;
  if (!has_sides_) row.client_side = Side::near;
}

void AnalysisRows::on(const Transition& event) noexcept {
  const auto found = open_.find(event.id);
  if (found == open_.end()) return;
  api::ConnectionRow& row = found->second.row;
  (event.side == Role::client ? row.client : row.server).state = event.to;
  api::TransitionRow transition;
  transition.event_id = next_event_++;
  transition.connection = event.id;
  transition.link = row.link;
  transition.at = clock_->wall_time(event.at);
  transition.side = event.side;
  transition.from = event.from;
  transition.to = event.to;
  transition.evidence = event.evidence;
  transition.row = event.row;
  if (event.has_segment) transition.segment = event.segment;
  found->second.transitions.push_back(std::move(transition));
}

void AnalysisRows::on(const ConnectionClosed& event) noexcept {
  const auto found = open_.find(event.id);
  if (found == open_.end()) return;
  api::ConnectionRow& row = found->second.row;
  api::set_end(row, event, [this](TimePoint at) { return clock_->wall_time(at); });
  if (is_at_end_) row.closed_at.reset();
  if (!found->second.has_ended) ended_.push_back(event.id);
  found->second.has_ended = true;
}

void AnalysisRows::on_reopened(const ConnectionReopened& event) noexcept {
  const auto found = open_.find(event.id);
  if (found == open_.end()) return;
  api::ConnectionRow& row = found->second.row;
  row.closed_at.reset();
  row.end = End::open;
  row.closed_by = ClosedBy::nobody;
}

void AnalysisRows::on_late(const LateFigures& event) noexcept {
  const auto found = open_.find(event.id);
  if (found == open_.end()) return;
  api::set_figures(found->second.row, event.figures, [this](TimePoint at) { return clock_->wall_time(at); });
}

void AnalysisRows::sweep(const ConnectionTable& table) {
  if (ended_.size() < sweep_at_) return;
  std::erase_if(ended_, [&](ConnectionId id) {
    if (table.has(id)) return false;
    const auto found = open_.find(id);
    hand_on(found->second);
    open_.erase(found);
    return true;
  });
  sweep_at_ = 2 * ended_.size() + 1024;
}

void AnalysisRows::finish() {
  std::vector<ConnectionId> ids;
  ids.reserve(open_.size());
  for (const auto& [id, connection] : open_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  for (const ConnectionId id : ids) hand_on(open_.at(id));
  open_.clear();
  ended_.clear();
}

}  // namespace wobble::daemon
