#include "daemon/journal/journal_reader.h"

#include <algorithm>

#include "daemon/journal/asked_periods.h"
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
  connection_by_id.bind(1, column_value(event.connection));
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

Where event_conditions(const api::EventQuery& query) {
  Where where(kEvents);
  where.add("e.id > ?", column_value(query.since));
  if (query.up_to) where.add("e.id <= ?", column_value(*query.up_to));
  if (query.link) where.add("e.link = (SELECT id FROM links WHERE name = ?)", *query.link);
  if (query.kind) {
    where.add("e.kind = ?", *query.kind);
    if (!query.kind->starts_with("connection_")) {  // so that the partial index serves
      where.add("e.kind NOT IN ('connection_opened', 'connection_closed')");
    }
  }
  return where;
}

Where transition_conditions(const api::EventQuery& query) {
  Where where(kTransitions);
  where.add("t.id > ?", column_value(query.since));
  if (query.up_to) where.add("t.id <= ?", column_value(*query.up_to));
  if (query.link) where.add("t.link = (SELECT id FROM links WHERE name = ?)", *query.link);
  return where;
}

/// Else no row of it would be found, in a table of many.
bool knows_link(Database& database, const std::string& name) {
  Statement link(database, "SELECT 1 FROM links WHERE name = ?");
  link.bind(1, name);
  return link.step();
}

std::vector<api::EventRow> read_events(Database& database, const api::EventQuery& query) {
  const std::uint32_t limit = std::clamp(query.limit, 1u, JournalReader::kMaxEvents);
  const Where event_where = event_conditions(query);
  const Where transition_where = transition_conditions(query);
  const std::string order = " ORDER BY 1 LIMIT " + std::to_string(limit);
  Transaction snapshot(database, "BEGIN");  // both tables as they were at one moment; rolled back at the end
  if (query.link && !knows_link(database, *query.link)) return {};
  Statement events(database, event_where.sql() + order);
  Statement transitions(database, transition_where.sql() + order);
  Statement connection_by_id(database, select_connections() + " WHERE c.id = ?");
  event_where.bind(events);
  transition_where.bind(transitions);
  bool more_events = query.kind != "transition" && events.step();
  bool more_transitions = (!query.kind || query.kind == "transition") && transitions.step();
  std::vector<api::EventRow> rows;
  std::size_t bytes = 0;
  while ((more_events || more_transitions) && rows.size() < limit && bytes < query.max_bytes) {
    if (more_events && (!more_transitions || events.integer(0) < transitions.integer(0))) {
      rows.push_back(read_event(events, connection_by_id));
      more_events = events.step();
    } else {
      rows.push_back(event_of(read_transition(transitions)));
      more_transitions = transitions.step();
    }
    bytes += api::EventQuery::bytes_of(rows.back());
  }
  return rows;
}

}  // namespace

LogMoment JournalReader::ago_by_the_wall(Duration ago) {
  return {(std::chrono::system_clock::now().time_since_epoch() - ago).count()};
}

JournalReader::JournalReader(const std::string& file, std::size_t connections, Duration time_limit, Ago ago)
    : ago_(std::move(ago)), questions_(file, connections, time_limit), streams_(file, kStreamReaders, time_limit) {}

JournalReader::JournalReader(const std::string& file, Database::Mode mode)
    : ago_(ago_by_the_wall), questions_(file, 1, Duration(0), mode), streams_(file, 1, Duration(0), mode) {}

void JournalReader::stop(const std::string& why) {
  questions_.stop(why);
  streams_.stop(why);
}

void JournalReader::close() {
  questions_.close();
  streams_.close();
}

void JournalReader::open() {
  questions_.open();
  streams_.open();
}

void JournalReader::end(const std::string& why) {
  questions_.end(why);
  streams_.end(why);
}

template <typename Answer>
auto JournalReader::ask(ReaderPool& pool, const api::IsGone& gone, const Answer& answer) {
  ReaderPool::Lease lease(pool, gone);
  try {
    return answer(*lease);
  } catch (const DatabaseError& error) {
    if (error.code() == SQLITE_INTERRUPT) throw lease.given_up();
    throw;
  }
}

api::Page<api::ConnectionRow> JournalReader::connections(const api::ConnectionQuery& query) {
  const std::uint32_t limit = std::clamp(query.limit, 1u, kMaxConnections);
  const Where search = search_of(query, ago_);
  return ask(questions_, query.is_gone, [&](Database& database) {
    Transaction snapshot(database, "BEGIN");  // the changes and the connections as they were at one moment
    std::optional<AskedPeriods> asked;
    if (query.condition) asked.emplace(database, *query.condition).define(database);
    // One more than asked tells whether there is a next page.
    const std::string found = search.sql() + " ORDER BY opened_event DESC LIMIT " + std::to_string(limit + 1);
    Statement row(database,
                  select_connections() + " WHERE c.opened_event IN (" + found + ") ORDER BY c.opened_event DESC");
    search.bind(row);
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
  });
}

std::optional<api::ConnectionRow> JournalReader::connection(ConnectionId id) {
  return ask(questions_, {}, [&](Database& database) -> std::optional<api::ConnectionRow> {
    Statement row(database, select_connections() + " WHERE c.id = ?");
    row.bind(1, column_value(id));
    if (!row.step()) return std::nullopt;
    return read_connection(row);
  });
}

std::vector<api::TransitionRow> JournalReader::transitions(ConnectionId id) {
  return ask(questions_, {}, [&](Database& database) {
    Statement row(database, kTransitions + std::string("WHERE t.connection = ?1 ORDER BY t.id LIMIT ?2"));
    row.bind(1, column_value(id)).bind(2, kMaxRowsPerConnection);
    std::vector<api::TransitionRow> rows;
    while (row.step()) rows.push_back(read_transition(row));
    return rows;
  });
}

std::vector<api::SegmentRow> JournalReader::segments(ConnectionId id) {
  return ask(questions_, {}, [&](Database& database) {
    Statement row(database,
                  "SELECT id, sender, copy, retransmission, fate, reason, sent_at, delivered_at, flags, seq, ack, "
                  "length, \"window\" FROM segments WHERE connection = ?1 ORDER BY sent_at, id LIMIT ?2");
    row.bind(1, column_value(id)).bind(2, kMaxRowsPerConnection);
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
  });
}

std::vector<api::ConditionsRow> JournalReader::conditions(ConnectionId id) {
  return ask(questions_, {}, [&](Database& database) {
    Statement row(database,
                  "SELECT event, at, revision, source, conditions FROM connection_conditions WHERE id = ?1 "
                  "ORDER BY at, event LIMIT ?2");
    row.bind(1, column_value(id)).bind(2, kMaxRowsPerConnection);
    std::vector<api::ConditionsRow> rows;
    std::size_t bytes = 0;
    while (bytes < api::kMaxLogBytes && row.step()) {
      rows.push_back({static_cast<std::uint64_t>(row.integer(0)), row.integer(1),
                      static_cast<std::uint64_t>(row.integer(2)), std::string(row.text(3)), std::string(row.text(4))});
      bytes += rows.back().conditions.size();
    }
    return rows;
  });
}

std::vector<LivingRow> JournalReader::living() {
  return ask(questions_, {}, [&](Database& database) {
    Statement row(database,
                  "SELECT c.id, coalesce(l.name, '') FROM connections c INDEXED BY connections_open "
                  "LEFT JOIN links l ON l.id = c.link WHERE c.closed_at IS NULL LIMIT ?1");
    row.bind(1, kMaxLiving);
    std::vector<LivingRow> rows;
    while (row.step()) rows.push_back({static_cast<ConnectionId>(row.integer(0)), std::string(row.text(1))});
    return rows;
  });
}

std::vector<api::EventRow> JournalReader::events(const api::EventQuery& query) {
  return ask(query.is_live ? streams_ : questions_, query.is_gone,
             [&](Database& database) { return read_events(database, query); });
}

}  // namespace wobble::daemon
