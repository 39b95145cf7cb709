#include "daemon/journal/schema_views.h"

namespace wobble::daemon {

const char* const kViewsOfSchema4 = R"sql(
DROP VIEW IF EXISTS half_open_at_the_end;
CREATE VIEW half_open_at_the_end AS  -- one endpoint gone, the other not: told at the end, or so when the log ends
  SELECT v.id, v.link, v."end", v.client, v.client_state, v.server, v.server_state, v.opened, v.closed
  FROM connection_list v JOIN connections c ON c.id = v.id
  WHERE c.protocol = 6 AND (c."end" = 'half_open' OR (c."end" = 'open'
    AND ((c.client_state = 'CLOSED' AND c.server_state NOT IN ('CLOSED', 'TIME_WAIT', 'NONE'))
      OR (c.server_state = 'CLOSED' AND c.client_state NOT IN ('CLOSED', 'TIME_WAIT', 'NONE')))));

DROP VIEW IF EXISTS connection_conditions;
CREATE VIEW connection_conditions AS  -- what was in force while a connection lived
  SELECT c.id, l.name AS link, h.id AS event, h.revision, h.at, h.source, h.conditions
  FROM connections c JOIN links l ON l.id = c.link JOIN condition_changes h ON h.link = c.link
  WHERE (c.closed_at IS NULL OR h.at <= c.closed_at)
    AND h.at >= coalesce((SELECT max(b.at) FROM condition_changes b WHERE b.link = c.link AND b.at <= c.opened_at), 0);

DROP VIEW IF EXISTS handshake_times;
CREATE VIEW handshake_times AS  -- as the client felt it; what we added to it; what is left
  SELECT id, link, client, server, opened,
    (to_server + client_to_us + syn_ack_delay) / 1e6 AS handshake_ms,
    (syn_delay + syn_ack_delay) / 1e6 AS added_by_us_ms,
    (to_server + client_to_us - syn_delay) / 1e6 AS above_ms
  FROM (SELECT v.id, v.link, v.client, v.server, v.opened,
      c.handshake_rtt_server AS to_server, c.handshake_rtt_client AS client_to_us,
      coalesce((SELECT s.delivered_at - s.sent_at FROM segments s WHERE s.connection = c.id AND s.sender = 'client'
        AND s.delivered_at IS NOT NULL AND s.flags LIKE 'SYN%' AND s.flags NOT LIKE '%ACK%'
        AND s.delivered_at <= coalesce((SELECT min(a.sent_at) FROM segments a WHERE a.connection = c.id
          AND a.sender = 'server' AND a.flags LIKE 'SYN%ACK%'), s.delivered_at)
        ORDER BY s.delivered_at DESC LIMIT 1), 0) AS syn_delay,
      coalesce((SELECT s.delivered_at - s.sent_at FROM segments s WHERE s.connection = c.id AND s.sender = 'server'
        AND s.delivered_at IS NOT NULL AND s.flags LIKE 'SYN%ACK%' ORDER BY s.delivered_at LIMIT 1), 0)
        AS syn_ack_delay
    FROM connection_list v JOIN connections c ON c.id = v.id
    WHERE c.handshake_rtt_server > 0 AND c.handshake_rtt_client > 0);

DROP VIEW IF EXISTS state_periods;
CREATE VIEW state_periods AS  -- how long each endpoint was in each state; until is NULL while it lasts
  SELECT id, link, side, state, at, until,
    (coalesce(until, CAST((julianday('now') - 2440587.5) * 86400e9 AS INTEGER)) - at) / 1e9 AS seconds
  FROM (SELECT t.connection AS id, l.name AS link, t.side, t.to_state AS state, t.at,
      coalesce((SELECT n.at FROM transitions n WHERE n.connection = t.connection AND n.side = t.side AND n.id > t.id
        ORDER BY n.id LIMIT 1), max(c.closed_at, t.at)) AS until
    FROM transitions t LEFT JOIN connections c ON c.id = t.connection LEFT JOIN links l ON l.id = t.link
    WHERE t.to_state <> 'CLOSED');

DROP VIEW IF EXISTS log_gaps;
CREATE VIEW log_gaps AS  -- where the log misses something, and how much
  SELECT e.at, l.name AS link, 'too slow' AS cause, json_extract(e.detail, '$.transitions') AS transitions,
    json_extract(e.detail, '$.segments') AS segments
  FROM events e LEFT JOIN links l ON l.id = e.link WHERE e.kind = 'events_lost'
  UNION ALL
  SELECT coalesce(complete_until, last_written_at), NULL, 'killed', NULL, NULL FROM sessions WHERE state = 'killed';
)sql";

const char* const kViewsOfSchema6 = R"sql(
CREATE VIEW half_open_floods AS  -- handshakes that came to nothing in a flood, by the second
  SELECT e.at, l.name AS link, json_extract(e.detail, '$.since') AS since, json_extract(e.detail, '$.source') AS source,
    json_extract(e.detail, '$.port') AS port, json_extract(e.detail, '$.connections') AS connections,
    json_extract(e.detail, '$.refused') AS refused, json_extract(e.detail, '$.answered') AS answered,
    json_extract(e.detail, '$.evicted') AS evicted
  FROM events e LEFT JOIN links l ON l.id = e.link
  WHERE e.kind = 'half_open_flood' AND json_extract(e.detail, '$.phase') = 'counted';
)sql";

const char* const kViewsOfSchema7 = R"sql(
DROP VIEW IF EXISTS closed_first;
CREATE VIEW closed_first AS  -- whose FIN or RST was sent first, and whose was believed first
  SELECT v.id, v.link, c.closed_first, v.closed_by, v."end", v.client, v.server, v.opened, v.closed
  FROM connection_list v JOIN connections c ON c.id = v.id WHERE c.closed_first <> '' OR c.closed_by <> '';

DROP VIEW IF EXISTS unexplained_retransmissions;
CREATE VIEW unexplained_retransmissions AS  -- of what we had not dropped; a lost ACK makes its receiver repeat too
  SELECT v.id, v.link, c.client_retransmissions - c.client_retransmissions_by_us AS by_client,
    c.server_retransmissions - c.server_retransmissions_by_us AS by_server,
    c.client_dropped AS dropped_of_client, c.server_dropped AS dropped_of_server, v.client, v.server, v.opened
  FROM connection_list v JOIN connections c ON c.id = v.id
  WHERE c.client_retransmissions > c.client_retransmissions_by_us
     OR c.server_retransmissions > c.server_retransmissions_by_us;

DROP VIEW IF EXISTS log_gaps;
CREATE VIEW log_gaps AS  -- where the log misses something, and how much
  SELECT e.at, l.name AS link, 'not written in time' AS cause, json_extract(e.detail, '$.transitions') AS transitions,
    json_extract(e.detail, '$.segments') AS segments
  FROM events e LEFT JOIN links l ON l.id = e.link WHERE e.kind = 'events_lost'
  UNION ALL
  SELECT coalesce(complete_until, last_written_at), NULL, 'killed', NULL, NULL FROM sessions WHERE state = 'killed';
)sql";

const char* const kViewsOfSchema9 = R"sql(
CREATE VIEW one_sided_floods AS  -- flows that were counted only, since one side alone had sent, by the second
  SELECT e.at, l.name AS link, json_extract(e.detail, '$.since') AS since, json_extract(e.detail, '$.source') AS source,
    json_extract(e.detail, '$.port') AS port, json_extract(e.detail, '$.connections') AS connections
  FROM events e LEFT JOIN links l ON l.id = e.link
  WHERE e.kind = 'one_sided_flood' AND json_extract(e.detail, '$.phase') = 'counted';

DROP VIEW IF EXISTS log_gaps;
CREATE VIEW log_gaps AS  -- where the log misses something, and how much
  SELECT e.at, l.name AS link, 'not written in time' AS cause, json_extract(e.detail, '$.transitions') AS transitions,
    json_extract(e.detail, '$.segments') AS segments, json_extract(e.detail, '$.connections') AS connections,
    json_extract(e.detail, '$.ends_unknown') AS ends_unknown
  FROM events e LEFT JOIN links l ON l.id = e.link WHERE e.kind = 'events_lost'
  UNION ALL
  SELECT e.at, NULL, json_extract(e.detail, '$.reason'), NULL, NULL, json_extract(e.detail, '$.connections'), NULL
  FROM events e WHERE e.kind = 'log_renewed'
  UNION ALL
  SELECT coalesce(complete_until, last_written_at), NULL, 'killed', NULL, NULL, NULL, NULL FROM sessions
  WHERE state = 'killed';
)sql";

}  // namespace wobble::daemon
