// The journal's tables and how older files are brought up to them.
//
// Migrations are append-only: what was released is never edited. Each runs in a transaction of its own together with
// its PRAGMA user_version, so that a daemon killed in the middle finds the file as it was before that step.
#pragma once

#include <span>

#include "daemon/journal/database.h"

namespace wobble::daemon {

/// PRAGMA application_id: "wobl".
inline constexpr std::int32_t kApplicationId = 0x776f626c;

struct Migration {
  int version;      ///< what user_version is afterwards; 1, 2, 3, ...
  const char* sql;  ///< any number of statements
};

/// In order; the last one's version is this daemon's.
std::span<const Migration> migrations();

/// Brings a database up to the last of `steps`. Throws std::runtime_error ("has schema 7, this version of wobble knows
/// schemas up to 1") if it is newer, DatabaseError if a step fails; the steps before it stay done.
void migrate(Database& database, std::span<const Migration> steps);

}  // namespace wobble::daemon
