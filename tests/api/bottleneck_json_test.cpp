// Rate, trace and queue as JSON, as netem's words and as files.

#include <gmock/gmock.h>

#include <random>

#include "api/conditions/conditions_json.h"
#include "api/conditions/netem_words.h"
#include "api/conditions/sha256.h"
#include "tests/api/temporary_file.h"

namespace wobble::api {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

LinkConditions read_ok(const std::string& text) {
  std::vector<FieldError> errors;
  const LinkConditions conditions = read_conditions(Json::parse(text), errors);
  for (const FieldError& e : errors) ADD_FAILURE() << text << " " << e.pointer << ": " << e.detail;
  return conditions;
}

/// "pointer: detail" of every error.
std::vector<std::string> errors_of(const std::string& text) {
  std::vector<FieldError> errors;
  read_conditions(Json::parse(text), errors);
  std::vector<std::string> out;
  for (const FieldError& e : errors) out.push_back(e.pointer + ": " + e.detail);
  return out;
}

Json merged(const std::string& present, const std::string& patch) {
  std::vector<FieldError> errors;
  const LinkConditions conditions = merge_conditions(read_ok(present), Json::parse(patch), errors);
  for (const FieldError& e : errors) ADD_FAILURE() << patch << " " << e.pointer << ": " << e.detail;
  return to_json(conditions.up);
}

TEST(BottleneckJson, WhatGoesInComesBack) {
  const char* documents[] = {
      R"({"rate":"5mbit"})",
      R"({"rate":{"rate":"5mbit","burst":"32kB","overhead":"38B","cell":{"size":"48B","overhead":"5B"}}})",
      R"({"rate":{"rate":"5mbit","overhead":"-14B"}})",
      R"({"rate":"5mbit","queue":{"limit":"100packets","discipline":"drophead"}})",
      R"({"rate":"5mbit","queue":{"discipline":"codel","ecn":true,"target":"10ms","interval":"50ms"}})",
      R"({"rate":"5mbit","queue":{"discipline":"pie","target":"20ms","tupdate":"30ms","alpha":"0.125Hz",
          "beta":"1.25Hz","max_burst":"0ms"}})",
      R"({"rate":"5mbit","queue":{"discipline":"red","min":"30kB","max":"90kB","probability":"10%","avpkt":"1400B"}})",
      R"({"rate":"5mbit","queue":{"limit":"200ms","discipline":"fq_codel","ecn":true,"flows":32,"quantum":"300B"}})",
      R"({"trace":{"ms":[0,4,4,12]},"queue":{"discipline":"codel"}})",
      R"({"rate":"5mbit","loss":{"random":"1%","after_rate":true}})",
  };
  for (const char* document : documents) {
    const Json given = Json::parse(document);
    const LinkConditions c = read_ok(Json{{"up", given}}.dump());
    Json written = to_json(c.up);
    EXPECT_EQ(written.contains("loss") ? written.at("loss") : Json(),
              given.contains("loss") ? given.at("loss") : Json());
    for (const auto& [name, value] : given.items()) {
      const Json again = written.at(name);
      EXPECT_EQ(read_ok(Json{{"up", written}}.dump()), c) << document;
      EXPECT_TRUE(again == value || !(name == "trace" || value.is_string())) << again;
      if (value.is_object()) {
        for (const auto& [field, content] : value.items()) EXPECT_TRUE(again.contains(field)) << document << field;
      }
    }
  }
  const LinkConditions c = read_ok(std::string(R"({"up":)") + documents[1] + "}");
  EXPECT_EQ(c.up.rate.bits_per_second, 5'000'000u);
  EXPECT_EQ(c.up.rate.burst, 32'000u);
  EXPECT_EQ(c.up.rate.overhead, 38);
  EXPECT_EQ(c.up.rate.cell_size, 48u);
  EXPECT_EQ(c.up.rate.cell_overhead, 5u);
}

TEST(BottleneckJson, APatchAddsToWhatIsThere) {
  EXPECT_EQ(merged(R"({"up":{"rate":"5mbit"}})", R"({"up":{"rate":{"burst":"32000B"}}})"),
            Json::parse(R"({"rate":{"rate":"5mbit","burst":"32kB"}})"));
  EXPECT_EQ(merged(R"({"up":{"rate":{"rate":"5mbit","burst":"32kB"}}})", R"({"up":{"rate":"1mbit"}})"),
            Json::parse(R"({"rate":"1mbit"})"))
      << "a shorthand stands for all";
  EXPECT_EQ(merged(R"({"up":{"rate":"5mbit","queue":"9packets"}})", R"({"up":{"queue":{"discipline":"codel"}}})"),
            Json::parse(R"({"rate":"5mbit","queue":{"limit":"9packets","discipline":"codel"}})"));
  EXPECT_EQ(
      merged(R"({"up":{"rate":"5mbit","queue":{"limit":"9packets","discipline":"codel","ecn":true,"target":"9ms"}}})",
             R"({"up":{"queue":{"discipline":"red"}}})"),
      Json::parse(R"({"rate":"5mbit","queue":{"limit":"9packets","discipline":"red"}})"))
      << "the parameters of the other are its own";
  EXPECT_EQ(merged(R"({"up":{"rate":"5mbit","queue":{"discipline":"codel","ecn":true}}})",
                   R"({"up":{"queue":{"discipline":null}}})"),
            Json::parse(R"({"rate":"5mbit"})"));
  EXPECT_EQ(merged(R"({"up":{"rate":"5mbit"}})", R"({"up":{"rate":null,"trace":{"ms":[3]}}})"),
            Json::parse(R"({"trace":{"ms":[3]}})"));
}

TEST(BottleneckJson, WhatIsWrongIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"up":{"rate":{"burst":"32kB"}}})", "/up/rate: burst, overhead and cell say how a rate is kept"},
      {R"({"up":{"rate":{"rate":"5mbit","burst":"2GB"}}})", "/up/rate/burst: must be at most 1GB"},
      {R"({"up":{"rate":{"rate":"5mbit","overhead":"-2kB"}}})", "/up/rate/overhead: must be -1500B to 1500B"},
      {R"({"up":{"rate":{"rate":"5mbit","overhead":14}}})", "\"14\" has no unit"},
      {R"({"up":{"rate":{"rate":"5mbit","cell":{"size":"4B"}}}})",
       "/up/rate/cell/size: must be 0 (no cells) or 8B to 65535B"},
      {R"({"up":{"rate":{"rate":"5mbit","cell":{"overhead":"5B"}}}})", "/up/rate/cell/size: is missing"},
      {R"({"up":{"rate":{"rate":"5mbit","cell":"53B"}}})", "/up/rate/cell: an object is expected"},
      {R"({"up":{"rate":{"bits":"5mbit"}}})", "/up/rate/bits: "},
      {R"({"up":{"queue":{"discipline":"codel"}}})", "/up/queue/discipline: needs a rate or a trace"},
      {R"({"up":{"rate":"5mbit","queue":{"discipline":"fqcodel"}}})", "did you mean \"fq_codel\""},
      {R"({"up":{"rate":"5mbit","queue":{"ecn":true}}})", "/up/queue/ecn: belongs to codel, pie, red and fq_codel"},
      {R"({"up":{"rate":"5mbit","queue":{"discipline":"red","target":"5ms"}}})", "/up/queue/target: belongs to codel"},
      {R"({"up":{"rate":"5mbit","queue":{"discipline":"codel","gentle":true}}})", "/up/queue/gentle: belongs to red"},
      {R"({"up":{"rate":"5mbit","queue":{"discipline":"codel","flows":8}}})", "/up/queue/flows: belongs to fq_codel"},
      {R"({"up":{"rate":"5mbit","queue":{"discipline":"fq_codel","flows":0}}})", "/up/queue/flows: must be 1 to 65536"},
      {R"({"up":{"rate":"5mbit","queue":{"discipline":"codel","target":"0ms"}}})",
       "/up/queue/target: must be 1us to 1m"},
      {R"({"up":{"rate":"5mbit","queue":{"discipline":"pie","alpha":0.125}}})", "write \"0.125Hz\""},
      {R"({"up":{"rate":"5mbit","queue":{"discipline":"red","min":"9kB","max":"3kB"}}})",
       "/up/queue/min: must be below max"},
      {R"({"up":{"rate":"5mbit","trace":{"ms":[1]}}})", "/up/trace: stands in place of a rate"},
      {R"({"up":{"trace":{"ms":[]}}})", "/up/trace/ms: has no opportunity"},
      {R"({"up":{"trace":{"ms":[0,0]}}})", "/up/trace/ms: must last for some time"},
      {R"({"up":{"trace":{"ms":[4,3]}}})", "/up/trace/ms: goes back in time"},
      {R"({"up":{"trace":{"ms":[1,-1,"2"]}}})", "/up/trace/ms/1: a whole number"},
      {R"({"up":{"trace":{"ms":7}}})", "/up/trace/ms: a list"},
      {R"({"up":{"trace":{"file":"x.trace"}}})", "/up/trace/file: an absolute path is expected"},
      {R"({"up":{"trace":{"file":"/nowhere/x.trace"}}})", "/up/trace/file: cannot be read: No such file"},
      {R"({"up":{"trace":{"file":"/dev/zero"}}})", "/up/trace/file: is not a regular file"},
      {R"({"up":{"trace":{"file":"/a","ms":[1]}}})", "/up/trace/ms: is what the file has"},
      {R"({"up":{"loss":{"after_rate":true}}})", "/up/loss/after_rate: says where packets are lost"},
  };
  for (const auto& [document, error] : cases) {
    EXPECT_THAT(errors_of(document), testing::Contains(HasSubstr(error))) << document;
  }
}

TEST(TraceFile, IsReadLineByLine) {
  const TemporaryFile file("0\n4\r\n4\n12");
  const LinkConditions c = read_ok(Json{{"up", {{"trace", file.path()}}}}.dump());
  ASSERT_TRUE(c.up.trace.ms);
  EXPECT_THAT(*c.up.trace.ms, ElementsAre(0u, 4u, 4u, 12u));
  const Json expected = {{"file", file.path()}, {"values", 4}, {"sha256", sha256_of("0\n4\r\n4\n12")}};
  EXPECT_EQ(to_json(c.up), (Json{{"trace", expected}})) << "by its name";
  EXPECT_EQ(read_ok(to_json(c).dump()), c) << "what comes back goes in";
}

TEST(TraceFile, ErrorsNameTheLineAndTellNothingOfIt) {
  const std::pair<const char*, const char*> cases[] = {
      {"1\nroot:x:0:0\n3\n", "line 2 is not a whole number of milliseconds"},
      {"1\n\n3\n", "line 2 is not a whole number"},
      {"1\n-2\n", "line 2 is not a whole number"},
      {"1\n2 \n", "line 2 is not a whole number"},
      {"1\n99999999999\n", "line 2 is not a whole number"},
      {"5\n6\n4\n", "line 3 goes back in time"},
      {"", "is empty"},
      {"0\n0\n", "lasts for no time"},
  };
  for (const auto& [content, error] : cases) {
    const TemporaryFile file(content);
    Reading reading;
    const std::string found = reading.trace(file.path(), "").error;
    EXPECT_THAT(found, HasSubstr(error)) << content;
    EXPECT_THAT(found, testing::Not(HasSubstr("root")));
  }
}

TEST(TraceFile, APatchOfSomethingElseDoesNotReadItAgain) {
  LinkConditions present;
  std::string path;
  {
    const TemporaryFile file("1\n2\n");
    path = file.path();
    present = read_ok(Json{{"up", {{"trace", path}}}}.dump());
  }
  std::vector<FieldError> errors;
  const LinkConditions c = merge_conditions(present, Json::parse(R"({"up":{"delay":"5ms"}})"), errors);
  EXPECT_THAT(errors, IsEmpty());
  EXPECT_EQ(c.up.trace, present.up.trace);
  EXPECT_EQ(c.up.delay.time, 5ms);
  merge_conditions(present, Json{{"up", {{"trace", path}}}}, errors);
  EXPECT_EQ(errors.size(), 1u) << "to name it is to read it";
}

TEST(BottleneckWords, NetemsAndTcs) {
  const std::pair<const char*, const char*> cases[] = {
      {"rate 5mbit 20", R"({"rate":{"rate":"5mbit","overhead":"20B"}})"},
      {"rate 5mbit -14 48 5", R"({"rate":{"rate":"5mbit","overhead":"-14B","cell":{"size":"48B","overhead":"5B"}}})"},
      {"rate 5mbit 0 48", R"({"rate":{"rate":"5mbit","overhead":"0B","cell":{"size":"48B"}}})"},
      {"rate 5mbit burst 32kB delay 1ms", R"({"rate":{"rate":"5mbit","burst":"32kB"},"delay":{"time":"1ms"}})"},
      {"rate 1mbit queue codel", R"({"rate":"1mbit","queue":{"discipline":"codel"}})"},
      {"queue 100packets fq_codel ecn target 5ms flows 64 loss 1%",
       R"({"queue":{"limit":"100packets","discipline":"fq_codel","ecn":true,"target":"5ms","flows":64},"loss":{"random":"1%"}})"},
      {"queue red gentle limit 64kB min 10kB max 30kB probability 5%",
       R"({"queue":{"discipline":"red","gentle":true,"limit":"64kB","min":"10kB","max":"30kB","probability":"5%"}})"},
      {"trace /x.trace", R"({"trace":{"file":"/x.trace"}})"},
      {"loss 1% after_rate rate 1mbit", R"({"loss":{"random":"1%","after_rate":true},"rate":"1mbit"})"},
  };
  for (const auto& [words, expected] : cases) {
    const NetemWords parsed = parse_netem_words(split_words(words));
    EXPECT_THAT(parsed.errors, IsEmpty()) << words;
    EXPECT_EQ(parsed.direction, Json::parse(expected)) << words;
  }
  const std::pair<const char*, const char*> wrong[] = {
      {"rate 5mbit 1 2 3 4", "at most a packet overhead"},
      {"rate 5mbit 1.5", "\"1.5\" has no unit"},
      {"queue", "a limit such as 100packets, or a discipline"},
      {"queue codel target", "queue target: its value is missing"},
  };
  for (const auto& [words, error] : wrong) {
    EXPECT_THAT(parse_netem_words(split_words(words)).errors, testing::Contains(HasSubstr(error))) << words;
  }
}

}  // namespace
}  // namespace wobble::api
