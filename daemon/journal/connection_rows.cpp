#include "daemon/journal/connection_rows.h"

#include <array>

#include "daemon/journal/names.h"

namespace wobble::daemon {

namespace {

// The columns in the order of every statement below. What is known from the opening:
constexpr std::array kOpening = {
    "opened_event", "id",        "link",           "session",     "protocol",       "client_side", "midstream",
    "ordinal",      "opened_at", "client_address", "client_port", "server_address", "server_port"};
// and what changes until the end:
constexpr std::array kEnding = {"closed_at",
                                "\"end\"",
                                "closed_by",
                                "handshake_rtt_client",
                                "handshake_rtt_server",
                                "initial_rtt",
                                "client_state",
                                "client_packets_sent",
                                "client_bytes_sent",
                                "client_packets_delivered",
                                "client_bytes_delivered",
                                "client_payload_bytes",
                                "client_retransmissions",
                                "client_retransmissions_by_us",
                                "client_dropped",
                                "client_duplicated",
                                "client_corrupted",
                                "client_reordered",
                                "server_state",
                                "server_packets_sent",
                                "server_bytes_sent",
                                "server_packets_delivered",
                                "server_bytes_delivered",
                                "server_payload_bytes",
                                "server_retransmissions",
                                "server_retransmissions_by_us",
                                "server_dropped",
                                "server_duplicated",
                                "server_corrupted",
                                "server_reordered"};
constexpr int kFigures = 11;

std::string insert_sql() {
  std::string columns;
  std::string values;
  const auto add = [&](const char* column) {
    columns += columns.empty() ? column : std::string(", ") + column;
    values += values.empty() ? "?" : ", ?";
  };
  for (const char* column : kOpening) add(column);
  for (const char* column : kEnding) add(column);
  // A number that is there already cannot be: but one wrong row must not cost the batch.
  return "INSERT OR IGNORE INTO connections(" + columns + ") VALUES(" + values + ")";
}

std::string close_sql() {
  std::string sql = "UPDATE connections SET ";
  for (std::size_t i = 0; i < kEnding.size(); ++i) {
    sql += (i == 0 ? "" : ", ") + std::string(kEnding[i]) + " = ?" + std::to_string(i + 2);
  }
  return sql + " WHERE id = ?1";
}

void bind_figures(Statement& statement, int first, const EndpointFigures& figures) {
  const auto number = [](std::uint64_t value) { return static_cast<std::int64_t>(value); };
  statement.bind(first, number(figures.packets_sent))
      .bind(first + 1, number(figures.bytes_sent))
      .bind(first + 2, number(figures.packets_delivered))
      .bind(first + 3, number(figures.bytes_delivered))
      .bind(first + 4, number(figures.payload_bytes))
      .bind(first + 5, number(figures.retransmissions))
      .bind(first + 6, number(figures.retransmissions_by_us))
      .bind(first + 7, number(figures.dropped))
      .bind(first + 8, number(figures.duplicated))
      .bind(first + 9, number(figures.corrupted))
      .bind(first + 10, number(figures.reordered));
}

EndpointFigures read_figures(const Statement& row, int first) {
  const auto wide = [&](int column) { return static_cast<std::uint64_t>(row.integer(first + column)); };
  const auto narrow = [&](int column) { return static_cast<std::uint32_t>(row.integer(first + column)); };
  return {.packets_sent = wide(0),
          .bytes_sent = wide(1),
          .packets_delivered = wide(2),
          .bytes_delivered = wide(3),
          .payload_bytes = wide(4),
          .retransmissions = narrow(5),
          .retransmissions_by_us = narrow(6),
          .dropped = narrow(7),
          .duplicated = narrow(8),
          .corrupted = narrow(9),
          .reordered = narrow(10)};
}

Endpoint read_endpoint(const Statement& row, int address, int port) {
  return {IpAddress::parse(row.text(address)).value_or(IpAddress{}), static_cast<std::uint16_t>(row.integer(port))};
}

}  // namespace

ConnectionWriter::ConnectionWriter(Database& database, const WallAnchor& anchor)
    : anchor_(anchor),
      insert_(database, insert_sql()),
      close_(database, close_sql()),
      update_states_(database,
                     "UPDATE connections SET client_state = coalesce(?2, client_state), "
                     "server_state = coalesce(?3, server_state) WHERE id = ?1") {}

ConnectionWriter::Change& ConnectionWriter::change_of(ConnectionId id) {
  const auto [place, is_new] = index_.try_emplace(id, changes_.size());
  if (is_new) changes_.push_back({.id = id});
  return changes_[place->second];
}

void ConnectionWriter::opened(const ConnectionOpened& event, std::uint64_t event_id, LinkNumber link) {
  Change& change = change_of(event.id);
  change.opened = &event;
  change.opened_event = event_id;
  change.link = link;
}

void ConnectionWriter::changed(const Transition& event) {
  Change& change = change_of(event.id);
  (event.side == Role::client ? change.client : change.server) = &event;
}

void ConnectionWriter::closed(const ConnectionClosed& event) { change_of(event.id).closed = &event; }

void ConnectionWriter::forget() {
  changes_.clear();
  index_.clear();
}

std::int64_t ConnectionWriter::flush(std::int64_t session) {
  std::int64_t inserted = 0;
  for (const Change& change : changes_) {
    const auto id = static_cast<std::int64_t>(change.id);
    if (change.opened != nullptr) {
      insert(change, session);
      ++inserted;
    } else if (change.closed != nullptr) {
      bind_ending(close_.bind(1, id), 2, change);
      close_.run();
    } else {
      const auto state = [](const Transition* latest) {
        return latest == nullptr ? std::optional<std::string_view>() : name_of(latest->to);
      };
      update_states_.bind(1, id).bind(2, state(change.client)).bind(3, state(change.server)).run();
    }
  }
  forget();
  return inserted;
}

void ConnectionWriter::insert(const Change& change, std::int64_t session) {
  const ConnectionOpened& event = *change.opened;
  const std::string client = event.client.address.to_string();
  const std::string server = event.server.address.to_string();
  insert_.bind(1, static_cast<std::int64_t>(change.opened_event))
      .bind(2, static_cast<std::int64_t>(event.id))
      .bind(3, change.link)
      .bind(4, session)
      .bind(5, event.protocol)
      .bind(6, name_of(event.client_side))
      .bind(7, event.midstream ? 1 : 0)
      .bind(8, event.ordinal)
      .bind(9, anchor_.at(event.at))
      .bind(10, client)
      .bind(11, event.client.port)
      .bind(12, server)
      .bind(13, event.server.port);
  bind_ending(insert_, static_cast<int>(kOpening.size()) + 1, change);
  insert_.run();
}

void ConnectionWriter::bind_ending(Statement& statement, int first, const Change& change) {
  static const ConnectionClosed kLives;
  const ConnectionClosed& event = change.closed != nullptr ? *change.closed : kLives;
  TcpState client = event.client_state;
  TcpState server = event.server_state;
  if (change.closed == nullptr) {
    statement.bind_null(first);
    if (change.client != nullptr) client = change.client->to;
    if (change.server != nullptr) server = change.server->to;
  } else {
    statement.bind(first, anchor_.at(event.at));
  }
  statement.bind(first + 1, name_of(event.end))
      .bind(first + 2, name_of(event.closed_by))
      .bind(first + 3, event.figures.handshake_rtt_client.count())
      .bind(first + 4, event.figures.handshake_rtt_server.count())
      .bind(first + 5, event.figures.initial_rtt.count());
  statement.bind(first + 6, name_of(client));
  bind_figures(statement, first + 7, event.figures.client);
  statement.bind(first + 7 + kFigures, name_of(server));
  bind_figures(statement, first + 8 + kFigures, event.figures.server);
}

const std::string& select_connections() {
  static const std::string sql = [] {
    std::string text = "SELECT coalesce(l.name, '')";
    for (const char* column : kOpening) text += std::string(", c.") + column;
    for (const char* column : kEnding) text += std::string(", c.") + column;
    return text + " FROM connections c LEFT JOIN links l ON l.id = c.link";
  }();
  return sql;
}

std::uint64_t opened_event_of(const Statement& row) { return static_cast<std::uint64_t>(row.integer(1)); }

api::ConnectionRow read_connection(const Statement& row) {
  constexpr int kEndingAt = static_cast<int>(kOpening.size()) + 1;
  api::ConnectionRow connection;
  connection.link = row.text(0);
  connection.id = static_cast<ConnectionId>(row.integer(2));
  connection.protocol = static_cast<std::uint8_t>(row.integer(5));
  connection.client_side = parse_name<Side>(row.text(6));
  connection.midstream = row.integer(7) != 0;
  connection.ordinal = static_cast<std::uint32_t>(row.integer(8));
  connection.opened_at = row.integer(9);
  connection.client.endpoint = read_endpoint(row, 10, 11);
  connection.server.endpoint = read_endpoint(row, 12, 13);
  connection.closed_at = row.optional_integer(kEndingAt);
  connection.end = parse_name<End>(row.text(kEndingAt + 1));
  connection.closed_by = parse_name<ClosedBy>(row.text(kEndingAt + 2));
  connection.handshake_rtt_client = Duration(row.integer(kEndingAt + 3));
  connection.handshake_rtt_server = Duration(row.integer(kEndingAt + 4));
  connection.initial_rtt = Duration(row.integer(kEndingAt + 5));
  connection.client.state = parse_name<TcpState>(row.text(kEndingAt + 6));
  connection.client.figures = read_figures(row, kEndingAt + 7);
  connection.server.state = parse_name<TcpState>(row.text(kEndingAt + 7 + kFigures));
  connection.server.figures = read_figures(row, kEndingAt + 8 + kFigures);
  return connection;
}

}  // namespace wobble::daemon
