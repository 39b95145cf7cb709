#include "daemon/service/live_connections.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <span>

#include "api/rows/connection_row.h"

namespace wobble::daemon {
namespace {

constexpr Duration kFiguresPatience = std::chrono::milliseconds(250);

}  // namespace

void LiveConnections::refresh_figures(std::vector<api::ConnectionRow>& rows) {
  std::map<std::string, std::vector<api::ConnectionRow*>> rows_of;
  for (api::ConnectionRow& row : rows) rows_of[row.link].push_back(&row);
  for (const auto& [name, own] : rows_of) {
    const LinkPointer link = links_.get(name);
    if (!link) continue;
    if (!link->in_use.try_lock_shared()) continue;
    const SharedLock in_use(link->in_use, std::adopt_lock);
    if (!link->forwarder) continue;
    const Forwarder::Command read = [this, &asked = own](Link& l, TimePoint) {
      for (api::ConnectionRow* row : asked) {
        const auto figures = l.connections().figures(row->id);
        if (figures) api::set_figures(*row, *figures, [&](TimePoint at) { return journal_.wall_clock(at); });
      }
    };
    (void)link->forwarder->call(read, kFiguresPatience);
  }
}

api::Page<api::ConnectionRow> LiveConnections::list(const api::ConnectionQuery& query) {
  journal_.sync(kSyncPatience);
  auto page = journal_.connections(query);
  refresh_figures(page.items);
  return page;
}

api::ConnectionRow LiveConnections::one(ConnectionId id) {
  journal_.sync(kSyncPatience);
  const auto row = journal_.connection(id);
  if (!row) throw api::NotFound("there is no connection " + std::to_string(id));
  std::vector<api::ConnectionRow> rows{*row};
  refresh_figures(rows);
  return rows.front();
}

void LiveConnections::follow(ConnectionId id) {
  const std::string name = one(id).link;
  if (!links_.get(name)) return;  // taken away, and the connection ended with it
  links_.use(name).call([id](Link& l, TimePoint) { l.connections().follow(id); });
}

std::vector<ConnectionId> LiveConnections::unknown_to(const std::string& name, const std::vector<ConnectionId>& ids) {
  constexpr std::size_t kAtOnce = 500;  // the link's loop does nothing else meanwhile
  const LinkPointer link = links_.get(name);
  if (!link) return ids;
  const SharedLock in_use(link->in_use);
  if (!link->forwarder) return ids;
  std::vector<ConnectionId> all;
  for (std::size_t first = 0; first < ids.size(); first += kAtOnce) {
    const auto some = std::span(ids).subspan(first, std::min(kAtOnce, ids.size() - first));
    std::vector<ConnectionId> unknown;
    const Forwarder::Command ask = [&](Link& l, TimePoint) {
      for (const ConnectionId id : some) {
        if (!l.connections().has(id)) unknown.push_back(id);
      }
    };
    if (link->forwarder->call(ask, kForwarderTimeout)) all.insert(all.end(), unknown.begin(), unknown.end());
  }
  return all;
}

void LiveConnections::settle_lost_ends() try {
  std::map<std::string, std::vector<ConnectionId>> of_link;
  for (const LivingRow& row : journal_.living()) of_link[row.link].push_back(row.id);
  std::vector<ConnectionId> gone;
  for (const auto& [name, ids] : of_link) {
    const std::vector<ConnectionId> unknown = unknown_to(name, ids);
    gone.insert(gone.end(), unknown.begin(), unknown.end());
  }
  journal_.end_unknown(gone);
} catch (const api::Unavailable&) {  // it is looked at again
}

}  // namespace wobble::daemon
