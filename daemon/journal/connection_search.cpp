#include "daemon/journal/connection_search.h"

#include "daemon/journal/names.h"

namespace wobble::daemon {

namespace {

/// Opened at that moment or after it (`is_after`), or before it.
void add_moment(Where& where, const LogMoment& moment, bool is_after) {
  where.add(is_after ? "(id >= ? OR (id >= ? AND opened_at >= ?))" : "(id < ? OR (id < ? AND opened_at < ?))",
            {column_value(is_after ? moment.behind : moment.from), column_value(is_after ? moment.from : moment.behind),
             moment.at});
}

}  // namespace

Where search_of(const api::ConnectionQuery& query, const Ago& ago) {
  // It has all that is asked for below, in the order of the list: a million connections are looked through in a part
  // of a second, and no combination of filters is slower than another.
  Where where("SELECT opened_event FROM connections INDEXED BY connections_search");
  if (query.cursor) where.add("opened_event < ?", column_value(*query.cursor));
  if (query.link) where.add("link = (SELECT id FROM links WHERE name = ?)", *query.link);
  if (query.state == TcpState::closed) {  // an endpoint of which nothing is known is shown as CLOSED
    where.add("(client_state IN ('CLOSED', 'NONE') OR server_state IN ('CLOSED', 'NONE'))");
  } else if (query.state) {
    where.add("? IN (client_state, server_state)", std::string(name_of(*query.state)));
  }
  if (query.port) where.add("? IN (client_port, server_port)", *query.port);
  if (query.end) where.add("\"end\" = ?", std::string(name_of(*query.end)));
  if (query.closed_by) where.add("closed_by = ?", std::string(name_of(*query.closed_by)));
  if (query.protocol) {
    where.add("protocol = ?", *query.protocol);
  } else if (!query.all_protocols) {
    where.add(query.flows ? "protocol <> ?" : "protocol = ?", kTcp);
  }
  if (query.since) where.add("opened_at >= ?", *query.since);
  if (query.until) where.add("opened_at < ?", *query.until);
  if (query.since_ago) add_moment(where, ago(*query.since_ago), true);
  if (query.until_ago) add_moment(where, ago(*query.until_ago), false);
  if (query.address) where.add("? IN (client_address, server_address)", query.address->to_string());
  if (query.condition) where.add("asked_while(link, opened_at, closed_at)");
  return where;
}

}  // namespace wobble::daemon
