#include "daemon/journal/asked_periods.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

namespace wobble::daemon {

namespace {

/// Their bits are in files: new ones come at the end.
constexpr std::string_view kImpairments[] = {"idle_timeout", "outage", "mtu",   "loss", "corrupt", "duplicate",
                                             "rate",         "trace",  "queue", "slot", "delay",   "reorder"};
constexpr std::int64_t kUnknown = std::int64_t{1} << 40;  ///< a newer daemon asked for it

constexpr api::WallTime kForEver = std::numeric_limits<api::WallTime>::max();

std::int64_t bit_of(std::size_t place) { return std::int64_t{1} << place; }

void asked_while(sqlite3_context* context, int /*count*/, sqlite3_value** values) {
  const auto& periods = *static_cast<const AskedPeriods*>(sqlite3_user_data(context));
  const bool lives = sqlite3_value_type(values[2]) == SQLITE_NULL;
  sqlite3_result_int(context, periods.overlap(sqlite3_value_int64(values[0]), sqlite3_value_int64(values[1]),
                                              lives ? kForEver : sqlite3_value_int64(values[2])));
}

}  // namespace

std::string asked_sql(const std::string& conditions) {
  std::string bits;
  for (std::size_t i = 0; i < std::size(kImpairments); ++i) {
    bits += " WHEN '" + std::string(kImpairments[i]) + "' THEN " + std::to_string(bit_of(i));
  }
  const std::string json = "(CASE WHEN json_valid(" + conditions + ") THEN " + conditions + " ELSE '{}' END)";
  return "(SELECT coalesce(sum(DISTINCT CASE asked.key" + bits + " ELSE " + std::to_string(kUnknown) +
         " END), 0) FROM (SELECT value, type FROM json_each" + json +
         " WHERE key IN ('up', 'down') UNION ALL SELECT d.value, d.type FROM json_each(" + json +
         ", '$.scenario') step, json_each(step.value) d WHERE d.key IN ('up', 'down')) direction, "
         "json_each(direction.value) asked WHERE direction.type = 'object')";
}

AskedPeriods::AskedPeriods(Database& database, std::string_view impairment) {
  const auto* place = std::find(std::begin(kImpairments), std::end(kImpairments), impairment);
  const bool is_none = impairment == "none";
  const std::int64_t bit = bit_of(static_cast<std::size_t>(place - std::begin(kImpairments)));
  if (place == std::end(kImpairments) && !is_none) return;
  Statement change(database, "SELECT link, at, asked FROM condition_changes ORDER BY link, at");
  LinkNumber last = 0;
  std::vector<Period>* open = nullptr;  ///< those of the link, if the last one goes on
  while (change.step()) {
    const LinkNumber link = change.integer(0);
    const api::WallTime at = change.integer(1);
    const std::int64_t asked = change.integer(2);
    const bool applies = is_none ? asked == 0 : (asked & bit) != 0;
    if (std::exchange(last, link) != link) open = nullptr;
    if (applies && open == nullptr) {
      open = &of_link_[link];
      open->push_back({at, kForEver});
    } else if (!applies && open != nullptr) {
      open->back().to = at;
      open = nullptr;
    }
  }
}

bool AskedPeriods::overlap(LinkNumber link, api::WallTime from, api::WallTime to) const {
  const auto found = of_link_.find(link);
  if (found == of_link_.end()) return false;
  const auto& periods = found->second;
  const auto period = std::upper_bound(periods.begin(), periods.end(), from,
                                       [](api::WallTime at, const Period& p) { return at < p.to; });
  return period != periods.end() && period->from <= to;
}

void AskedPeriods::define(Database& database) const {
  const int result =
      sqlite3_create_function_v2(database.handle(), "asked_while", 3, SQLITE_UTF8, const_cast<AskedPeriods*>(this),
                                 asked_while, nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) throw DatabaseError(result, sqlite3_errmsg(database.handle()));
}

}  // namespace wobble::daemon
