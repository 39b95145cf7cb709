#include "api/conditions/netem_words.h"

#include <gmock/gmock.h>

namespace wobble::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(NetemWords, WhatNetemSaysWeUnderstand) {
  const std::pair<const char*, const char*> cases[] = {
      {"delay 100ms", R"({"delay":{"time":"100ms"}})"},
      {"delay 0.1s 10ms loss 1%", R"({"delay":{"time":"100ms","jitter":"10ms"},"loss":{"random":"1%"}})"},
      {"delay 80ms 10ms distribution normal", R"({"delay":{"time":"80ms","jitter":"10ms","distribution":"normal"}})"},
      {"delay 80ms 10ms distribution uniform", R"({"delay":{"time":"80ms","jitter":"10ms"}})"},
      {"latency 0", R"({"delay":{"time":"0ms"}})"},
      {"loss random 2%", R"({"loss":{"random":"2%"}})"},
      {"drop 2%", R"({"loss":{"random":"2%"}})"},
      {"loss gemodel 1%", R"({"loss":{"gilbert_elliott":{"p":"1%","r":"99%"}}})"},
      {"loss gemodel 1% 10%", R"({"loss":{"gilbert_elliott":{"p":"1%","r":"10%"}}})"},
      {"loss gemodel 1% 10% 70% 0.1%", R"({"loss":{"gilbert_elliott":{"p":"1%","r":"10%","1-h":"70%","1-k":"0.1%"}}})"},
      {"loss 2% 25%", R"({"loss":{"random":"2%","correlation":"25%"}})"},
      {"loss random 2% 0%", R"({"loss":{"random":"2%"}})"},
      {"loss state 1%", R"({"loss":{"markov":{"p13":"1%","p31":"99%"}}})"},
      {"loss state 1% 10% 20% 30% 4%",
       R"({"loss":{"markov":{"p13":"1%","p31":"10%","p32":"20%","p23":"30%","p14":"4%"}}})"},
      {"loss burst 1% 2.5packets", R"({"loss":{"burst":{"percent":"1%","length":"2.5packets"}}})"},
      {"loss every 10 rate 1mbit", R"({"loss":{"every":10},"rate":"1mbit"})"},
      {"loss list 3 7 delay 1ms", R"({"loss":{"list":[3,7]},"delay":{"time":"1ms"}})"},
      {"loss 1% 25% ecn", R"({"loss":{"random":"1%","correlation":"25%","ecn":true}})"},
      {"loss gemodel 1% after_rate ecn delay 5ms",
       R"({"loss":{"gilbert_elliott":{"p":"1%","r":"99%"},"after_rate":true,"ecn":true},"delay":{"time":"5ms"}})"},
      {"ecn delay 5ms loss 1%", R"({"loss":{"random":"1%","ecn":true},"delay":{"time":"5ms"}})"},
      {"loss pattern ..x", R"({"loss":{"pattern":"..x"}})"},
      {"duplicate 1% corrupt 0.1%", R"({"duplicate":{"percent":"1%"},"corrupt":{"percent":"0.1%"}})"},
      {"reorder 25%", R"({"reorder":{"percent":"25%"}})"},
      {"reorder 25% by 10ms rate 1mbit", R"({"reorder":{"percent":"25%","by":"10ms"},"rate":"1mbit"})"},
      {"rate 1Mbit limit 1000", R"({"rate":"1mbit","queue":{"limit":"1000packets"}})"},
      {"queue 64kB", R"({"queue":{"limit":"64kB"}})"},
      {"rate 1mbit burst 4kB queue 50ms", R"({"rate":{"rate":"1mbit","burst":"4kB"},"queue":{"limit":"50ms"}})"},
      {"rate 1mbit latency 50ms", R"({"rate":"1mbit","delay":{"time":"50ms"}})"},
      {"delay 80ms 10ms 25% distribution pareto",
       R"({"delay":{"time":"80ms","jitter":"10ms","correlation":"25%","distribution":"pareto"}})"},
      {"delay 80ms 10ms distribution /x.dist loss 1%",
       R"({"delay":{"time":"80ms","jitter":"10ms","distribution":{"file":"/x.dist"}},"loss":{"random":"1%"}})"},
      {"duplicate 1% 50% corrupt 2% 25%",
       R"({"duplicate":{"percent":"1%","correlation":"50%"},"corrupt":{"percent":"2%","correlation":"25%"}})"},
      {"reorder 25% 50% gap 5", R"({"reorder":{"percent":"25%","correlation":"50%","gap":5}})"},
      {"slot 800us 1000us packets 10 bytes 6000", R"({"slot":{"min":"800us","max":"1ms","packets":10,"bytes":"6kB"}})"},
      {"slot distribution pareto 5ms 1ms packets 10",
       R"({"slot":{"delay":"5ms","jitter":"1ms","distribution":"pareto","packets":10}})"},
      {"slot distribution uniform 800us 0 bytes 6000", R"({"slot":{"delay":"800us","jitter":"0ms","bytes":"6kB"}})"},
      {"slot distribution /x.dist 5ms 1ms delay 1ms",
       R"({"slot":{"delay":"5ms","jitter":"1ms","distribution":{"file":"/x.dist"}},"delay":{"time":"1ms"}})"},
      {"slot 5ms bytes 64kB", R"({"slot":{"min":"5ms","bytes":"64kB"}})"},
      {"mtu 1400B", R"({"mtu":{"bytes":"1400B"}})"},
      {"mtu 1400B blackhole idle_timeout 5m", R"({"mtu":{"bytes":"1400B","icmp":false},"idle_timeout":{"time":"5m"}})"},
      {"idle_timeout 90s reset", R"({"idle_timeout":{"time":"90s","then":"reset"}})"},
      {"outage on", R"({"outage":{"on":true}})"},
      {"outage off rate 0", R"({"outage":{},"rate":"0bit"})"},
  };
  for (const auto& [words, expected] : cases) {
    const NetemWords parsed = parse_netem_words(split_words(words));
    EXPECT_THAT(parsed.errors, testing::IsEmpty()) << words;
    EXPECT_EQ(parsed.direction, json::parse(expected)) << words;
  }
}

TEST(NetemWords, WhatCannotBeDoneIsAnErrorNotIgnored) {
  const std::pair<const char*, const char*> cases[] = {
      {"delay 100ms 10ms 25% 5%", "delay: one percentage and its correlation are taken (\"5%\")"},
      {"loss 1% 25% 5%", "loss: one percentage and its correlation are taken"},
      {"duplicate 1% 5% 5%", "duplicate: one percentage and its correlation"},
      {"delay 100ms 10ms distribution experimental", "the path of a .dist file, not \"experimental\""},
      {"loss state", "p13 is missing"},
      {"loss state 1% 2% 3% 4% 5% 6%", "at most p13"},
      {"loss every", "loss every: a number of packets such as 10 is missing"},
      {"loss list 3packets", "\"3packets\" is not a number of packets"},
      {"loss burst 1%", "loss burst: a value such as 5packets is missing"},
      {"delay 5ms ecn", "ecn says that packets are marked instead of lost: say loss as well"},
      {"reorder 25% gap", "reorder gap: a number of packets"},
      {"rate 1mbit 14 48 5 1", "packet overhead"},
      {"slot", "slot: a value such as 5ms is missing"},
      {"slot distribution pareto 5ms", "slot distribution: a value such as 2ms is missing"},
      {"slot distribution experimental 5ms 1ms", "slot: the distribution is uniform, normal, pareto, paretonormal or"},
      {"mtu 1400", "write \"1400B\""},
      {"seed 5", "a seed belongs to the link"},
      {"delay", "delay: a value such as 80ms is missing"},
      {"delay loss 1%", "delay: a value such as 80ms is missing"},
      {"loss 2", "write \"2%\""},
      {"loss", "loss: a value such as 2% is missing"},
      {"loss gemodel", "p is missing"},
      {"rate 5mbps", "write \"5mbit\""},
      {"delya 80ms", "did you mean \"delay\"?"},
      {"delay 1ms delay 2ms", "delay is said twice"},
      {"distribution normal", "stands behind the delay"},
      {"rate 1mbit latency 50ms burst 32kbit", "write \"rate 1mbit burst 4kB queue 50ms\""},
      {"rate 1mbit burst 4kB latency 50ms", "latency beside a burst is tbf's, and a queue here: write \"queue 50ms\""},
      {"outage maybe", "outage: on or off is missing"},
      {"limit", "limit: a number of packets"},
      {"", "no words"},
  };
  for (const auto& [words, expected] : cases) {
    const NetemWords parsed = parse_netem_words(split_words(words));
    ASSERT_EQ(parsed.errors.size(), 1u) << words << testing::PrintToString(parsed.errors);
    EXPECT_THAT(parsed.errors[0], HasSubstr(expected)) << words;
  }
}

TEST(NetemWords, AllErrorsAreReported) {
  EXPECT_EQ(parse_netem_words(split_words("delay 80 loss 2 rate fast slot 5")).errors.size(), 5u);
}

}  // namespace
}  // namespace wobble::api
