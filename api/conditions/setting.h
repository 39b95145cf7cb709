// What one setting is, said once: from it follow its JSON, both ways, what a PATCH does to it, its range, and what
// OpenAPI, /schema/conditions and the page say of it. The table of all of them is settings_table.h.
//
// A setting is a member of some struct, its owner, which is passed here as void*; setting_access.h makes the functions
// that know the type. Plain constants; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/conditions/reading.h"
#include "api/json.h"

namespace wobble::api {

/// What a value is made of. The order is that of kKindNames.
enum class Kind : std::uint8_t {
  object,
  time,
  percent,
  size,
  overhead,
  rate,
  frequency,
  mean_packets,
  limit,
  distance,
  count,
  flag,
  choice,
  distribution,
  numbers,
  pattern,
  file,
  last = file
};
inline constexpr std::string_view kKindNames[] = {
    "object",   "time",  "percent", "size",   "overhead",     "rate",    "frequency", "mean_packets", "limit",
    "distance", "count", "flag",    "choice", "distribution", "numbers", "pattern",   "file"};
static_assert(std::size(kKindNames) == static_cast<std::size_t>(Kind::last) + 1);

/// Both ends are in it. In the smallest unit there is: nanoseconds, bytes, bits a second, parts per billion.
struct Range {
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view zero{};  ///< what 0 stands for, beside the range: "not limited"; empty: nothing beside
  std::string_view rule{};  ///< what an error says in place of the two ends
};

struct ConditionsChecker;

struct Setting {
  std::string_view name;  ///< the JSON member
  std::string_view example{};
  std::optional<Range> range{};
  std::string_view standard{};  ///< the default in words, where it depends on other settings
  std::string_view help{};      ///< one phrase; empty: the name says it
  /// Settings of one object that stand in place of each other have different ones; empty: it goes with all. To name one
  /// takes back those of the others.
  std::string_view alternative{};
  /// The disciplines of the queue that it is a parameter of; empty: all.
  std::span<const std::string_view> disciplines{};
  bool is_secondary = false;  ///< goes with its alternative, but does not take back the others
  bool is_always_written = false;
  /// Says it behind the impairment in `wobble set` and `wobble status`, where netem has no place for it.
  std::string_view word{};
  std::span<const std::string_view> choices{};
  std::size_t longest = 0;  ///< of a list or a pattern: how many at most

  // Of an object.
  std::span<const Setting> inside{};
  std::string_view shorthand{};   ///< the member that may be written in place of the whole object
  bool is_written_short = false;  ///< where nothing else of the object is asked
  void (*before)(const Json& patch, void* object) = nullptr;
  /// `is_new`: it was not there before.
  void (*after)(const Json& value, void* object, bool is_new) = nullptr;
  /// What is wrong though each value is in its range.
  void (*check)(const DirectionConditions&, ConditionsChecker&) = nullptr;

  // Made by setting_access.h.
  Kind kind = Kind::object;
  void (*read)(const Setting&, const Json&, const std::string& pointer, void* owner, Reading&) = nullptr;
  Json (*write)(const Setting&, const void* owner) = nullptr;  ///< null: it is at its default
  void (*reset)(void* owner) = nullptr;                        ///< null: as what is inside
  std::optional<std::int64_t> (*number)(const void* owner) = nullptr;
  std::string (*print)(std::int64_t) = nullptr;
  void* (*open)(void* owner, bool& is_new) = nullptr;  ///< of an object; makes it where there is none
  const void* (*look)(const void* owner) = nullptr;    ///< null: there is none
  bool (*is_default)(const void* owner) = nullptr;     ///< never null of what has an alternative, and is read
};

/// Reads `value` over what the owner has: what `value` does not name stays, and null is back to default (RFC 7396).
/// Every error is told, with its pointer below `pointer`; ranges are not looked at.
void read_setting(const Setting& setting, const Json& value, const std::string& pointer, void* owner, Reading& reading);
/// Null: it is at its default.
Json write_setting(const Setting& setting, const void* owner);

/// As write_setting() and read_setting() do it where a setting has nothing of its own.
void read_object(const Setting& setting, const Json& value, const std::string& pointer, void* owner, Reading& reading);
Json write_object(const Setting& setting, const void* owner);

/// Null: none has that name.
const Setting* find_setting(std::span<const Setting> settings, std::string_view name);

/// Back to its default.
void reset_setting(const Setting& setting, void* owner);

/// One of the setting's choices, by its place; an error, and nothing, if it is none.
std::optional<std::size_t> read_choice(const Setting& setting, const Json& value, const std::string& pointer,
                                       Reading& reading);

/// "0 to 10m", "at most 1GB", "0 (never) to 168h".
std::string range_text(const Setting& setting);

}  // namespace wobble::api
