#include "daemon/journal/connection_rows.h"

#include <array>
#include <type_traits>

#include "daemon/journal/connection_text.h"
#include "daemon/journal/names.h"

namespace wobble::daemon {

namespace {

// The columns in the order of every statement below. What is known from the opening:
constexpr std::array kOpening = {
    "opened_event", "id",        "link",           "session",     "protocol",       "client_side", "midstream",
    "ordinal",      "opened_at", "client_address", "client_port", "server_address", "server_port"};
// what its end brings:
constexpr std::array kEnding = {"closed_at", "\"end\"", "closed_by"};
// and what may change behind it: these, each endpoint's state and figures, and what is known of TCP.
constexpr std::array kRoundTrips = {"handshake_rtt_client", "handshake_rtt_server", "initial_rtt"};

// Every number of an endpoint, with its column's name behind "client_" or "server_".
template <typename Figures, typename Visit>
void visit_figures(Figures& f, const Visit& visit) {
  visit("packets_sent", f.packets_sent);
  visit("bytes_sent", f.bytes_sent);
  visit("packets_delivered", f.packets_delivered);
  visit("bytes_delivered", f.bytes_delivered);
  visit("payload_bytes", f.payload_bytes);
  visit("retransmissions", f.retransmissions);
  visit("retransmissions_by_us", f.retransmissions_by_us);
  visit("dropped", f.dropped);
  visit("duplicated", f.duplicated);
  visit("corrupted", f.corrupted);
  visit("reordered", f.reordered);
  visit("retransmissions_fast", f.retransmissions_fast);
  visit("retransmissions_spurious", f.retransmissions_spurious);
  visit("retransmissions_lost_behind", f.retransmissions_lost_behind);
  visit("retransmissions_lost_before", f.retransmissions_lost_before);
  visit("out_of_order", f.out_of_order);
  visit("out_of_order_by_us", f.out_of_order_by_us);
  visit("gaps", f.gaps);
  visit("dup_acks", f.dup_acks);
  visit("keep_alives", f.keep_alives);
  visit("zero_windows", f.zero_windows);
  visit("initial_window", f.initial_window);
  visit("max_window", f.max_window);
  visit("max_in_flight", f.max_in_flight);
  visit("unique_payload_bytes", f.unique_payload_bytes);
}

template <typename Facts, typename Visit>
void visit_facts(Facts& f, const Visit& visit) {
  visit("syn", f.syn);
  visit("syn_ack", f.syn_ack);
  visit("fast_open_accepted", f.fast_open_accepted);
  visit("syn_retries", f.syn_retries);
  visit("synack_retries", f.syn_ack_retries);
  visit("rst_implausible", f.rst_implausible);
  visit("challenge_acks", f.challenge_acks);
  visit("invalid_flags", f.invalid_flags);
  visit("bad_checksum", f.bad_checksum);
}

// In the order in which figures_with() and read_connection() go through them.
const std::vector<std::string>& figure_columns() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> columns(kRoundTrips.begin(), kRoundTrips.end());
    for (const std::string side : {"client_", "server_"}) {
      columns.push_back(side + "state");
      const EndpointFigures none;
      visit_figures(none, [&](const char* name, auto) { columns.push_back(side + name); });
      columns.push_back(side + "zero_window_time");
      columns.push_back(side + "offer");
    }
    const TcpFacts none;
    visit_facts(none, [&](const char* name, auto) { columns.emplace_back(name); });
    for (const char* name : {"handshake_rtt_server_net", "initial_rtt_net", "closed_first", "conn_state", "history",
                             "closes", "closes_left_out", "last_packet_at"}) {
      columns.emplace_back(name);
    }
    return columns;
  }();
  return all;
}

std::string insert_sql() {
  std::string columns;
  std::string values;
  const auto add = [&](const std::string& column) {
    columns += columns.empty() ? column : ", " + column;
    values += values.empty() ? "?" : ", ?";
  };
  for (const char* column : kOpening) add(column);
  for (const char* column : kEnding) add(column);
  for (const std::string& column : figure_columns()) add(column);
  // A number that is there already cannot be: but one wrong row must not cost the batch.
  return "INSERT OR IGNORE INTO connections(" + columns + ") VALUES(" + values + ")";
}

std::string update_sql(const std::vector<std::string>& columns) {
  std::string sql = "UPDATE connections SET ";
  int parameter = 1;
  for (const std::string& column : columns) {
    sql += (parameter == 1 ? "" : ", ") + column + " = ?" + std::to_string(parameter + 1);
    ++parameter;
  }
  return sql + " WHERE id = ?1";
}

std::string close_sql() {
  std::vector<std::string> columns(kEnding.begin(), kEnding.end());
  columns.insert(columns.end(), figure_columns().begin(), figure_columns().end());
  return update_sql(columns);
}

/// Parameters or columns one after the other.
class Binder {
 public:
  Binder(Statement& statement, int first) : statement_(statement), next_(first) {}
  template <typename T>
  Binder& operator<<(const T& value) {
    if constexpr (std::is_integral_v<T>) {
      statement_.bind(next_++, static_cast<std::int64_t>(value));
    } else {
      statement_.bind(next_++, value);
    }
    return *this;
  }

 private:
  Statement& statement_;
  int next_;
};

class Columns {
 public:
  Columns(const Statement& row, int first) : row_(row), next_(first) {}
  std::int64_t integer() { return row_.integer(next_++); }
  std::optional<std::int64_t> optional_integer() { return row_.optional_integer(next_++); }
  std::string_view text() { return row_.text(next_++); }

 private:
  const Statement& row_;
  int next_;
};

void bind_figures(Binder& to, TcpState state, const EndpointFigures& figures, const std::string& offer) {
  to << name_of(state);
  visit_figures(figures, [&](const char*, auto value) { to << value; });
  to << figures.zero_window_time.count() << std::string_view(offer);
}

void read_endpoint_ending(Columns& from, api::EndpointRow& endpoint) {
  endpoint.state = parse_name<TcpState>(from.text());
  const auto read = [&]<typename T>(const char*, T& value) { value = static_cast<T>(from.integer()); };
  visit_figures(endpoint.figures, read);
  endpoint.figures.zero_window_time = Duration(from.integer());
  endpoint.figures.offer = parse_offer(from.text());
}

void read_facts(Columns& from, api::ConnectionRow& row) {
  TcpFacts& facts = row.tcp;
  visit_facts(facts, [&]<typename T>(const char*, T& value) { value = static_cast<T>(from.integer()); });
  facts.handshake_rtt_server_net = Duration(from.integer());
  facts.initial_rtt_net = Duration(from.integer());
  facts.closed_first = parse_name<ClosedBy>(from.text());
  facts.conn_state = parse_name<ConnState>(from.text());
  for (const char letter : from.text()) facts.history.add(letter);
  row.closes = parse_closes(from.text());
  row.closes_left_out = static_cast<std::uint32_t>(from.integer());
  row.last_packet_at = from.optional_integer();
}

Endpoint read_endpoint(const Statement& row, int address, int port) {
  return {IpAddress::parse(row.text(address)).value_or(IpAddress{}), static_cast<std::uint16_t>(row.integer(port))};
}

}  // namespace

ConnectionWriter::ConnectionWriter(Database& database, const WallAnchor& anchor)
    : anchor_(anchor),
      insert_(database, insert_sql()),
      close_(database, close_sql()),
      late_(database, update_sql(figure_columns())),
      reopen_(database, "UPDATE connections SET closed_at = NULL, \"end\" = ?2, closed_by = ?3 WHERE id = ?1"),
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

// It says where both stand; only what comes later says more.
void ConnectionWriter::closed(const ConnectionClosed& event) {
  Change& change = change_of(event.id);
  change.closed = &event;
  change.client = change.server = nullptr;
}

void ConnectionWriter::reopened(const ConnectionReopened& event) {
  Change& change = change_of(event.id);
  change.is_reopened = true;
  change.closed = nullptr;
}

void ConnectionWriter::late(const LateFigures& event) {
  Change& change = change_of(event.id);
  change.late = &event;
  change.client = change.server = nullptr;
}

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
      end_with(close_.bind(1, id), 2, change);
    } else if (change.late != nullptr) {
      figures_with(late_.bind(1, id), 2, change);
    } else {
      if (change.is_reopened) {
        reopen_.bind(1, id).bind(2, name_of(End::open)).bind(3, name_of(ClosedBy::nobody)).run();
      }
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
  end_with(insert_, static_cast<int>(kOpening.size()) + 1, change);
}

void ConnectionWriter::end_with(Statement& statement, int first, const Change& change) {
  static const ConnectionClosed kLives;
  const ConnectionClosed& event = change.closed != nullptr ? *change.closed : kLives;
  if (change.closed == nullptr) {
    statement.bind_null(first);
  } else {
    statement.bind(first, anchor_.at(event.at));
  }
  statement.bind(first + 1, name_of(event.end)).bind(first + 2, name_of(event.closed_by));
  figures_with(statement, first + static_cast<int>(kEnding.size()), change);
}

void ConnectionWriter::figures_with(Statement& statement, int first, const Change& change) {
  static const ConnectionFigures kNone;
  const ConnectionFigures* known = &kNone;
  TcpState client = TcpState::none;
  TcpState server = TcpState::none;
  const auto take = [&](const auto& event) {
    known = &event.figures;
    client = event.client_state;
    server = event.server_state;
  };
  if (change.closed != nullptr) take(*change.closed);
  if (change.late != nullptr) take(*change.late);
  if (change.client != nullptr) client = change.client->to;
  if (change.server != nullptr) server = change.server->to;
  const ConnectionFigures& figures = *known;
  const std::string client_offer = offer_text(figures.client.offer);
  const std::string server_offer = offer_text(figures.server.offer);
  const std::string history = figures.tcp.history.text();
  const std::string closes = closes_text(figures.closes, anchor_);
  Binder to(statement, first);
  to << figures.handshake_rtt_client.count() << figures.handshake_rtt_server.count() << figures.initial_rtt.count();
  bind_figures(to, client, figures.client, client_offer);
  bind_figures(to, server, figures.server, server_offer);
  visit_facts(figures.tcp, [&](const char*, auto value) { to << value; });
  to << figures.tcp.handshake_rtt_server_net.count() << figures.tcp.initial_rtt_net.count()
     << name_of(figures.tcp.closed_first) << name_of(figures.tcp.conn_state) << std::string_view(history)
     << std::string_view(closes) << figures.closes.left_out()
     << (figures.last_packet_at == TimePoint{} ? std::nullopt : std::optional(anchor_.at(figures.last_packet_at)));
  statement.run();
}

const std::string& select_connections() {
  static const std::string sql = [] {
    std::string text = "SELECT coalesce(l.name, '')";
    for (const char* column : kOpening) text += std::string(", c.") + column;
    for (const char* column : kEnding) text += std::string(", c.") + column;
    for (const std::string& column : figure_columns()) text += ", c." + column;
    return text + " FROM connections c LEFT JOIN links l ON l.id = c.link";
  }();
  return sql;
}

std::uint64_t opened_event_of(const Statement& row) { return static_cast<std::uint64_t>(row.integer(1)); }

api::ConnectionRow read_connection(const Statement& row) {
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
  Columns from(row, static_cast<int>(kOpening.size()) + 1);
  connection.closed_at = from.optional_integer();
  connection.end = parse_name<End>(from.text());
  connection.closed_by = parse_name<ClosedBy>(from.text());
  connection.handshake_rtt_client = Duration(from.integer());
  connection.handshake_rtt_server = Duration(from.integer());
  connection.initial_rtt = Duration(from.integer());
  read_endpoint_ending(from, connection.client);
  read_endpoint_ending(from, connection.server);
  read_facts(from, connection);
  return connection;
}

}  // namespace wobble::daemon
