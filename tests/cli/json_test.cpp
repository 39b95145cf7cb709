#include "daemon/cli/words/json.h"

#include <gtest/gtest.h>

namespace {

using namespace wobble::daemon;

TEST(Json, no_shape_of_it_throws) {
  for (const char* shape : {"null", "7", "\"x\"", "[1,2]", "{\"a\":[]}", "true"}) {
    const Json value = Json::parse(shape);
    EXPECT_TRUE(field(value, "b").is_null());
    EXPECT_EQ(text(value, "b"), "");
    EXPECT_FALSE(number(value, "a"));
    EXPECT_EQ(count(value, "a"), 0U);
    EXPECT_TRUE(items(value, "b").empty());
    EXPECT_FALSE(is_true(value, "a"));
  }
}

TEST(Json, text_is_clean) {
  EXPECT_EQ(text(Json::parse("{\"a\":\"x\\u001b[2Jy\"}"), "a"), "x\uFFFD[2Jy");
  EXPECT_EQ(text(Json::parse("{\"a\":17}"), "a"), "17");
  EXPECT_EQ(text(Json::parse("{\"a\":null}"), "a"), "");
}

TEST(Json, printed_keeps_its_order_and_its_numbers) {
  const std::string document = R"({"z":9007199254740991,"a":[1.5,null],"m":{}})";
  EXPECT_EQ(print_json(Json::parse(document), -1), document);
}

TEST(Json, printed_holds_no_control_character_and_means_the_same) {
  const Json value = {{"a", "\x1b[2J \x7f \xc2\x9b grün"}};
  const std::string printed = print_json(value, -1);
  EXPECT_EQ(printed, R"({"a":"\u001b[2J \u007f \u009b grün"})");
  EXPECT_EQ(Json::parse(printed), value);
}

}  // namespace
