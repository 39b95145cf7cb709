#include "api/rows/connection_row.h"

namespace wobble::api {

void set_figures(ConnectionRow& row, const ConnectionFigures& figures, const WallClock& wall) {
  row.client.figures = figures.client;
  row.server.figures = figures.server;
  row.handshake_rtt_client = figures.handshake_rtt_client;
  row.handshake_rtt_server = figures.handshake_rtt_server;
  row.initial_rtt = figures.initial_rtt;
  row.last_packet_at.reset();
  if (figures.last_packet_at != TimePoint{}) row.last_packet_at = wall(figures.last_packet_at);
  row.tcp = figures.tcp;
  row.closes.clear();
  for (std::size_t i = 0; i < figures.closes.size(); ++i) {
    const CloseSegment close = figures.closes[i];
    row.closes.push_back({close.side, close.kind, wall(close.at), close.is_delivered});
  }
  row.closes_left_out = figures.closes.left_out();
}

ConnectionRow row_of(const ConnectionOpened& opened, const WallClock& wall) {
  ConnectionRow row;
  row.id = opened.id;
  row.protocol = opened.protocol;
  row.client_side = opened.client_side;
  row.midstream = opened.midstream;
  row.ordinal = opened.ordinal;
  row.client.endpoint = opened.client;
  row.server.endpoint = opened.server;
  row.opened_at = wall(opened.at);
  return row;
}

void set_end(ConnectionRow& row, const ConnectionClosed& closed, const WallClock& wall) {
  row.closed_at = wall(closed.at);
  row.end = closed.end;
  row.closed_by = closed.closed_by;
  row.client.state = closed.client_state;
  row.server.state = closed.server_state;
  set_figures(row, closed.figures, wall);
}

}  // namespace wobble::api
