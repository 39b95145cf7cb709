// The bottleneck: its rate, or a trace in place of one, and the queue before it.
#pragma once

#include <string_view>

#include "api/conditions/setting.h"

namespace wobble::api {

extern const Setting kRateSetting, kTraceSetting, kQueueSetting;

inline constexpr std::string_view kDisciplines[] = {"droptail", "drophead", "codel", "pie", "red", "fq_codel"};
static_assert(std::size(kDisciplines) == static_cast<std::size_t>(Discipline::fq_codel) + 1);

}  // namespace wobble::api
