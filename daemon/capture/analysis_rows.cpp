#include "daemon/capture/analysis_rows.h"

#include <algorithm>

namespace wobble::daemon {
namespace {

void copy_figures(const ConnectionFigures& figures, api::ConnectionRow& row) {
  row.client.figures = figures.client;
  row.server.figures = figures.server;
  row.handshake_rtt_client = figures.handshake_rtt_client;
  row.handshake_rtt_server = figures.handshake_rtt_server;
  row.initial_rtt = figures.initial_rtt;
}

}  // namespace

void AnalysisRows::on(const ConnectionOpened& event) noexcept {
  AnalysedConnection& connection = open_[event.id];
  api::ConnectionRow& row = connection.row;
  row.id = event.id;
  row.link = link_;
  row.protocol = event.protocol;
  row.client_side = has_sides_ ? event.client_side : Side::near;
  row.midstream = event.midstream;
  row.ordinal = event.ordinal;
  row.client.endpoint = event.client;
  row.server.endpoint = event.server;
  row.opened_at = clock_.wall_time(event.at);
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
  transition.at = clock_.wall_time(event.at);
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
  row.closed_at = clock_.wall_time(event.at);
  row.end = event.end;
  row.closed_by = event.closed_by;
  row.client.state = event.client_state;
  row.server.state = event.server_state;
  copy_figures(event.figures, row);
  if (event.end == End::open) row.closed_at.reset();  // it lives beyond the capture
  ended_.push_back(event.id);
}

void AnalysisRows::sweep(const ConnectionTable& table) {
  if (ended_.size() < sweep_at_) return;
  std::erase_if(ended_, [&](ConnectionId id) {
    if (table.figures(id)) return false;
    const auto found = open_.find(id);
    sink_(found->second);
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
  for (const ConnectionId id : ids) sink_(open_.at(id));
  open_.clear();
  ended_.clear();
}

}  // namespace wobble::daemon
