// The words of `tc qdisc ... netem` and `wobble set`, as the JSON of a direction:
//
//   delay TIME [JITTER [CORRELATION]] [distribution uniform|normal|pareto|paretonormal|/PATH/X.dist] [reordering]
//   loss [random] PERCENT [CORRELATION] [after_rate]       loss gemodel P [R [1-H [1-K]]]
//   duplicate PERCENT [CORRELATION]                        corrupt PERCENT [CORRELATION] [bits NUMBER] [fix_checksum]
//   reorder PERCENT [CORRELATION] [gap PACKETS] [by 3packets|10ms]
//   rate RATE [OVERHEAD [CELLSIZE [CELLOVERHEAD]]] [burst SIZE]      trace FILE      limit PACKETS
//   queue [100packets|64kB|200ms] [DISCIPLINE] [ecn] [PARAMETER VALUE ...]
//   slot MIN [MAX] [packets PACKETS] [bytes SIZE]          mtu SIZE [blackhole]      idle_timeout TIME [drop|reset]
//   outage on|off|up_for TIME down_for TIME [drop_in_flight]
//
// and "per connection" behind what has a memory. Words that netem has not are those of the table of settings
// (Setting::word). What netem can say and we cannot is an error that says so: a network that is nearly what was asked
// for is worse than an error.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/json.h"

namespace wobble::api {

struct NetemWords {
  Json direction = Json::object();  ///< each named impairment, whole, canonical
  std::vector<std::string> errors;  ///< in the order of the words, the first 100; empty: `direction` holds
};

/// The same impairment named twice is an error.
NetemWords parse_netem_words(const std::vector<std::string>& words);

/// At spaces and tabs.
std::vector<std::string> split_words(std::string_view text);

}  // namespace wobble::api
