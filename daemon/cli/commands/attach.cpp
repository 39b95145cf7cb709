// wobble attach, wobble gateway: a link in front of what runs already.
#include <CLI/CLI.hpp>
#include <charconv>

#include "api/conditions/netem_words.h"
#include "daemon/cli/commands/command.h"
#include "daemon/cli/words/text.h"

namespace wobble::daemon {
namespace {

struct AttachOptions {
  std::string words;  ///< the target, or IN:OUT
  std::vector<std::string> interfaces;
  std::vector<std::uint16_t> ports;
  std::vector<std::string> addresses;
  std::string protocol;
  std::string fail;
  bool follow = false;
  bool masquerade = false;
  std::string name;
  std::string both;
  std::string up;
  std::string down;
  std::string lasts;
  std::optional<std::uint64_t> seed;
};

void add_link_options(CLI::App& command, AttachOptions& options) {
  command.add_option("--name", options.name, "The link's name (default: derived)");
  CLI::Option* both =
      command.add_option("--both", options.both, "Conditions both ways, in netem's words: 'delay 80ms'");
  command.add_option("--up", options.up, "Conditions of what leaves from the near side")->excludes(both);
  command.add_option("--down", options.down, "Conditions of what comes back to it")->excludes(both);
  command.add_option("--for", options.lasts, "Then the link is clean: 30s, 10m, 1h");
  command.add_option("--seed", options.seed, "What all chance hangs on (default: drawn)");
}

void check_words(const std::string& option, const std::string& words) {
  if (words.empty()) return;
  std::vector<std::string> list;
  for (std::size_t at = 0; (at = words.find_first_not_of(" \t", at)) != std::string::npos;) {
    const auto end = std::min(words.find_first_of(" \t", at), words.size());
    list.push_back(words.substr(at, end - at));
    at = end;
  }
  const api::NetemWords read = api::parse_netem_words(list);
  if (!read.errors.empty()) throw Failure(kExitUsage, option + ": " + read.errors[0]);
}

Json body_of(const AttachOptions& options) {
  Json body = Json::object();
  const std::pair<const char*, const std::string*> directions[] = {
      {"both", &options.both}, {"up", &options.up}, {"down", &options.down}};
  for (const auto& [name, words] : directions) {
    check_words(std::string("--") + name, *words);
    if (!words->empty()) body[name] = {{"netem", *words}};
  }
  if (!options.name.empty()) body["name"] = options.name;
  if (!options.lasts.empty()) body["for"] = options.lasts;
  if (options.seed) body["seed"] = *options.seed;
  return body;
}

int create(const Context& context, const Json& body) {
  Client client(context.url);
  const Json link = client.post("/api/v1/links", body);
  if (context.json) {
    say_json(link);
    return kExitOk;
  }
  const Json& way_in = field(link, "way_in");
  const std::string name = clean(text(link, "name"));
  const std::string state = text(way_in, "state") == "up" ? "attached" : "waits for its target";
  const std::string detail = clean(text(way_in, "detail"));
  say(name + " " + state + (detail.empty() ? "" : " (" + detail + ")") + "; to take it away: wobble detach " + name +
      "\n");
  return kExitOk;
}

Json loopback_of(const AttachOptions& options, const std::string& port) {
  if (!options.interfaces.empty() || !options.ports.empty() || !options.addresses.empty() || options.follow ||
      !options.fail.empty()) {
    throw Failure(kExitUsage, "attach: localhost:PORT takes no --interface, --port, --address, --fail and --follow");
  }
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0) {
    throw Failure(kExitUsage, "attach: a port from 1 to 65535 is expected, as in localhost:8000");
  }
  Json loopback = {{"port", number}};
  if (!options.protocol.empty()) loopback["protocol"] = options.protocol;
  return loopback;
}

int attach(const Context& context, const AttachOptions& options) {
  Json body = body_of(options);
  constexpr std::string_view kLocalhost = "localhost:";
  if (options.words.starts_with(kLocalhost)) {
    body["loopback"] = loopback_of(options, options.words.substr(kLocalhost.size()));
    return create(context, body);
  }
  Json settings = {{"target", options.words}, {"follow", options.follow}};
  if (!options.interfaces.empty()) settings["interfaces"] = options.interfaces;
  if (!options.ports.empty()) settings["ports"] = options.ports;
  if (!options.addresses.empty()) settings["addresses"] = options.addresses;
  if (!options.protocol.empty()) settings["protocol"] = options.protocol;
  if (!options.fail.empty()) settings["fail"] = options.fail;
  body["attach"] = std::move(settings);
  return create(context, body);
}

int gateway(const Context& context, const AttachOptions& options) {
  const auto colon = options.words.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == options.words.size()) {
    throw Failure(kExitUsage, "gateway: write IN:OUT, two interfaces of the daemon's namespace, as in eth0:eth1");
  }
  Json body = body_of(options);
  body["gateway"] = {{"in", options.words.substr(0, colon)},
                     {"out", options.words.substr(colon + 1)},
                     {"masquerade", options.masquerade}};
  if (!options.fail.empty()) body["gateway"]["fail"] = options.fail;
  return create(context, body);
}

}  // namespace

void add_attach(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("attach", "Put a link in front of a process, namespace, container, port or host");
  auto options = std::make_shared<AttachOptions>();
  command->add_option("TARGET", options->words, "pid:N, netns:NAME, container:NAME, host or localhost:PORT")
      ->required();
  // One value each time, so that what follows is not taken for another.
  command->add_option("--interface", options->interfaces, "Only this one of its interfaces (may be repeated)")
      ->allow_extra_args(false);
  command->add_option("--port", options->ports, "Only this port, of either end (may be repeated)")
      ->allow_extra_args(false);
  command
      ->add_option("--address", options->addresses, "Only this address or network of the other end (may be repeated)")
      ->allow_extra_args(false);
  command->add_option("--protocol", options->protocol, "Only this one")->check(CLI::IsMember({"tcp", "udp", "icmp"}));
  command->add_option("--fail", options->fail, "What becomes of the traffic if the daemon is killed: open (default)")
      ->check(CLI::IsMember({"open", "closed"}));
  command->add_flag("--follow", options->follow, "When the target is gone, wait and attach again");
  add_link_options(*command, *options);
  command->footer(R"(Near is the target, far the rest of the world: up is what it sends, down what it receives.

Examples:
  wobble attach container:web --both 'delay 80ms loss 1%'
  wobble attach netns:blue --port 443 --up 'loss 5%'      nothing but port 443
  wobble attach localhost:5432 --both 'delay 20ms')");
  command->callback([&context, options] { context.run = [&context, options] { return attach(context, *options); }; });
}

void add_gateway(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("gateway", "Route between two interfaces of the daemon through a link");
  auto options = std::make_shared<AttachOptions>();
  command->add_option("IN:OUT", options->words, "The near interface and the far one: eth0:eth1")->required();
  command->add_flag("--masquerade", options->masquerade, "Hide the near side behind OUT's address");
  command->add_option("--fail", options->fail, "What becomes of the traffic if the daemon is killed: open (default)")
      ->check(CLI::IsMember({"open", "closed"}));
  add_link_options(*command, *options);
  command->callback([&context, options] { context.run = [&context, options] { return gateway(context, *options); }; });
}

}  // namespace wobble::daemon
