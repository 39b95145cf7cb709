#include "daemon/cli/words/link_words.h"

#include <utility>
#include <vector>

#include "api/conditions/netem_words.h"
#include "daemon/cli/words/failure.h"

namespace wobble::daemon {
namespace {

void check(const char* option, const std::string& words) {
  const std::vector<std::string> list = api::split_words(words);
  if (list.empty()) return;
  const api::NetemWords read = api::parse_netem_words(list);
  if (!read.errors.empty()) throw Failure(kExitUsage, std::string(option) + ": " + read.errors[0]);
}

}  // namespace

void check_conditions(const std::string& both, const std::string& up, const std::string& down) {
  check("--both", both);
  check("--up", up);
  check("--down", down);
}

void add_conditions(Json& body, const std::string& both, const std::string& up, const std::string& down) {
  const std::pair<const char*, const std::string*> directions[] = {{"both", &both}, {"up", &up}, {"down", &down}};
  for (const auto& [name, words] : directions) {
    if (!words->empty()) body[name] = {{"netem", *words}};
  }
}

}  // namespace wobble::daemon
