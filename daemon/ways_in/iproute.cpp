#include "daemon/ways_in/iproute.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "daemon/system/program.h"

namespace wobble::daemon {
namespace {

std::string batch_of(const std::vector<std::string>& lines) {
  std::string batch;
  for (const std::string& line : lines) batch += line + "\n";
  return batch;
}

// "Command failed -:3" names the line by its number; a person wants to read it.
std::string with_line(const std::string& message, const std::vector<std::string>& lines) {
  const auto at = message.rfind("-:");
  if (at == std::string::npos) return message;
  std::size_t number = 0;
  std::from_chars(message.data() + at + 2, message.data() + message.size(), number);
  if (number == 0 || number > lines.size()) return message;
  return message + " (ip " + lines[number - 1] + ")";
}

}  // namespace

const char* option_of(Family family) noexcept { return family == Family::v4 ? "-4" : "-6"; }

IpJson ask_ip(const std::vector<std::string>& words) {
  std::vector<std::string> command{"ip", "-N", "-json"};
  command.insert(command.end(), words.begin(), words.end());
  const std::string out = output_of(command);
  if (out.find_first_not_of(" \n") == std::string::npos) return IpJson::array();
  IpJson parsed = IpJson::parse(out, nullptr, false);
  if (!parsed.is_array()) throw std::runtime_error("'ip' did not answer with a list");
  return parsed;
}

IpJson ask_ip(Family family, std::vector<std::string> words) {
  words.insert(words.begin(), option_of(family));
  return ask_ip(words);
}

void do_ip(Family family, const std::vector<std::string>& lines) {
  if (lines.empty()) return;
  try {
    run_program({"ip", option_of(family), "-batch", "-"}, batch_of(lines));
  } catch (const std::system_error&) {
    throw;
  } catch (const std::runtime_error& e) {
    throw std::runtime_error(with_line(e.what(), lines));
  }
}

void try_ip(Family family, const std::vector<std::string>& lines) noexcept {
  if (lines.empty()) return;
  try {
    run_program({"ip", option_of(family), "-force", "-batch", "-"}, batch_of(lines));
  } catch (const std::exception&) {  // part of it was gone
  }
}

std::string member(const IpJson& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::optional<std::uint32_t> number_in(const IpJson& object, const char* key) {
  const std::string digits = member(object, key);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace wobble::daemon
