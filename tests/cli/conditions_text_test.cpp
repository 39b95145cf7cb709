#include "daemon/cli/words/conditions_text.h"

#include <gmock/gmock.h>

#include "api/conditions/conditions_json.h"
#include "api/conditions/netem_words.h"
#include "tests/api/any_conditions.h"

namespace {

using namespace wobble::daemon;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ConditionsText, says_each_impairment_in_the_words_that_set_it) {
  const Json conditions = Json::parse(R"({
      "outage": {"on": true}, "delay": {"time": "80ms", "jitter": "10ms", "distribution": "normal"},
      "loss": {"random": "2%"}, "duplicate": {"percent": "1%"}, "corrupt": {"percent": "0.1%"},
      "reorder": {"percent": "5%", "by": "3packets"}, "rate": "5mbit", "queue": {"limit": "100packets"}})");
  EXPECT_THAT(describe_conditions(conditions),
              ElementsAre("delay 80ms 10ms distribution normal", "loss 2%", "duplicate 1%", "corrupt 0.1%",
                          "reorder 5% by 3packets", "rate 5mbit", "queue 100packets", "outage on"));
}

TEST(ConditionsText, says_in_words_of_its_own_what_netem_has_none_for) {
  const Json conditions = Json::parse(R"({
      "delay": {"time": "80ms", "reorder": true}, "loss": {"gilbert_elliott": {"p": "1%", "r": "10%", "1-h": "50%"}},
      "corrupt": {"percent": "1%", "bits": 3, "fix_checksum": true},
      "outage": {"up_for": "10s", "down_for": "1s", "drop_in_flight": true}})");
  EXPECT_THAT(describe_conditions(conditions),
              ElementsAre("delay 80ms reordering", "loss gemodel 1% 10% 50%", "corrupt 1% bits 3 fix_checksum",
                          "outage up_for 10s down_for 1s drop_in_flight"));
}

TEST(ConditionsText, says_each_model_of_loss_in_the_words_that_set_it) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"random": "2%", "correlation": "25%"})", "loss 2% 25%"},
      {R"({"burst": {"percent": "1%", "length": "5packets"}})", "loss burst 1% 5packets"},
      {R"({"gilbert_elliott": {"p": "1%", "r": "10%", "1-k": "2%"}})", "loss gemodel 1% 10% 100% 2%"},
      {R"({"markov": {"p13": "1%", "p31": "10%", "p14": "2%"}})", "loss state 1% 10% 0% 100% 2%"},
      {R"({"every": 10})", "loss every 10"},
      {R"({"list": [3, 7]})", "loss list 3 7"},
      {R"({"pattern": "..x"})", "loss pattern ..x"}};
  for (const auto& [loss, words] : cases) {
    EXPECT_THAT(describe_conditions({{"loss", Json::parse(loss)}}), ElementsAre(words));
  }
}

TEST(ConditionsText, says_the_bottleneck_in_the_words_that_set_it) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"rate": {"rate": "5mbit", "overhead": "38B", "burst": "32kB"}})", "rate 5mbit 38B burst 32kB"},
      {R"({"rate": {"rate": "5mbit", "cell": {"size": "48B", "overhead": "5B"}}})", "rate 5mbit 0B 48B 5B"},
      {R"({"queue": {"limit": "64kB", "discipline": "red", "ecn": true, "min": "10kB"}})",
       "queue 64kB red ecn min 10kB"},
      {R"({"queue": {"discipline": "fq_codel", "flows": 64, "target": "5ms"}})", "queue fq_codel target 5ms flows 64"},
      {R"({"trace": {"file": "/x.trace"}})", "trace /x.trace"},
      {R"({"trace": {"ms": [1, 2]}})", "trace 1,2"},
      {R"({"loss": {"random": "1%", "after_rate": true}})", "loss 1% after_rate"},
      {R"({"loss": {"every": 9, "after_rate": true, "ecn": true}})", "loss every 9 after_rate ecn"}};
  for (const auto& [conditions, words] : cases) {
    EXPECT_THAT(describe_conditions(Json::parse(conditions)), ElementsAre(words));
  }
}

TEST(ConditionsText, says_correlations_slots_mtu_and_idle_timeouts) {
  const Json conditions = Json::parse(R"({
      "delay": {"time": "80ms", "jitter": "10ms", "correlation": "25%", "distribution": {"table": [1, 2, 3]}},
      "duplicate": {"percent": "1%", "correlation": "50%", "per": "connection"},
      "reorder": {"percent": "5%", "correlation": "10%", "gap": 5, "by": "3packets"},
      "slot": {"min": "5ms", "max": "20ms", "packets": 10, "bytes": "64kB"},
      "mtu": {"bytes": "1400B", "icmp": false}, "idle_timeout": {"time": "5m", "then": "reset"}})");
  EXPECT_THAT(describe_conditions(conditions),
              ElementsAre("delay 80ms 10ms 25% distribution 1,2,3", "duplicate 1% 50% per connection",
                          "reorder 5% 10% gap 5 by 3packets", "slot 5ms 20ms packets 10 bytes 64kB",
                          "mtu 1400B blackhole", "idle_timeout 5m reset"));
}

TEST(ConditionsText, says_slots_by_their_distribution) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"delay": "5ms", "jitter": "1ms", "distribution": "pareto", "packets": 3})",
       "slot distribution pareto 5ms 1ms packets 3"},
      {R"({"delay": "5ms", "jitter": "1ms", "bytes": "6kB"})", "slot distribution uniform 5ms 1ms bytes 6kB"},
      {R"({"delay": "5ms", "jitter": "1ms", "distribution": {"table": [1, 2]}})", "slot distribution 1,2 5ms 1ms"},
      {R"({"delay": "5ms"})", "slot distribution uniform 5ms 0"}};
  for (const auto& [slot, words] : cases) {
    EXPECT_THAT(describe_conditions({{"slot", Json::parse(slot)}}), ElementsAre(words));
  }
}

TEST(ConditionsText, what_is_said_can_be_set) {
  wobble::api::AnyConditions any(2);
  for (int i = 0; i < 500; ++i) {
    const wobble::DirectionConditions conditions = any.direction();
    std::string words;
    for (const std::string& part : describe_conditions(Json::parse(wobble::api::to_json(conditions).dump())))
      words += part + " ";
    const wobble::api::NetemWords read = wobble::api::parse_netem_words(wobble::api::split_words(words));
    if (words.empty()) continue;
    EXPECT_THAT(read.errors, IsEmpty()) << words;
    wobble::api::Reading reading;
    EXPECT_EQ(wobble::api::read_direction(read.direction, "", reading), conditions) << words << "\n"
                                                                                    << read.direction << "\n"
                                                                                    << wobble::api::to_json(conditions);
  }
}

TEST(ConditionsText, of_nothing_is_nothing_and_of_the_unknown_its_json) {
  EXPECT_THAT(describe_conditions(Json::object()), IsEmpty());
  EXPECT_THAT(describe_conditions(Json()), IsEmpty());
  EXPECT_THAT(describe_conditions(Json::parse(R"({"mirror": {"on": true}, "rate": 7, "loss": {"random": "1%"}})")),
              ElementsAre("loss 1%", "rate 7", "mirror {\"on\":true}"));
}

}  // namespace
