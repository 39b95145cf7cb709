// iproute2's `ip`, in the calling thread's network namespace: what it shows, as JSON, and what it is to do, as a batch.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace wobble::daemon {

using IpJson = nlohmann::json;

enum class Family : std::uint8_t { v4, v6 };
inline constexpr Family kFamilies[] = {Family::v4, Family::v6};
constexpr std::size_t index_of(Family family) noexcept { return static_cast<std::size_t>(family); }
const char* option_of(Family family) noexcept;  ///< "-4", "-6"

/// A list, with numbers for tables and protocols. Throws std::runtime_error if `ip` fails.
IpJson ask_ip(const std::vector<std::string>& words);
IpJson ask_ip(Family family, std::vector<std::string> words);

/// Lines such as "rule add priority 7900 iif e0 lookup 7901". Throws std::runtime_error with the line that failed;
/// those before it have been done.
void do_ip(Family family, const std::vector<std::string>& lines);
/// Does what can be done of it, and says nothing: to take back what may be gone already.
void try_ip(Family family, const std::vector<std::string>& lines) noexcept;

/// A member as text, whatever its type; empty if it is absent.
std::string member(const IpJson& object, const char* key);
/// A member that is a number, or one in a string.
std::optional<std::uint32_t> number_in(const IpJson& object, const char* key);

}  // namespace wobble::daemon
