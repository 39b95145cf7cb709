#include "api/conditions/dist_file.h"

#include <gmock/gmock.h>

#include "api/conditions/conditions_json.h"
#include "api/conditions/sha256.h"
#include "tests/api/temporary_file.h"

namespace wobble::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(DistFile, NumbersBetweenRemarks) {
  const auto table = parse_dist("# a remark 5\n -32768 0\t7\r\n\n# another\n32767");
  EXPECT_EQ(table.error, "");
  EXPECT_THAT(table.value, ElementsAre(-32768, 0, 7, 32767));
}

TEST(DistFile, AnErrorNamesTheLineAndNothingOfIt) {
  for (const char* text : {"# x\n1 2\n3 four", "# x\n\n32768", "# x\n\n1.5", "# x\n\n7secret"}) {
    const auto table = parse_dist(text);
    EXPECT_EQ(table.error, "line 3: whole numbers from -32768 to 32767 are expected") << text;
  }
  EXPECT_EQ(parse_dist("# nothing\n\n").error, "there is no number in it");
  std::string many;
  for (std::size_t i = 0; i <= kMaxTable; ++i) many += "1\n";
  EXPECT_EQ(parse_dist(many).error, "line 16385: more than 16384 values");
}

std::string error_of(const std::string& path) {
  Reading reading;
  return reading.table(path, "").error;
}

TEST(DistFile, WhatIsNoTableIsRefused) {
  EXPECT_THAT(error_of("x.dist"), HasSubstr("an absolute path is expected"));
  EXPECT_THAT(error_of("/no/such.dist"), HasSubstr("cannot be read: No such file"));
  EXPECT_THAT(error_of("/"), HasSubstr("is not a regular file"));
  EXPECT_THAT(error_of("/dev/zero"), HasSubstr("is not a regular file"));
  EXPECT_THAT(error_of(TemporaryFile(std::string((1 << 20) + 1, '#')).path()), HasSubstr("1 MiB"));
}

TEST(DistFile, IsReadIntoTheConditionsAndComesBackByItsName) {
  const TemporaryFile file("-8192 0 8192\n");
  std::vector<FieldError> errors;
  const Json asked = {
      {"up", {{"delay", {{"time", "80ms"}, {"jitter", "5ms"}, {"distribution", {{"file", file.path()}}}}}}}};
  const LinkConditions conditions = read_conditions(asked, errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(conditions.up.delay.distribution, Distribution::table);
  ASSERT_TRUE(conditions.up.delay.table.values);
  EXPECT_THAT(*conditions.up.delay.table.values, ElementsAre(-8192, 0, 8192));
  const Json written = to_json(conditions.up).at("delay").at("distribution");
  const Json expected = {{"file", file.path()}, {"values", 3}, {"sha256", sha256_of("-8192 0 8192\n")}};
  EXPECT_EQ(written, expected);

  // A patch replaces a table by another, by a file or by a name.
  for (const char* distribution : {R"({"table":[5]})", R"("normal")"}) {
    const Json patch = {{"up", {{"delay", {{"distribution", Json::parse(distribution)}}}}}};
    EXPECT_EQ(to_json(merge_conditions(conditions, patch, errors)).at("up").at("delay").at("distribution"),
              Json::parse(distribution));
  }
  EXPECT_EQ(merge_conditions(conditions, asked, errors), conditions);
  EXPECT_EQ(read_conditions(to_json(conditions), errors), conditions) << "what comes back goes in";
  EXPECT_TRUE(errors.empty());
}

TEST(DistFile, AWrongOneIsAnErrorOfItsField) {
  const TemporaryFile file("1\n2\nx\n");
  const std::pair<Json, const char*> cases[] = {
      {{{"file", file.path()}}, "/up/delay/distribution/file"},
      {{{"file", 5}}, "/up/delay/distribution/file"},
      {{{"file", "/x"}, {"table", {1}}}, "/up/delay/distribution/file"},
      {{{"table", {1, 40000}}}, "/up/delay/distribution/table"},
      {{{"table", Json::array()}}, "/up/delay/distribution"},
      {{{"table", {1}}, {"values", 1U}}, "/up/delay/distribution/values"},
      {{{"table", {1}}, {"sha256", std::string(64, 'a')}}, "/up/delay/distribution/sha256"},
      {{{"fiel", "/x"}}, "/up/delay/distribution/fiel"},
  };
  for (const auto& [distribution, pointer] : cases) {
    std::vector<FieldError> errors;
    read_conditions({{"up", {{"delay", {{"time", "1ms"}, {"distribution", distribution}}}}}}, errors);
    ASSERT_EQ(errors.size(), 1u) << distribution;
    EXPECT_EQ(errors[0].pointer, pointer);
  }
}

}  // namespace
}  // namespace wobble::api
