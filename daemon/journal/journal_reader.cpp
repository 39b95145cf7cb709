#include "daemon/journal/journal_reader.h"

#include <algorithm>

#include "daemon/journal/connection_rows.h"
#include "daemon/journal/event_text.h"
#include "daemon/journal/names.h"

namespace wobble::daemon {

namespace {

constexpr std::uint32_t kMaxConnections = 1000;

constexpr const char* kTransitions =
    "SELECT t.id, t.connection, coalesce(l.name, ''), t.at, t.side, t.from_state, t.to_state, t.evidence, t.row, "
    "t.flags, t.seq, t.ack, t.length, t.\"window\", t.fate, t.reason "
    "FROM transitions t LEFT JOIN links l ON l.id = t.link ";

constexpr const char* kEvents =
    "SELECT e.id, e.at, e.kind, coalesce(l.name, ''), e.connection, e.text, e.detail "
    "FROM events e LEFT JOIN links l ON l.id = e.link ";

std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

/// Seven columns from `first` on, as both tables have them.
TcpSegment read_segment(const Statement& row, int first) {
  return {.seq = static_cast<std::uint32_t>(row.integer(first + 1)),
          .ack = static_cast<std::uint32_t>(row.integer(first + 2)),
          .length = static_cast<std::uint32_t>(row.integer(first + 3)),
          .flags = parse_flags(row.text(first)),
          .window = static_cast<std::uint16_t>(row.integer(first + 4))};
}

api::TransitionRow read_transition(const Statement& row) {
  api::TransitionRow transition;
  transition.event_id = static_cast<std::uint64_t>(row.integer(0));
  transition.connection = static_cast<ConnectionId>(row.integer(1));
  transition.link = row.text(2);
  transition.at = row.integer(3);
  transition.side = parse_name<Role>(row.text(4));
  transition.from = parse_name<TcpState>(row.text(5));
  transition.to = parse_name<TcpState>(row.text(6));
  transition.evidence = parse_name<Evidence>(row.text(7));
  transition.row = static_cast<Rule>(row.integer(8));
  if (!row.is_null(9)) {
    transition.segment = {read_segment(row, 9), parse_name<FateWord>(row.text(14)),
                          parse_name<DropReason>(row.text(15))};
  }
  return transition;
}

api::EventRow event_of(api::TransitionRow&& transition) {
  api::EventRow event;
  event.id = transition.event_id;
  event.at = transition.at;
  event.kind = "transition";
  event.link = transition.link;
  event.connection = transition.connection;
  event.text = transition_text(transition);
  event.transition = std::move(transition);
  return event;
}

api::EventRow read_event(const Statement& row, Statement& connection_by_id) {
  api::EventRow event;
  event.id = static_cast<std::uint64_t>(row.integer(0));
  event.at = row.integer(1);
  event.kind = row.text(2);
  event.link = row.text(3);
  event.connection = static_cast<ConnectionId>(row.integer(4));
  event.text = row.text(5);
  event.detail = row.text(6);
  const bool opened = event.kind == "connection_opened";
  if (!opened && event.kind != "connection_closed") return event;
  connection_by_id.bind(1, number(event.connection));
  if (connection_by_id.step()) {
    const api::ConnectionRow connection = read_connection(connection_by_id);
    event.text = opened ? opened_text(connection) : closed_text(connection);
    event.detail = opened ? opened_detail(connection) : closed_detail(connection);
  } else {  // retention was faster
    event.text = "connection " + std::to_string(event.connection) + (opened ? " opened" : " closed");
  }
  connection_by_id.reset();
  return event;
}

/// A WHERE clause that grows; each condition has one parameter, bound in order.
class Conditions {
 public:
  explicit Conditions(std::string sql) : sql_(std::move(sql)) {}

  void add(const std::string& condition) {
    sql_ += (any_ ? " AND " : " WHERE ") + condition;
    any_ = true;
  }
  void add(const std::string& condition, std::int64_t value) {
    add(condition);
    numbers_.emplace_back(++parameters_, value);
  }
  void add(const std::string& condition, std::initializer_list<std::int64_t> values) {
    add(condition);
    for (const std::int64_t value : values) numbers_.emplace_back(++parameters_, value);
  }
  void add(const std::string& condition, std::string_view value) {
    add(condition);
    texts_.emplace_back(++parameters_, value);
  }
  void add_text(const std::string& condition, std::string value) {
    add(condition);
    kept_.emplace_back(++parameters_, std::move(value));
  }
  const std::string& sql() const { return sql_; }
  void bind(Statement& statement) const {
    for (const auto& [index, value] : numbers_) statement.bind(index, value);
    for (const auto& [index, value] : texts_) statement.bind(index, value);
    for (const auto& [index, value] : kept_) statement.bind(index, std::string_view(value));
  }

 private:
  std::string sql_;
  bool any_ = false;
  int parameters_ = 0;
  std::vector<std::pair<int, std::int64_t>> numbers_;
  std::vector<std::pair<int, std::string_view>> texts_;
  std::vector<std::pair<int, std::string>> kept_;
};

/// Rows of condition_changes that were in force while connection c lived.
std::string in_force() {
  return "SELECT 1 FROM condition_changes h WHERE h.link = c.link AND (c.closed_at IS NULL OR h.at <= c.closed_at) "
         "AND h.at >= coalesce((SELECT max(b.at) FROM condition_changes b WHERE b.link = c.link "
         "AND b.at <= c.opened_at), 0)";
}
/// What change h asks for in either direction, by name, be it in a step of its scenario only.
constexpr const char* kAsked =
    "(SELECT value FROM json_each(h.conditions) WHERE key IN ('up', 'down') UNION ALL "
    "SELECT d.value FROM json_each(h.conditions, '$.scenario') step, json_each(step.value) d "
    "WHERE d.key IN ('up', 'down')) direction, json_each(direction.value) asked";

std::int64_t id_of(ConnectionId id) {
  constexpr auto kMost = static_cast<ConnectionId>(std::numeric_limits<std::int64_t>::max());
  return number(std::min(id, kMost));
}

/// Opened at that moment or after it (`is_after`), or before it.
void add_moment(Conditions& where, const LogMoment& moment, bool is_after) {
  where.add(
      is_after ? "(c.id >= ? OR (c.id >= ? AND c.opened_at >= ?))" : "(c.id < ? OR (c.id < ? AND c.opened_at < ?))",
      {id_of(is_after ? moment.behind : moment.from), id_of(is_after ? moment.from : moment.behind), moment.at});
}

Conditions conditions_of(const api::ConnectionQuery& query, const JournalReader::Ago& ago) {
  Conditions where(select_connections());
  if (query.cursor) where.add("c.opened_event < ?", number(*query.cursor));
  if (query.link) where.add("c.link = (SELECT id FROM links WHERE name = ?)", *query.link);
  if (query.state == TcpState::closed) {  // an endpoint of which nothing is known is shown as CLOSED
    where.add("(c.client_state IN ('CLOSED', 'NONE') OR c.server_state IN ('CLOSED', 'NONE'))");
  } else if (query.state) {
    where.add("? IN (c.client_state, c.server_state)", name_of(*query.state));
  }
  if (query.port) where.add("? IN (c.client_port, c.server_port)", *query.port);
  if (query.end) where.add("c.\"end\" = ?", name_of(*query.end));
  if (query.closed_by) where.add("c.closed_by = ?", name_of(*query.closed_by));
  if (query.protocol) {
    where.add("c.protocol = ?", *query.protocol);
  } else if (!query.all_protocols) {
    where.add(query.flows ? "c.protocol <> ?" : "c.protocol = ?", kTcp);
  }
  if (query.since) where.add("c.opened_at >= ?", *query.since);
  if (query.until) where.add("c.opened_at < ?", *query.until);
  if (query.since_ago) add_moment(where, ago(*query.since_ago), true);
  if (query.until_ago) add_moment(where, ago(*query.until_ago), false);
  if (query.address) where.add_text("? IN (c.client_address, c.server_address)", query.address->to_string());
  if (query.condition == "none") {
    where.add("EXISTS (" + in_force() + " AND NOT EXISTS (SELECT 1 FROM " + kAsked + "))");
  } else if (query.condition) {
    where.add("EXISTS (" + in_force() + " AND EXISTS (SELECT 1 FROM " + kAsked + " WHERE asked.key = ?))",
              *query.condition);
  }
  return where;
}

Conditions event_conditions(const api::EventQuery& query) {
  Conditions where(kEvents);
  where.add("e.id > ?", number(query.since));
  if (query.link) where.add("e.link = (SELECT id FROM links WHERE name = ?)", *query.link);
  if (query.kind) {
    where.add("e.kind = ?", *query.kind);
    if (!query.kind->starts_with("connection_")) {  // so that the partial index serves
      where.add("e.kind NOT IN ('connection_opened', 'connection_closed')");
    }
  }
  return where;
}

Conditions transition_conditions(const api::EventQuery& query) {
  Conditions where(kTransitions);
  where.add("t.id > ?", number(query.since));
  if (query.link) where.add("t.link = (SELECT id FROM links WHERE name = ?)", *query.link);
  return where;
}

}  // namespace

class JournalReader::Lease {
 public:
  explicit Lease(JournalReader& reader) : reader_(reader) {
    std::unique_lock lock(reader_.mutex_);
    reader_.returned_.wait(lock, [&] { return !reader_.idle_.empty(); });
    database_ = std::move(reader_.idle_.back());
    reader_.idle_.pop_back();
  }
  ~Lease() {
    {
      const std::lock_guard lock(reader_.mutex_);
      reader_.idle_.push_back(std::move(database_));
    }
    reader_.returned_.notify_one();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Database& operator*() { return *database_; }

 private:
  JournalReader& reader_;
  std::unique_ptr<Database> database_;
};

LogMoment JournalReader::ago_by_the_wall(Duration ago) {
  return {(std::chrono::system_clock::now().time_since_epoch() - ago).count()};
}

JournalReader::JournalReader(const std::string& file, std::size_t connections, Ago ago) : ago_(std::move(ago)) {
  for (std::size_t i = 0; i < std::max<std::size_t>(connections, 1); ++i) {
    idle_.push_back(std::make_unique<Database>(file, Database::Mode::read_only));
  }
}

api::Page<api::ConnectionRow> JournalReader::connections(const api::ConnectionQuery& query) {
  const std::uint32_t limit = std::clamp(query.limit, 1u, kMaxConnections);
  const Conditions where = conditions_of(query, ago_);
  Lease lease(*this);
  // One more than asked tells whether there is a next page.
  Statement row(*lease, where.sql() + " ORDER BY c.opened_event DESC LIMIT " + std::to_string(limit + 1));
  where.bind(row);
  api::Page<api::ConnectionRow> page;
  std::uint64_t last = 0;
  while (row.step()) {
    if (page.items.size() == limit) {
      page.next = last;
      break;
    }
    page.items.push_back(read_connection(row));
    last = opened_event_of(row);
  }
  return page;
}

std::optional<api::ConnectionRow> JournalReader::connection(ConnectionId id) {
  Lease lease(*this);
  Statement row(*lease, select_connections() + " WHERE c.id = ?");
  row.bind(1, number(id));
  if (!row.step()) return std::nullopt;
  return read_connection(row);
}

std::vector<api::TransitionRow> JournalReader::transitions(ConnectionId id) {
  Lease lease(*this);
  Statement row(*lease, kTransitions + std::string("WHERE t.connection = ?1 ORDER BY t.id LIMIT ?2"));
  row.bind(1, number(id)).bind(2, kMaxRowsPerConnection);
  std::vector<api::TransitionRow> rows;
  while (row.step()) rows.push_back(read_transition(row));
  return rows;
}

std::vector<api::SegmentRow> JournalReader::segments(ConnectionId id) {
  Lease lease(*this);
  Statement row(*lease,
                "SELECT id, sender, copy, retransmission, fate, reason, sent_at, delivered_at, flags, seq, ack, "
                "length, \"window\" FROM segments WHERE connection = ?1 ORDER BY sent_at, id LIMIT ?2");
  row.bind(1, number(id)).bind(2, kMaxRowsPerConnection);
  std::vector<api::SegmentRow> rows;
  while (row.step()) {
    api::SegmentRow& segment = rows.emplace_back();
    segment.id = static_cast<std::uint64_t>(row.integer(0));
    segment.from = parse_name<Role>(row.text(1));
    segment.copy = static_cast<std::uint8_t>(row.integer(2));
    segment.retransmission = row.integer(3) != 0;
    segment.fate = parse_name<FateWord>(row.text(4));
    segment.drop = parse_name<DropReason>(row.text(5));
    segment.sent_at = row.integer(6);
    segment.delivered_at = row.optional_integer(7);
    segment.tcp = read_segment(row, 8);
  }
  return rows;
}

std::vector<api::ConditionsRow> JournalReader::conditions(ConnectionId id) {
  Lease lease(*this);
  Statement row(*lease,
                "SELECT event, at, revision, source, conditions FROM connection_conditions WHERE id = ?1 "
                "ORDER BY at, event LIMIT ?2");
  row.bind(1, number(id)).bind(2, kMaxRowsPerConnection);
  std::vector<api::ConditionsRow> rows;
  while (row.step()) {
    rows.push_back({static_cast<std::uint64_t>(row.integer(0)), row.integer(1),
                    static_cast<std::uint64_t>(row.integer(2)), std::string(row.text(3)), std::string(row.text(4))});
  }
  return rows;
}

std::vector<api::EventRow> JournalReader::events(const api::EventQuery& query) {
  const std::uint32_t limit = std::clamp(query.limit, 1u, kMaxEvents);
  const Conditions event_where = event_conditions(query);
  const Conditions transition_where = transition_conditions(query);
  const std::string order = " ORDER BY 1 LIMIT " + std::to_string(limit);
  Lease lease(*this);
  Transaction snapshot(*lease, "BEGIN");  // both tables as they were at one moment; rolled back at the end
  Statement events(*lease, event_where.sql() + order);
  Statement transitions(*lease, transition_where.sql() + order);
  Statement connection_by_id(*lease, select_connections() + " WHERE c.id = ?");
  event_where.bind(events);
  transition_where.bind(transitions);
  bool more_events = query.kind != "transition" && events.step();
  bool more_transitions = (!query.kind || query.kind == "transition") && transitions.step();
  std::vector<api::EventRow> rows;
  while ((more_events || more_transitions) && rows.size() < limit) {
    if (more_events && (!more_transitions || events.integer(0) < transitions.integer(0))) {
      rows.push_back(read_event(events, connection_by_id));
      more_events = events.step();
    } else {
      rows.push_back(event_of(read_transition(transitions)));
      more_transitions = transitions.step();
    }
  }
  return rows;
}

}  // namespace wobble::daemon
