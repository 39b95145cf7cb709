#include "daemon/cli/words/table.h"

#include <gtest/gtest.h>

namespace {

using namespace wobble::daemon;

TEST(Table, aligns_by_columns_not_bytes_and_leaves_no_space_at_the_end) {
  Table table({{"id", Table::Align::right}, {"name"}, {"end"}});
  table.add({{"7"}, {"ä→b"}, {"x"}});
  table.add({{"123"}, {"longer"}});
  EXPECT_EQ(table.print(Paint{}),
            " id  name    end\n"
            "  7  ä→b     x\n"
            "123  longer\n");
}

TEST(Table, without_heads_has_no_head_line) {
  Table table({{""}, {""}});
  table.add({{"a"}, {"b"}});
  EXPECT_EQ(table.print(Paint{}), "a  b\n");
}

TEST(Table, colour_does_not_move_anything) {
  Table table({{"a"}, {"b"}});
  table.add({{"x", Colour::red}, {"y"}});
  EXPECT_EQ(table.print(Paint{true}), "\033[2ma\033[0m  \033[2mb\033[0m\n\033[31mx\033[0m  y\n");
}

}  // namespace
