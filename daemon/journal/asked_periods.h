// When something was asked of each link: for a filter that must tell of a million connections, one by one, what was in
// force while they lived.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/batch.h"
#include "daemon/journal/database.h"

namespace wobble::daemon {

/// The value of condition_changes.asked for the JSON that `conditions` stands for (a column or a parameter, in SQL): a
/// bit for each impairment that is asked of either direction, be it in a step of its scenario only; 0: a clean link.
std::string asked_sql(const std::string& conditions);

class AskedPeriods {
 public:
  /// Of the impairment of that name, or of a clean link ("none"), as far as `database` knows. A name that is none has
  /// no periods. Throws DatabaseError.
  AskedPeriods(Database& database, std::string_view impairment);
  AskedPeriods(const AskedPeriods&) = delete;
  AskedPeriods& operator=(const AskedPeriods&) = delete;

  /// Whether it was asked of the link at some moment between the two.
  bool overlap(LinkNumber link, api::WallTime from, api::WallTime to) const;

  /// From now on `database` has a function asked_while(link, opened_at, closed_at) in SQL, which says so. This must
  /// live until its last statement that calls it is finalized. Throws DatabaseError.
  void define(Database& database) const;

 private:
  struct Period {
    api::WallTime from;
    api::WallTime to;  ///< it had ended by then
  };
  std::map<LinkNumber, std::vector<Period>> of_link_;  ///< one behind the other
};

}  // namespace wobble::daemon
