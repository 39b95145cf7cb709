// wobble set: netem's words, which people's hands know, for one direction of a link or both. They are read here, so
// that what is wrong is said before anything is sent, and sent as they are: netem's words replace each impairment they
// name whole ("delay 80ms" takes a jitter of before away, as it does in tc), which members merged by PATCH would not.
#include <CLI/CLI.hpp>

#include "api/conditions/netem_words.h"
#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/change_text.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

struct SetOptions {
  std::string link;
  std::vector<std::string> words;
  std::string lasts;
};

int set(const Context& context, SetOptions options) {
  std::string direction = "both";
  if (!options.words.empty() &&
      (options.words[0] == "up" || options.words[0] == "down" || options.words[0] == "both")) {
    direction = options.words[0];
    options.words.erase(options.words.begin());
  }
  if (options.words.empty()) {
    throw Failure(kExitUsage, "set: say what to set, as in 'wobble set " + options.link + " up delay 80ms loss 2%'");
  }
  const api::NetemWords read = api::parse_netem_words(options.words);
  if (!read.errors.empty()) {
    const bool one = read.errors.size() == 1;
    throw Failure(kExitUsage, one ? "set: " + read.errors[0] : "set: these words cannot be used:",
                  one ? std::vector<std::string>{} : read.errors);
  }
  std::string words;
  for (const std::string& word : options.words) words += (words.empty() ? "" : " ") + word;
  Json body = {{direction, {{"netem", words}}}};
  if (!options.lasts.empty()) body["for"] = options.lasts;
  Client client(context.url);
  const Json link = client.patch("/api/v1/links/" + url_encode(options.link), body);
  if (context.json) {
    say_json(link);
  } else {
    say(describe_change(link, context.paint));
  }
  return kExitOk;
}

}  // namespace

void add_set(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("set", "Set impairments; those that are not named stay as they are");
  auto options = std::make_shared<SetOptions>();
  command->add_option("LINK", options->link, "The link")->required();
  command->add_option("WORDS", options->words, "[up|down|both] delay 80ms 10ms loss 2% rate 5mbit ...");
  command->add_option("--for", options->lasts, "Then what was before comes back: 30s, 10m, 1h");
  command->footer(R"(Words:
  delay TIME [JITTER [CORRELATION]] [distribution uniform|normal|pareto|paretonormal|/PATH/X.dist]
                                                      delay 80ms 10ms distribution normal
  loss PERCENT | loss gemodel P [R [1-H [1-K]]]       loss 2%        loss gemodel 1% 10%
                       [after_rate] [ecn]             loss 2% ecn    marks instead, where it can
  duplicate PERCENT    corrupt PERCENT                duplicate 1%   corrupt 0.1%
  reorder PERCENT [gap N] [by 3packets|10ms]          reorder 5% by 3packets
                       (a second percentage behind these four is their correlation)
  slot MIN [MAX] [packets N] [bytes SIZE]             slot 5ms 20ms packets 10
  slot distribution NAME MEAN JITTER [packets N] [bytes SIZE]
                                                      slot distribution pareto 5ms 1ms
  mtu SIZE [blackhole]                                mtu 1400B
  idle_timeout TIME [drop|reset]                      idle_timeout 5m reset
  rate RATE            queue 100packets|64kB|200ms    rate 5mbit queue 200ms
  outage on|off|up_for TIME down_for TIME             outage up_for 10s down_for 1s drop_in_flight
  limit PACKETS        netem's word for queue
  reordering behind delay, bits N and fix_checksum behind corrupt; per connection behind what has a memory

Examples:
  wobble set lab up delay 80ms 10ms loss 2%
  wobble set lab rate 1mbit --for 10m                 both directions, for ten minutes
  wobble set lab down loss 0%                         takes the loss away again)");
  command->callback([&context, options] { context.run = [&context, options] { return set(context, *options); }; });
}

}  // namespace wobble::daemon
