// All that can be asked of a direction: one row for each setting (setting.h says what a row is).
#pragma once

#include <span>

#include "api/conditions/setting.h"

namespace wobble::api {

/// In the order in which a packet meets them; each is an object of DirectionConditions.
std::span<const Setting> impairments();

/// Those that have files of their own.
extern const Setting kLossSetting, kRateSetting, kTraceSetting, kQueueSetting;

inline constexpr std::string_view kDisciplines[] = {"droptail", "drophead", "codel", "pie", "red", "fq_codel"};
static_assert(std::size(kDisciplines) == static_cast<std::size_t>(Discipline::fq_codel) + 1);
inline constexpr std::string_view kScopes[] = {"link", "connection"};
static_assert(std::size(kScopes) == static_cast<std::size_t>(Scope::connection) + 1);
inline constexpr std::string_view kIdleActions[] = {"drop", "reset"};
static_assert(std::size(kIdleActions) == static_cast<std::size_t>(IdleAction::reset) + 1);
inline constexpr std::string_view kDistributions[] = {"uniform", "normal", "pareto", "paretonormal"};
static_assert(std::size(kDistributions) == static_cast<std::size_t>(Distribution::table));

}  // namespace wobble::api
