// What is wrong with conditions though every value could be read: ranges, which the table of settings has, and what
// belongs or does not belong together.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "api/conditions/field_error.h"
#include "emulator/conditions/conditions.h"

namespace wobble::api {

/// Whether the object at a place ("/up/loss") was sent with settings that stand in place of each other, of which
/// conditions can hold one only. Empty: none was.
using HasExclusion = std::function<bool(const std::string& place)>;

/// Every error in `conditions`, in the order of the fields; empty if it can be applied.
std::vector<FieldError> validate(const LinkConditions& conditions, const HasExclusion& has_exclusion = {});

/// Gathers what is wrong in one direction. Places are below it: "loss/list".
struct ConditionsChecker {
  void require(bool is_right, const char* place, const char* detail) {
    if (!is_right) errors.push_back({prefix + "/" + place, detail});
  }
  bool has_exclusion(const char* object) const { return is_exclusion_at && is_exclusion_at(prefix + "/" + object); }
  /// True the first time: a list that many steps share is long, and looked through once.
  bool is_new(const void* list) { return seen.insert(list).second; }

  std::string prefix;
  std::vector<FieldError>& errors;
  std::set<const void*>& seen;
  const HasExclusion& is_exclusion_at;
};

void check_delay(const DirectionConditions& conditions, ConditionsChecker& check);
void check_loss(const DirectionConditions& conditions, ConditionsChecker& check);
void check_reorder(const DirectionConditions& conditions, ConditionsChecker& check);
void check_rate(const DirectionConditions& conditions, ConditionsChecker& check);
void check_trace(const DirectionConditions& conditions, ConditionsChecker& check);
void check_queue(const DirectionConditions& conditions, ConditionsChecker& check);
void check_outage(const DirectionConditions& conditions, ConditionsChecker& check);
void check_slot(const DirectionConditions& conditions, ConditionsChecker& check);

}  // namespace wobble::api
