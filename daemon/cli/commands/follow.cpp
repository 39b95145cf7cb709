// wobble connections --follow: one line for each transition, in the shape of `conntrack -E`, but with two states.
//
// A transition names its connection by number only, and one endpoint. So each connection's addresses, and the state
// the other endpoint was in at that moment, are asked for once, when it is first met, and kept up to date from then on
// by what the stream tells.
#include <unordered_map>

#include "daemon/cli/commands/connections.h"
#include "daemon/cli/words/event_text.h"
#include "daemon/cli/words/text.h"
#include "daemon/cli/words/time_text.h"

namespace wobble::daemon {
namespace {

struct Known {
  std::string link;
  std::string client;
  std::string server;
  std::uint64_t client_port = 0;
  std::uint64_t server_port = 0;
  std::string client_state = "CLOSED";
  std::string server_state = "LISTEN";
};

class Follower {
 public:
  Follower(const Context& context, const ConnectionFilter& filter)
      : context_(context), filter_(filter), lookup_(context.url) {}

  /// False: that was the last line asked for.
  bool on_event(const Json& event);

 private:
  Known& known(const Json& transition);
  Known look_up(std::uint64_t id, std::uint64_t before_event);
  bool passes(const Known& known, const Json& transition);
  std::string line(const Known& known, const Json& transition) const;

  static constexpr std::size_t kMostKnown = 20'000;

  const Context& context_;
  const ConnectionFilter& filter_;
  Client lookup_;
  std::unordered_map<std::uint64_t, Known> known_;
  std::uint64_t shown_ = 0;
};

Known Follower::look_up(std::uint64_t id, std::uint64_t before_event) {
  Known found;
  const std::string path = "/api/v1/connections/" + std::to_string(id);
  try {
    const Json connection = lookup_.get(path);
    found.link = text(connection, "link");
    found.client = endpoint_text(field(connection, "client"));
    found.server = endpoint_text(field(connection, "server"));
    found.client_port = count(field(connection, "client"), "port");
    found.server_port = count(field(connection, "server"), "port");
    const Json transitions = lookup_.get_all(path + "/transitions");
    for (const Json& earlier : items(transitions)) {
      if (count(earlier, "id") >= before_event) break;
      (text(earlier, "side") == "client" ? found.client_state : found.server_state) = text(earlier, "to");
    }
  } catch (const Failure& failure) {
    if (failure.exit_code != kExitRefused) throw;  // forgotten already (retention): the line stands without addresses
  }
  return found;
}

Known& Follower::known(const Json& transition) {
  const auto id = count(transition, "connection");
  const auto found = known_.find(id);
  if (found != known_.end()) return found->second;
  if (known_.size() >= kMostKnown) known_.clear();  // they are asked for again when they are met again
  return known_.emplace(id, look_up(id, count(transition, "id"))).first->second;
}

bool Follower::passes(const Known& known, const Json& transition) {
  if (!filter_.link.empty() && text(transition, "link") != filter_.link) return false;
  if (filter_.port && known.client_port != *filter_.port && known.server_port != *filter_.port) return false;
  if (filter_.state.empty()) return true;
  return text(transition, "from") == filter_.state || text(transition, "to") == filter_.state;
}

std::string Follower::line(const Known& known, const Json& transition) const {
  const Paint& paint = context_.paint;
  const auto at = parse_time(text(transition, "at"));
  const bool client = text(transition, "side") == "client";
  const std::string change = text(transition, "from") + "->" + text(transition, "to");
  const std::string client_text = client ? change : known.client_state;
  const std::string server_text = client ? known.server_state : change;
  constexpr std::size_t kChangeWidth = 25;
  std::string out = paint(Colour::dim, at ? human_time(*at, wall_clock()) : text(transition, "at"));
  out += "  " + pad_left("#" + text(transition, "connection"), 6) + "  " + pad_right(known.client, 16) + " ";
  out += paint(client ? Colour::bold : Colour::plain, pad_right(client_text, kChangeWidth)) + " | ";
  out += pad_right(known.server, 14) + " ";
  out += paint(client ? Colour::plain : Colour::bold, pad_right(server_text, kChangeWidth)) + "  ";
  const Json& segment = field(transition, "segment");
  const bool dropped = text(segment, "fate") == "dropped";
  const std::string sentence = text(transition, "sentence");
  out += sentence.empty() ? text(transition, "evidence") : sentence;
  if (segment.is_object()) out += " " + paint(dropped ? Colour::red : Colour::plain, segment_text(segment));
  return out;
}

bool Follower::on_event(const Json& event) {
  const Json& transition = field(event, "transition");
  if (!transition.is_object()) return true;
  Known& connection = known(transition);
  const bool shown = passes(connection, transition);
  if (shown && context_.json) say_json_line(transition);
  if (shown && !context_.json) say(line(connection, transition) + "\n");
  const bool client = text(transition, "side") == "client";
  (client ? connection.client_state : connection.server_state) = text(transition, "to");
  if (shown) ++shown_;
  return !shown || shown_ != filter_.count;
}

}  // namespace

int follow_connections(const Context& context, const ConnectionFilter& filter) {
  if (!filter.end.empty() || !filter.closed_by.empty() || !filter.since.empty()) {
    throw Failure(kExitUsage, "--end, --closed-by and --since are for connections of the past: leave out --follow");
  }
  Client client(context.url);
  Follower follower(context, filter);
  std::string path = "/api/v1/events?kind=transition";
  if (!filter.link.empty()) path += "&link=" + url_encode(filter.link);
  client.follow(path, std::nullopt, [&](const Json& event) { return follower.on_event(event); });
  return kExitOk;
}

}  // namespace wobble::daemon
