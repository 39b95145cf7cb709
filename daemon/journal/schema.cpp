#include "daemon/journal/schema.h"

#include <array>
#include <string>

#include "daemon/journal/asked_periods.h"
#include "daemon/journal/schema_views.h"

namespace wobble::daemon {

namespace {

// Times are nanoseconds since the Unix epoch, UTC. Enumerated values are text, spelled as in the API (names.h).
// No foreign keys: retention takes each table's oldest rows by itself, and a batch is written without look-ups.
constexpr const char* kTables = R"sql(
CREATE TABLE sessions(          -- one row each time the daemon starts
  id INTEGER PRIMARY KEY,
  pid INTEGER NOT NULL,
  version TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  stopped_at INTEGER,           -- NULL: runs, or was killed
  last_written_at INTEGER NOT NULL,  -- when it last committed something
  state TEXT NOT NULL           -- 'running', 'stopped', or 'killed': ended without stopping
);

CREATE TABLE links(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  first_seen_at INTEGER NOT NULL
);

CREATE TABLE condition_changes( -- what was asked of a link, from `at` on
  id INTEGER PRIMARY KEY,       -- of the event that tells it
  link INTEGER NOT NULL,
  at INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  source TEXT NOT NULL,
  conditions TEXT NOT NULL      -- JSON: {"up": {...}, "down": {...}}
);
CREATE INDEX condition_changes_by_time ON condition_changes(link, at);

CREATE TABLE connections(
  opened_event INTEGER PRIMARY KEY,  -- id of its connection_opened event: the order of the list
  id INTEGER NOT NULL UNIQUE,
  link INTEGER NOT NULL,
  session INTEGER NOT NULL,
  protocol INTEGER NOT NULL,    -- IANA number: 6 TCP, 17 UDP
  client_side TEXT NOT NULL,    -- 'near' or 'far'
  midstream INTEGER NOT NULL,   -- 1: picked up without its handshake
  ordinal INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  closed_at INTEGER,            -- NULL: lives. With end 'open': the log ended (then) while it was open
  "end" TEXT NOT NULL,
  closed_by TEXT NOT NULL,      -- 'client', 'server', 'both' or ''
  handshake_rtt_client INTEGER NOT NULL,  -- ns, 0: not known
  handshake_rtt_server INTEGER NOT NULL,
  initial_rtt INTEGER NOT NULL,
  client_address TEXT NOT NULL, client_port INTEGER NOT NULL, client_state TEXT NOT NULL,
  client_packets_sent INTEGER NOT NULL, client_bytes_sent INTEGER NOT NULL,
  client_packets_delivered INTEGER NOT NULL, client_bytes_delivered INTEGER NOT NULL,
  client_payload_bytes INTEGER NOT NULL,
  client_retransmissions INTEGER NOT NULL, client_retransmissions_by_us INTEGER NOT NULL,
  client_dropped INTEGER NOT NULL, client_duplicated INTEGER NOT NULL,
  client_corrupted INTEGER NOT NULL, client_reordered INTEGER NOT NULL,
  server_address TEXT NOT NULL, server_port INTEGER NOT NULL, server_state TEXT NOT NULL,
  server_packets_sent INTEGER NOT NULL, server_bytes_sent INTEGER NOT NULL,
  server_packets_delivered INTEGER NOT NULL, server_bytes_delivered INTEGER NOT NULL,
  server_payload_bytes INTEGER NOT NULL,
  server_retransmissions INTEGER NOT NULL, server_retransmissions_by_us INTEGER NOT NULL,
  server_dropped INTEGER NOT NULL, server_duplicated INTEGER NOT NULL,
  server_corrupted INTEGER NOT NULL, server_reordered INTEGER NOT NULL
);
CREATE INDEX connections_open ON connections(session) WHERE closed_at IS NULL;

CREATE TABLE transitions(       -- one endpoint changed its state
  id INTEGER PRIMARY KEY,       -- from the sequence shared with events
  connection INTEGER NOT NULL,
  link INTEGER NOT NULL,
  at INTEGER NOT NULL,
  side TEXT NOT NULL,           -- 'client' or 'server'
  from_state TEXT NOT NULL,     -- RFC 9293; 'NONE': nothing was known of it
  to_state TEXT NOT NULL,
  evidence TEXT NOT NULL,       -- 'sent', 'delivered', 'timer', 'correction', 'implied'
  row INTEGER NOT NULL,         -- of the transition table: emulator/connections/THEORY.md
  flags TEXT,                   -- the segment behind it; all NULL without one
  seq INTEGER, ack INTEGER, length INTEGER, "window" INTEGER,
  fate TEXT,                    -- what we did to it
  reason TEXT                   -- why it was dropped; NULL: it was not
);
CREATE INDEX transitions_of_connection ON transitions(connection);

CREATE TABLE segments(
  id INTEGER PRIMARY KEY,
  connection INTEGER NOT NULL,
  sender TEXT NOT NULL,         -- 'client' or 'server'
  sent_at INTEGER NOT NULL,     -- arrived at the emulator
  delivered_at INTEGER,         -- left it; NULL: dropped
  flags TEXT NOT NULL,
  seq INTEGER NOT NULL, ack INTEGER NOT NULL, length INTEGER NOT NULL, "window" INTEGER NOT NULL,
  fate TEXT NOT NULL,
  reason TEXT,
  copy INTEGER NOT NULL,        -- 0 the original, 1 its duplicate
  retransmission INTEGER NOT NULL
);
CREATE INDEX segments_of_connection ON segments(connection);

CREATE TABLE events(
  id INTEGER PRIMARY KEY,       -- from the sequence shared with transitions
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  link INTEGER,
  connection INTEGER,
  text TEXT,                    -- NULL for connection_opened and connection_closed: see connections
  detail TEXT                   -- JSON
);
CREATE INDEX events_rare ON events(kind, id) WHERE kind NOT IN ('connection_opened', 'connection_closed');

CREATE TABLE bookkeeping(       -- one row, true in every transaction: rows in each table, last number given
  connections INTEGER NOT NULL, transitions INTEGER NOT NULL, events INTEGER NOT NULL, segments INTEGER NOT NULL,
  last_event_id INTEGER NOT NULL, last_segment_id INTEGER NOT NULL, last_connection_id INTEGER NOT NULL
);
INSERT INTO bookkeeping VALUES(0, 0, 0, 0, 0, 0, 0);
)sql";

// Questions people ask, as views. Times as text, in UTC.
constexpr const char* kViews = R"sql(
CREATE VIEW connection_list AS
  SELECT c.id, l.name AS link, c.protocol,
    strftime('%Y-%m-%d %H:%M:%S', c.opened_at / 1000000000, 'unixepoch')
      || printf('.%09d', c.opened_at % 1000000000) AS opened,
    strftime('%Y-%m-%d %H:%M:%S', c.closed_at / 1000000000, 'unixepoch')
      || printf('.%09d', c.closed_at % 1000000000) AS closed,
    c.client_address || ' ' || c.client_port AS client, c.server_address || ' ' || c.server_port AS server,
    c.client_state, c.server_state, c."end", c.closed_by
  FROM connections c LEFT JOIN links l ON l.id = c.link;

CREATE VIEW closed_first AS  -- who closed first
  SELECT v.id, v.link, v.closed_by, v."end", v.client, v.server, v.opened, v.closed
  FROM connection_list v WHERE v.closed_by <> '';

CREATE VIEW never_past_syn_sent AS  -- the client never got an answer it could use; did we drop something?
  SELECT v.id, v.link, v."end", v.client, v.server, v.opened,
    (SELECT count(*) FROM segments s WHERE s.connection = v.id AND s.sender = 'client' AND s.fate = 'dropped'
       AND (s.flags = 'SYN' OR s.flags LIKE 'SYN,%')) AS syns_dropped_by_us,
    (SELECT count(*) FROM segments s WHERE s.connection = v.id AND s.sender = 'server' AND s.fate = 'dropped')
      AS answers_dropped_by_us
  FROM connection_list v JOIN connections c ON c.id = v.id
  WHERE c.protocol = 6 AND c.midstream = 0
    AND NOT EXISTS (SELECT 1 FROM transitions t WHERE t.connection = c.id AND t.side = 'client'
      AND t.from_state = 'SYN_SENT' AND t.to_state IN ('ESTABLISHED', 'SYN_RECEIVED'));

CREATE VIEW half_open_at_the_end AS  -- one endpoint gone, the other not
  SELECT v.id, v.link, v."end", v.client, v.client_state, v.server, v.server_state, v.opened, v.closed
  FROM connection_list v JOIN connections c ON c.id = v.id
  WHERE c."end" = 'half_open';

CREATE VIEW resets AS  -- and by whom
  SELECT v.id, v.link, v."end", v.closed_by,
    (SELECT s.sender FROM segments s WHERE s.connection = v.id AND s.flags LIKE '%RST%' ORDER BY s.sent_at LIMIT 1)
      AS first_reset_from,
    v.client, v.server, v.opened, v.closed
  FROM connection_list v WHERE v."end" IN ('reset', 'orderly_reset', 'refused');

CREATE VIEW unexplained_retransmissions AS  -- not because of our drops
  SELECT v.id, v.link, c.client_retransmissions - c.client_retransmissions_by_us AS by_client,
    c.server_retransmissions - c.server_retransmissions_by_us AS by_server, v.client, v.server, v.opened
  FROM connection_list v JOIN connections c ON c.id = v.id
  WHERE c.client_retransmissions > c.client_retransmissions_by_us
     OR c.server_retransmissions > c.server_retransmissions_by_us;

CREATE VIEW connection_conditions AS  -- what was in force while a connection lived
  SELECT c.id, l.name AS link, h.revision, h.at, h.source, h.conditions
  FROM connections c JOIN links l ON l.id = c.link JOIN condition_changes h ON h.link = c.link
  WHERE (c.closed_at IS NULL OR h.at <= c.closed_at)
    AND h.at >= coalesce((SELECT max(b.at) FROM condition_changes b WHERE b.link = c.link AND b.at <= c.opened_at), 0);
)sql";

// Figures of TCP.
constexpr const char* kFigures = R"sql(
-- What each is: api/FIGURES.md. Times in ns.
ALTER TABLE connections ADD COLUMN client_retransmissions_fast INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_retransmissions_spurious INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_out_of_order INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_out_of_order_by_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_gaps INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_dup_acks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_keep_alives INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_zero_windows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_initial_window INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_max_window INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_max_in_flight INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_unique_payload_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_zero_window_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_offer TEXT NOT NULL DEFAULT '';  -- 'mss=1460,wscale=7,sack,timestamps'
ALTER TABLE connections ADD COLUMN server_retransmissions_fast INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_retransmissions_spurious INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_out_of_order INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_out_of_order_by_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_gaps INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_dup_acks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_keep_alives INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_zero_windows INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_initial_window INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_max_window INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_max_in_flight INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_unique_payload_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_zero_window_time INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_offer TEXT NOT NULL DEFAULT '';  -- 'mss=1460,wscale=7,sack,timestamps'
ALTER TABLE connections ADD COLUMN syn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN syn_ack INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN fast_open_accepted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN syn_retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN synack_retries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN rst_implausible INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN challenge_acks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN invalid_flags INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN bad_checksum INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN handshake_rtt_server_net INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN initial_rtt_net INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN closed_first TEXT NOT NULL DEFAULT '';  -- 'client', 'server', 'both' or ''
ALTER TABLE connections ADD COLUMN conn_state TEXT NOT NULL DEFAULT '';    -- Zeek's
ALTER TABLE connections ADD COLUMN history TEXT NOT NULL DEFAULT '';
ALTER TABLE connections ADD COLUMN closes TEXT NOT NULL DEFAULT '[]';      -- JSON: the first FIN of each side, every RST
ALTER TABLE connections ADD COLUMN closes_left_out INTEGER NOT NULL DEFAULT 0;
)sql";

// What a session that was killed leaves behind says how far its log goes.
constexpr const char* kThird = R"sql(
ALTER TABLE sessions ADD COLUMN complete_until INTEGER;  -- everything that came before is written, or told as lost
ALTER TABLE sessions ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;  -- events that came later and were not written yet
)sql";

constexpr const char* kFifth = R"sql(
ALTER TABLE connections ADD COLUMN last_packet_at INTEGER;  -- NULL: lives, or not known
)sql";

constexpr const char* kEighth = R"sql(
ALTER TABLE connections ADD COLUMN client_retransmissions_lost_behind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN client_retransmissions_lost_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_retransmissions_lost_behind INTEGER NOT NULL DEFAULT 0;
ALTER TABLE connections ADD COLUMN server_retransmissions_lost_before INTEGER NOT NULL DEFAULT 0;
)sql";

/// What every filter of the list of connections asks for, in the order of the list, and no more: so narrow that all of
/// it is looked through in less time than a person notices.
std::string ninth() {
  return R"sql(
ALTER TABLE condition_changes ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;  -- a bit for each impairment; 0: clean
UPDATE condition_changes SET asked = )sql" +
         asked_sql("condition_changes.conditions") + R"sql(;
DROP INDEX condition_changes_by_time;
CREATE INDEX condition_changes_by_time ON condition_changes(link, at, asked);
CREATE INDEX connections_search ON connections(opened_event, protocol, link, opened_at, closed_at, client_port,
  server_port, client_state, server_state, client_address, server_address, "end", closed_by, id);
)sql" + kViewsOfSchema9;
}

constexpr const char* kBegin = "PRAGMA application_id = 2003788396;";  // kApplicationId: PRAGMAs take no parameters
static_assert(kApplicationId == 2003788396);

}  // namespace

std::span<const Migration> migrations() {
  static const std::string first = std::string(kBegin) + kTables + kViews;
  static const std::string ninth_step = ninth();
  static const std::array<Migration, 9> all = {{{1, first.c_str()},
                                                {2, kFigures},
                                                {3, kThird},
                                                {4, kViewsOfSchema4},
                                                {5, kFifth},
                                                {6, kViewsOfSchema6},
                                                {7, kViewsOfSchema7},
                                                {8, kEighth},
                                                {9, ninth_step.c_str()}}};
  return all;
}

void migrate(Database& database, std::span<const Migration> steps) {
  const auto version = database.integer("PRAGMA user_version");
  const int newest = steps.empty() ? 0 : steps.back().version;
  if (version > newest) {
    throw std::runtime_error("has schema " + std::to_string(version) + ", this version of wobble knows schemas up to " +
                             std::to_string(newest));
  }
  for (const Migration& step : steps) {
    if (step.version <= version) continue;
    Transaction transaction(database);
    database.exec(step.sql);
    database.exec("PRAGMA user_version = " + std::to_string(step.version));
    transaction.commit();
  }
}

}  // namespace wobble::daemon
