// "Did you mean": the known name nearest to a wrong one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace wobble::api {

/// The one of `known` with the least edit distance to `wrong` (Levenshtein, with swapped neighbours as one edit), if
/// it is near enough to be meant: at most a third of its letters, but two in any case. Empty if none is.
std::string_view nearest_name(std::string_view wrong, std::span<const std::string_view> known);

/// `unknown field "lose": did you mean "loss"?`, or the known ones if none is near. `what` is "field".
std::string unknown_name(std::string_view what, std::string_view wrong, std::span<const std::string_view> known);

}  // namespace wobble::api
