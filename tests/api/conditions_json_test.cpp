#include "api/conditions/conditions_json.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/api/any_conditions.h"

namespace wobble::api {
namespace {

using namespace std::chrono_literals;

LinkConditions read_ok(const char* text) {
  std::vector<FieldError> errors;
  const LinkConditions conditions = read_conditions(Json::parse(text), errors);
  for (const FieldError& e : errors) ADD_FAILURE() << text << " " << e.pointer << ": " << e.detail;
  return conditions;
}

std::set<std::string> wrong_pointers(const char* text) {
  std::vector<FieldError> errors;
  read_conditions(Json::parse(text), errors);
  std::set<std::string> pointers;
  for (const FieldError& e : errors) EXPECT_TRUE(pointers.insert(e.pointer).second) << "twice: " << e.pointer;
  return pointers;
}

Json merged(const char* present, const char* patch) {
  std::vector<FieldError> errors;
  const LinkConditions conditions = merge_conditions(read_ok(present), Json::parse(patch), errors);
  for (const FieldError& e : errors) ADD_FAILURE() << patch << " " << e.pointer << ": " << e.detail;
  return to_json(conditions.up);
}

TEST(ConditionsJson, WhatIsWrittenIsReadBackTheSame) {
  AnyConditions any(1);
  for (int i = 0; i < 500; ++i) {
    const LinkConditions conditions{any.direction(), any.direction()};
    std::vector<FieldError> errors;
    const Json text = Json::parse(to_json(conditions).dump());
    ASSERT_EQ(read_conditions(text, errors), conditions) << text;
    ASSERT_TRUE(errors.empty()) << text << errors[0].pointer << errors[0].detail;
    // And merging nothing changes nothing.
    ASSERT_EQ(merge_conditions(conditions, Json::object(), errors), conditions) << text;
  }
}

TEST(ConditionsJson, NothingAskedIsNothingWritten) {
  EXPECT_EQ(to_json(DirectionConditions{}), Json::object());
  EXPECT_EQ(read_ok("{}"), LinkConditions{});
  EXPECT_EQ(read_ok(R"({"up":{"delay":"0","loss":0,"duplicate":"0%","rate":0,"outage":false}})"), LinkConditions{});
  EXPECT_EQ(read_ok(R"({"up":{"delay":null},"down":null})"), LinkConditions{});
}

TEST(ConditionsJson, Shorthands) {
  const LinkConditions c = read_ok(
      R"({"both":{"delay":"80ms","loss":"0.3%","duplicate":"1%","corrupt":"1%","reorder":"5%","rate":"5mbit",
          "queue":"100packets","outage":true,"slot":"5ms","mtu":"1400B","idle_timeout":"5m"}})");
  EXPECT_EQ(c.up, c.down);
  EXPECT_EQ(to_json(c.up), Json::parse(R"({"delay":{"time":"80ms"},"loss":{"random":"0.3%"},
    "duplicate":{"percent":"1%"},"corrupt":{"percent":"1%"},"reorder":{"percent":"5%","by":"3packets"},"rate":"5mbit",
    "queue":{"limit":"100packets"},"outage":{"on":true},"slot":{"min":"5ms"},"mtu":{"bytes":"1400B"},
    "idle_timeout":{"time":"5m"}})"));
  EXPECT_EQ(read_ok(R"({"up":{"netem":"delay 100ms 10ms loss 1%"}})").up,
            read_ok(R"({"up":{"delay":{"time":"100ms","jitter":"10ms"},"loss":"1%"}})").up);
}

TEST(ConditionsJson, EveryFieldWrongIsEveryFieldReported) {
  EXPECT_EQ(wrong_pointers(R"({
    "up": {
      "delay": {"time": 80, "jitter": true, "distribution": "pareot", "correlation": "25", "per": "flow", "reorder": "yes", "tiem": 1},
      "loss": {"random": "200%", "gilbert_elliott": {"p": "x", "r": [], "1-h": {}, "1-k": 5, "h": 1}, "state": 1},
      "duplicate": {"percent": "-1%", "correlation": "100%", "per": 1},
      "corrupt": {"percent": false, "bits": 1.5, "fix_checksum": 1},
      "reorder": {"percent": "5", "by": "3", "gap": "5"},
      "rate": "5kbps",
      "queue": {"limit": "100", "discipline": "codel"},
      "outage": {"on": 1, "up_for": "10", "down_for": 5, "drop_in_flight": "no"},
      "slot": {"min": "5", "max": true, "packets": -1, "bytes": "64", "bits": 1},
      "mtu": {"bytes": 1400, "icmp": "yes", "icpm": true},
      "idle_timeout": {"time": "5", "then": "forget", "than": "drop"},
      "latency": "5ms"
    },
    "down": []})"),
            (std::set<std::string>{"/up/delay/time",
                                   "/up/delay/jitter",
                                   "/up/delay/distribution",
                                   "/up/delay/correlation",
                                   "/up/delay/per",
                                   "/up/delay/reorder",
                                   "/up/delay/tiem",
                                   "/up/loss/random",
                                   "/up/loss/gilbert_elliott/p",
                                   "/up/loss/gilbert_elliott/r",
                                   "/up/loss/gilbert_elliott/1-h",
                                   "/up/loss/gilbert_elliott/1-k",
                                   "/up/loss/gilbert_elliott/h",
                                   "/up/loss/state",
                                   "/up/duplicate/percent",
                                   "/up/duplicate/correlation",
                                   "/up/duplicate/per",
                                   "/up/corrupt/percent",
                                   "/up/corrupt/bits",
                                   "/up/corrupt/fix_checksum",
                                   "/up/reorder/percent",
                                   "/up/reorder/by",
                                   "/up/reorder/gap",
                                   "/up/rate",
                                   "/up/queue/limit",
                                   "/up/queue/discipline",
                                   "/up/outage/on",
                                   "/up/outage/up_for",
                                   "/up/outage/down_for",
                                   "/up/outage/drop_in_flight",
                                   "/up/slot/min",
                                   "/up/slot/max",
                                   "/up/slot/packets",
                                   "/up/slot/bytes",
                                   "/up/slot/bits",
                                   "/up/mtu/bytes",
                                   "/up/mtu/icmp",
                                   "/up/mtu/icpm",
                                   "/up/idle_timeout/time",
                                   "/up/idle_timeout/then",
                                   "/up/idle_timeout/than",
                                   "/up/latency",
                                   "/down"}));
}

TEST(ConditionsJson, EveryWrongFieldOfALossModelIsReported) {
  EXPECT_EQ(
      wrong_pointers(R"({"up":{"loss":{"random":"2","correlation":"x","burst":{"percent":1,"length":"5","n":1},
                               "markov":{"p13":"","p31":"","p32":"","p23":"","p14":"","p41":""},"every":"5",
                               "list":[1,-1,"2"],"pattern":5}},
                               "down":{"loss":{"list":"1","burst":[],"markov":0}}})"),
      (std::set<std::string>{"/up/loss/random", "/up/loss/correlation", "/up/loss/burst/percent",
                             "/up/loss/burst/length", "/up/loss/burst/n", "/up/loss/markov/p13", "/up/loss/markov/p31",
                             "/up/loss/markov/p32", "/up/loss/markov/p23", "/up/loss/markov/p14", "/up/loss/markov/p41",
                             "/up/loss/every", "/up/loss/list/1", "/up/loss/list/2", "/up/loss/pattern",
                             "/down/loss/list", "/down/loss/burst", "/down/loss/markov"}));
}

TEST(ConditionsJson, RangesAreReportedTogetherWithSpellings) {
  EXPECT_EQ(wrong_pointers(R"({"up":{"delay":{"time":"20m"},"rate":"1bit","lose":"1%"},
                               "down":{"loss":{"random":"1%","gilbert_elliott":{"p":"1%","r":"5%"}},
                                       "corrupt":{"percent":"1%","bits":65}}})"),
            (std::set<std::string>{"/up/delay/time", "/up/rate", "/up/lose", "/down/loss", "/down/corrupt/bits"}));
}

TEST(ConditionsJson, BothIsReportedOnceAndWhereItWasSent) {
  EXPECT_EQ(wrong_pointers(R"({"both":{"delay":80,"rate":"1bit"}})"),
            (std::set<std::string>{"/both/delay", "/both/rate"}));
  EXPECT_EQ(wrong_pointers(R"({"both":{},"up":{}})"), (std::set<std::string>{"/both"}));
  std::vector<FieldError> errors;
  read_conditions(Json::parse(R"({"both":{"netem":"delay 80 slot 5"}})"), errors);
  ASSERT_EQ(errors.size(), 2u) << "one for each word, once";
  EXPECT_EQ(errors[0].pointer, "/both/netem");
}

TEST(ConditionsJson, PatchMerges) {
  EXPECT_EQ(merged(R"({"up":{"delay":{"time":"80ms","jitter":"10ms"},"rate":"1mbit"}})",
                   R"({"up":{"delay":{"time":"90ms"}}})"),
            Json::parse(R"({"delay":{"time":"90ms","jitter":"10ms"},"rate":"1mbit"})"));
  EXPECT_EQ(merged(R"({"up":{"delay":{"time":"80ms","jitter":"10ms"}}})", R"({"up":{"delay":{"jitter":null}}})"),
            Json::parse(R"({"delay":{"time":"80ms"}})"));
  EXPECT_EQ(merged(R"({"up":{"delay":"80ms","rate":"1mbit"}})", R"({"up":{"delay":null}})"),
            Json::parse(R"({"rate":"1mbit"})"));
  EXPECT_EQ(merged(R"({"up":{"delay":"80ms"}})", R"({"up":null})"), Json::object());
  EXPECT_EQ(merged(R"({"up":{"delay":"80ms"}})", R"({"both":null})"), Json::object());
  EXPECT_EQ(merged(R"({"up":{"delay":"80ms"}})", R"({"down":{"delay":"1ms"}})"),
            Json::parse(R"({"delay":{"time":"80ms"}})"));
  EXPECT_EQ(merged("{}", R"({"both":{"corrupt":{"bits":3}}})"),
            Json::parse(R"({"corrupt":{"percent":"0%","bits":3}})"));
}

TEST(ConditionsJson, AShorthandReplacesTheWholeImpairment) {
  EXPECT_EQ(merged(R"({"up":{"delay":{"time":"80ms","jitter":"10ms"}}})", R"({"up":{"delay":"90ms"}})"),
            Json::parse(R"({"delay":{"time":"90ms"}})"));
  EXPECT_EQ(
      merged(R"({"up":{"delay":{"time":"80ms","jitter":"10ms"},"rate":"1mbit"}})", R"({"up":{"netem":"delay 90ms"}})"),
      Json::parse(R"({"delay":{"time":"90ms"},"rate":"1mbit"})"));
  EXPECT_EQ(merged(R"({"up":{"outage":{"up_for":"10s","down_for":"1s"}}})", R"({"up":{"netem":"outage off"}})"),
            Json::object());
}

TEST(ConditionsJson, ALossModelTakesBackTheOther) {
  const char* bursts = R"({"up":{"loss":{"gilbert_elliott":{"p":"1%","r":"10%"}}}})";
  EXPECT_EQ(merged(bursts, R"({"up":{"loss":"2%"}})"), Json::parse(R"({"loss":{"random":"2%"}})"));
  EXPECT_EQ(merged(bursts, R"({"up":{"loss":{"random":"2%"}}})"), Json::parse(R"({"loss":{"random":"2%"}})"));
  EXPECT_EQ(merged(bursts, R"({"up":{"loss":{"gilbert_elliott":{"p":"2%"}}}})"),
            Json::parse(R"({"loss":{"gilbert_elliott":{"p":"2%","r":"10%"}}})"));
  EXPECT_EQ(merged(R"({"up":{"loss":"2%"}})", R"({"up":{"loss":{"gilbert_elliott":{"p":"2%"}}}})"),
            Json::parse(R"({"loss":{"gilbert_elliott":{"p":"2%","r":"98%"}}})"));
  EXPECT_EQ(merged(bursts, R"({"up":{"loss":{"gilbert_elliott":null}}})"), Json::object());
  EXPECT_EQ(merged(bursts, R"({"up":{"loss":{"every":5}}})"), Json::parse(R"({"loss":{"every":5}})"));
  EXPECT_EQ(merged(R"({"up":{"loss":{"random":"2%","correlation":"5%"}}})", R"({"up":{"loss":{"pattern":".x"}}})"),
            Json::parse(R"({"loss":{"pattern":".x"}})"));
  EXPECT_EQ(merged(R"({"up":{"loss":{"random":"2%","correlation":"5%"}}})", R"({"up":{"loss":{"random":"3%"}}})"),
            Json::parse(R"({"loss":{"random":"3%","correlation":"5%"}})"));
  EXPECT_EQ(merged(R"({"up":{"loss":{"burst":{"percent":"1%","length":"2.5packets"}}}})",
                   R"({"up":{"loss":{"burst":{"percent":"2%"}}}})"),
            Json::parse(R"({"loss":{"burst":{"percent":"2%","length":"2.5packets"}}})"));
}

std::vector<std::string> exclusions(const Json& present, const Json& patch) {
  std::vector<FieldError> errors;
  merge_conditions(read_ok(present.dump().c_str()), patch, errors);
  std::vector<std::string> places;
  for (const FieldError& e : errors) {
    EXPECT_THAT(e.detail, testing::EndsWith(" exclude each other: give one of them"));
    places.push_back(e.pointer);
  }
  return places;
}

TEST(ConditionsJson, AnyTwoLossModelsExcludeEachOther) {
  using testing::ElementsAre, testing::IsEmpty;
  const std::pair<const char*, Json> models[] = {
      {"random", "1%"},
      {"burst", {{"percent", "1%"}, {"length", "5packets"}}},
      {"gilbert_elliott", {{"p", "1%"}, {"r", "10%"}}},
      {"markov", {{"p13", "1%"}, {"p31", "10%"}}},
      {"every", 10U},
      {"list", {3U, 7U}},
      {"pattern", "..x"},
  };
  for (const auto& [name, model] : models) {
    for (const auto& [other_name, other] : models) {
      if (std::string_view(name) == other_name) continue;
      const Json one = {{name, model}}, two = {{name, model}, {other_name, other}};
      const Json present = {{"up", {{"loss", one}}}};
      EXPECT_THAT(exclusions(Json::object(), {{"up", {{"loss", two}}}}), ElementsAre("/up/loss")) << two;
      EXPECT_THAT(exclusions(present, {{"both", {{"loss", two}}}}), ElementsAre("/both/loss")) << two;
      EXPECT_THAT(exclusions(present, {{"up", {{"loss", {{other_name, other}}}}}}), IsEmpty()) << two;
      EXPECT_THAT(exclusions(present, {{"up", {{"loss", {{name, nullptr}, {other_name, other}}}}}}), IsEmpty()) << two;
      const Json step = {{"for", "1s"}, {"both", {{"loss", two}}}};
      EXPECT_THAT(exclusions(present, {{"scenario", {step}}}), ElementsAre("/scenario/0/both/loss")) << two;
    }
  }
}

TEST(ConditionsJson, AModelThatLosesNothingExcludesNone) {
  const char* bursts = R"({"up":{"loss":{"burst":{"percent":"1%","length":"5packets"}}}})";
  for (const char* nothing : {R"("random":"0%")", R"("every":0)", R"("list":[])", R"("pattern":"")"}) {
    const std::string alone = std::string(R"({"up":{"loss":{)") + nothing + "}}}";
    EXPECT_EQ(merged(bursts, alone.c_str()), Json::object()) << "it takes back the other";
    const std::string together =
        std::string(R"({"up":{"loss":{"gilbert_elliott":{"p":"1%","r":"10%"},)") + nothing + "}}}";
    EXPECT_EQ(merged(bursts, together.c_str()), Json::parse(R"({"loss":{"gilbert_elliott":{"p":"1%","r":"10%"}}})"));
  }
}

TEST(ConditionsJson, OneKindOfSlotTakesBackTheOther) {
  const char* drawn = R"({"up":{"slot":{"delay":"5ms","jitter":"1ms","distribution":{"table":[1,2]},"packets":3}}})";
  EXPECT_EQ(to_json(read_ok(drawn).up), Json::parse(drawn).at("up"));
  EXPECT_EQ(merged(drawn, R"({"up":{"slot":{"max":"9ms"}}})"),
            Json::parse(R"({"slot":{"min":"0ms","max":"9ms","packets":3}})"));
  EXPECT_EQ(
      merged(drawn, R"({"up":{"slot":{"distribution":"normal","bytes":"9kB"}}})"),
      Json::parse(R"({"slot":{"delay":"5ms","jitter":"1ms","distribution":"normal","packets":3,"bytes":"9kB"}})"));
  EXPECT_EQ(merged(R"({"up":{"slot":{"min":"1ms","max":"9ms","packets":3}}})", R"({"up":{"slot":{"delay":"5ms"}}})"),
            Json::parse(R"({"slot":{"delay":"5ms","packets":3}})"));
  EXPECT_EQ(merged(drawn, R"({"up":{"slot":"2ms"}})"), Json::parse(R"({"slot":{"min":"2ms"}})"));
  EXPECT_EQ(wrong_pointers(R"({"up":{"slot":{"delay":"5ms","min":"1ms"}}})"), std::set<std::string>{"/up/slot/delay"});
  EXPECT_EQ(wrong_pointers(R"({"up":{"slot":{"delay":"5ms","distribution":{"file":"/x","table":[1]}}}})"),
            std::set<std::string>{"/up/slot/distribution/file"});
}

TEST(ConditionsJson, OneKindOfOutageTakesBackTheOther) {
  const char* cycle = R"({"up":{"outage":{"up_for":"10s","down_for":"1s"}}})";
  EXPECT_EQ(merged(cycle, R"({"up":{"outage":{"on":true}}})"), Json::parse(R"({"outage":{"on":true}})"));
  EXPECT_EQ(merged(R"({"up":{"outage":true}})", R"({"up":{"outage":{"up_for":"10s","down_for":"1s"}}})"),
            Json::parse(R"({"outage":{"up_for":"10s","down_for":"1s"}})"));
}

TEST(ConditionsJson, AWrongNameIsFoundInAPatchEvenIfItIsNull) {
  std::vector<FieldError> errors;
  merge_conditions({}, Json::parse(R"({"up":{"delya":null,"delay":{"jiter":null}}})"), errors);
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].pointer, "/up/delay/jiter");
  EXPECT_EQ(errors[0].detail, "unknown field \"jiter\": did you mean \"jitter\"?");
  EXPECT_EQ(errors[1].pointer, "/up/delya");
}

TEST(ConditionsJson, WhatMergingMakesWrongIsFound) {
  std::vector<FieldError> errors;
  merge_conditions(read_ok(R"({"up":{"outage":{"up_for":"10s","down_for":"1s"}}})"),
                   Json::parse(R"({"up":{"outage":{"up_for":null}}})"), errors);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].pointer, "/up/outage/up_for");
}

}  // namespace
}  // namespace wobble::api
