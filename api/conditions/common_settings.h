// Settings that several impairments have.
#pragma once

#include "api/conditions/setting_access.h"

namespace wobble::api {

constexpr std::int64_t in_nanoseconds(Duration d) { return d.count(); }

inline constexpr Range kChances{0, Probability::kOne};
inline constexpr Range kCorrelations{
    0, Probability::kOne - 1, {}, "below 100%: with it the first packet would decide for all"};

template <auto Member>
constexpr Setting correlation(std::string_view help, std::string_view alternative = {}) {
  return in<InPercent, Member>({.name = "correlation",
                                .example = "25%",
                                .range = kCorrelations,
                                .help = help,
                                .alternative = alternative,
                                .is_secondary = true});
}

inline constexpr std::string_view kScopes[] = {"link", "connection"};
static_assert(std::size(kScopes) == static_cast<std::size_t>(Scope::connection) + 1);

template <auto Member>
constexpr Setting per() {
  return choice<Member>({.name = "per",
                         .help = "whose memory: the direction's, or each connection's own",
                         .word = "per",
                         .choices = kScopes});
}

template <auto Member>
constexpr Setting chance(std::string_view name, std::string_view example, std::string_view help = {},
                         std::string_view standard = {}) {
  return in<InPercent, Member>({.name = name,
                                .example = example,
                                .range = kChances,
                                .standard = standard,
                                .help = help,
                                .is_always_written = true});
}

}  // namespace wobble::api
