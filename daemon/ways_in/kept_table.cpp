#include "daemon/ways_in/kept_table.h"

#include "daemon/system/program.h"

namespace wobble::daemon {
namespace {

std::string listed(const std::string& table) {
  const Finished finished = run_process({"nft", "list", "table", "inet", table});
  return finished.exit_code == 0 ? finished.out : "";
}

}  // namespace

std::string in_place_of(const std::string& table, const std::string& rules) {
  return "table inet " + table + "\ndelete table inet " + table + "\ntable inet " + table + " {\n" + rules + "}\n";
}

void KeptTable::make() {
  run_program({"nft", "-f", "-"}, in_place_of(name_, rules_));
  as_made_ = listed(name_);
}

bool KeptTable::mend() {
  if (listed(name_) == as_made_) return false;
  make();
  return true;
}

}  // namespace wobble::daemon
