#include "api/rows/ways_in_json.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "api/conditions/conditions_json.h"
#include "api/conditions/object_reader.h"
#include "api/seed.h"

namespace wobble::api {
namespace {

constexpr std::size_t kMostSelectors = 64;     ///< each becomes several rules of the kernel
constexpr std::size_t kLongestInterface = 15;  // bytes, as the kernel counts
constexpr char kInterfaceExpected[] =
    "an interface's name is 1 to 15 bytes without spaces, '/' and ':', such as \"eth0\"";
constexpr std::uint64_t kLargestPid = 1 << 22;  // PID_MAX_LIMIT
constexpr std::string_view kKinds[] = {"attach", "loopback", "gateway", "run"};
constexpr std::string_view kMembers[] = {"name", "attach", "loopback", "gateway",  "run",  "up",
                                         "down", "both",   "netem",    "scenario", "seed", "for"};

const char* name_of(FailMode mode) { return mode == FailMode::closed ? "closed" : "open"; }

bool is_address(const std::string& text, int family) {
  unsigned char scratch[16];
  return inet_pton(family, text.c_str(), scratch) == 1;
}

bool is_network(const std::string& text) {
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  const bool is_v6 = is_address(address, AF_INET6);
  if (!is_v6 && !is_address(address, AF_INET)) return false;
  if (slash == std::string::npos) return true;
  int length = -1;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, length);
  return error == std::errc() && stop == end && length >= 0 && length <= (is_v6 ? 128 : 32);
}

bool is_interface(const std::string& name) {
  const auto is_odd = [](unsigned char c) { return c <= ' ' || c == 0x7f || c == '/' || c == ':'; };
  return !name.empty() && name.size() <= kLongestInterface && name != "." && name != ".." &&
         std::none_of(name.begin(), name.end(), is_odd);
}

/// What ObjectReader does not know.
class Fields {
 public:
  Fields(const Json& object, std::string pointer, Reading& errors) : reader_(object, std::move(pointer), errors) {}

  bool text(std::string_view name, std::string& out) {
    const Json* value = reader_.member(name);
    if (value == nullptr) return false;
    if (!value->is_string()) {
      reader_.error(name, "a string is expected here");
      return false;
    }
    out = value->get<std::string>();
    return true;
  }

  void interface(std::string_view name, std::string& out) {
    if (!text(name, out)) {
      if (reader_.member(name) == nullptr) reader_.error(name, "is missing: an interface's name, such as \"eth0\"");
    } else if (!is_interface(out)) {
      reader_.error(name, kInterfaceExpected);
    }
  }

  void list(std::string_view name, bool (*is_right)(const std::string&), const char* expected,
            std::vector<std::string>& out) {
    for_each(name, [&](const Json& item) {
      if (!item.is_string() || !is_right(item.get<std::string>())) return reader_.error(name, expected);
      out.push_back(item.get<std::string>());
    });
  }

  void ports(std::string_view name, std::vector<std::uint16_t>& out) {
    for_each(name, [&](const Json& item) {
      if (!is_port(item)) return reader_.error(name, "a port is a whole number from 1 to 65535, not " + shown(item));
      out.push_back(item.get<std::uint16_t>());
    });
  }

  void port(std::string_view name, std::uint16_t& out) {
    const Json* value = reader_.member(name);
    if (value == nullptr) return reader_.error(name, "is missing: a port from 1 to 65535");
    if (!is_port(*value)) return reader_.error(name, "a port is a whole number from 1 to 65535, not " + shown(*value));
    out = value->get<std::uint16_t>();
  }

  void word(std::string_view name, std::initializer_list<const char*> words, std::string& out) {
    std::string given;
    if (!text(name, given)) return;
    if (std::find(words.begin(), words.end(), given) != words.end()) {
      out = given;
      return;
    }
    std::string all;
    for (const char* word : words) all += (all.empty() ? "\"" : ", \"") + std::string(word) + "\"";
    reader_.error(name, "is one of " + all);
  }

  void fail_mode(FailMode& out) {
    std::string word_given;
    word("fail", {"open", "closed"}, word_given);
    if (word_given == "closed") out = FailMode::closed;
  }

  ObjectReader& reader() { return reader_; }

 private:
  static bool is_port(const Json& value) {
    return value.is_number_unsigned() && value.get<std::uint64_t>() >= 1 && value.get<std::uint64_t>() <= 65'535;
  }

  template <typename Take>
  void for_each(std::string_view name, const Take& take) {
    const Json* value = reader_.member(name);
    if (value == nullptr) return;
    if (!value->is_array()) return reader_.error(name, "a list is expected here");
    if (value->size() > kMostSelectors) return reader_.error(name, "at most " + std::to_string(kMostSelectors));
    for (const Json& item : *value) take(item);
  }

  ObjectReader reader_;
};

AttachSettings read_attach(const Json& value, Reading& errors) {
  AttachSettings out;
  Fields fields(value, "/attach", errors);
  if (!fields.text("target", out.target) && value.is_object() && !value.contains("target")) {
    fields.reader().error("target", "is missing: \"pid:17\", \"netns:blue\", \"host\" or \"container:web\"");
  }
  fields.list("interfaces", is_interface, kInterfaceExpected, out.interfaces);
  fields.ports("ports", out.ports);
  fields.list("addresses", is_network, "an address or a network such as \"10.0.0.0/8\" is expected here",
              out.addresses);
  fields.word("protocol", {"tcp", "udp", "icmp"}, out.protocol);
  if (out.protocol == "icmp" && !out.ports.empty()) fields.reader().error("ports", "icmp has no ports");
  fields.fail_mode(out.fail);
  fields.reader().flag("follow", out.follow);
  fields.reader().finish();
  return out;
}

LoopbackSettings read_loopback(const Json& value, Reading& errors) {
  LoopbackSettings out;
  Fields fields(value, "/loopback", errors);
  fields.port("port", out.port);
  fields.word("protocol", {"tcp", "udp"}, out.protocol);
  fields.reader().finish();
  return out;
}

GatewaySettings read_gateway(const Json& value, Reading& errors) {
  GatewaySettings out;
  Fields fields(value, "/gateway", errors);
  fields.interface("in", out.in);
  fields.interface("out", out.out);
  if (!out.in.empty() && out.in == out.out) fields.reader().error("out", "is the same interface as \"in\"");
  fields.reader().flag("masquerade", out.masquerade);
  fields.fail_mode(out.fail);
  fields.reader().finish();
  return out;
}

RunSettings read_run(const Json& value, Reading& errors) {
  RunSettings out;
  Fields fields(value, "/run", errors);
  const auto is_any_address = [](const std::string& a) { return is_address(a, AF_INET) || is_address(a, AF_INET6); };
  fields.list("dns", is_any_address, "a name server's address is expected here, such as \"1.1.1.1\"", out.dns);
  if (const Json* owner = fields.reader().member("owner"); owner != nullptr && !owner->is_null()) {
    const bool is_pid =
        owner->is_number_unsigned() && owner->get<std::uint64_t>() >= 1 && owner->get<std::uint64_t>() <= kLargestPid;
    if (is_pid) {
      out.owner = owner->get<std::int32_t>();
    } else {
      fields.reader().error("owner", "a process id is expected here, a whole number from 1, not " + shown(*owner));
    }
  }
  fields.ports("with", out.with);
  fields.ports("beside", out.beside);
  std::vector<std::uint16_t> all = out.with;
  all.insert(all.end(), out.beside.begin(), out.beside.end());
  std::sort(all.begin(), all.end());
  if (const auto twice = std::adjacent_find(all.begin(), all.end()); twice != all.end()) {
    fields.reader().error("beside", "port " + std::to_string(*twice) +
                                        " is named twice in \"with\" and \"beside\": it is reached in one way");
  }
  fields.reader().finish();
  return out;
}

void read_way_in(const Json& body, NewLink& link, Reading& errors) {
  std::string found;
  for (const std::string_view kind : kKinds) {
    if (!body.contains(kind)) continue;
    if (!found.empty()) {
      errors.push_back({"/" + std::string(kind), "a link has one way in, and '" + found + "' is there already"});
      return;
    }
    found = kind;
  }
  if (found.empty()) {
    errors.push_back({"", "say how traffic is to reach the link: one of attach, loopback, gateway, run"});
  } else if (found == "attach") {
    link.way_in = read_attach(body.at(found), errors);
  } else if (found == "loopback") {
    link.way_in = read_loopback(body.at(found), errors);
  } else if (found == "gateway") {
    link.way_in = read_gateway(body.at(found), errors);
  } else {
    link.way_in = read_run(body.at(found), errors);
  }
}

struct SettingsJson {
  Json operator()(const LabSettings&) const { return Json::object(); }
  Json operator()(const AttachSettings& s) const {
    return {{"target", s.target},
            {"interfaces", s.interfaces},
            {"ports", s.ports},
            {"addresses", s.addresses},
            {"protocol", s.protocol.empty() ? Json() : Json(s.protocol)},
            {"fail", name_of(s.fail)},
            {"follow", s.follow}};
  }
  Json operator()(const LoopbackSettings& s) const { return {{"port", s.port}, {"protocol", s.protocol}}; }
  Json operator()(const GatewaySettings& s) const {
    return {{"in", s.in}, {"out", s.out}, {"masquerade", s.masquerade}, {"fail", name_of(s.fail)}};
  }
  Json operator()(const RunSettings& s) const {
    return {{"dns", s.dns}, {"owner", s.owner ? Json(*s.owner) : Json()}, {"with", s.with}, {"beside", s.beside}};
  }
};

}  // namespace

const char* kind_of(const WayInSettings& settings) noexcept {
  constexpr const char* kNames[] = {"lab", "attach", "loopback", "gateway", "run"};
  return kNames[settings.index()];
}

const char* to_string(WayInState state) noexcept {
  switch (state) {
    case WayInState::up: return "up";
    case WayInState::down: return "down";
    case WayInState::waiting: return "waiting";
  }
  return "";
}

Json to_json(const WayInInfo& way_in) {
  Json out = std::visit(SettingsJson{}, way_in.settings);
  out["kind"] = kind_of(way_in.settings);
  out["state"] = to_string(way_in.state);
  out["detail"] = way_in.detail;
  if (const auto& counters = way_in.counters) {
    out["packets"] = {{"diverted", counters->diverted},
                      {"stayed", counters->stayed},
                      {"passed", counters->passed},
                      {"silenced", counters->silenced},
                      {"overruns", counters->overruns}};
  }
  return out;
}

bool is_link_name(const std::string& name) noexcept {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const auto is_right = [&](char c) { return is_plain(c) || c == '.' || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= 64 && is_plain(name[0]) && std::all_of(name.begin(), name.end(), is_right);
}

NewLink read_new_link(const Json& body, Reading& errors) {
  NewLink link;
  report_unknown(body, kMembers, errors);
  if (body.contains("name") && !body.at("name").is_null()) {
    if (body.at("name").is_string()) link.name = body.at("name").get<std::string>();
    if (!is_link_name(link.name)) {
      errors.push_back({"/name",
                        "1 to 64 letters, digits, '.', '_' and '-' are expected here, the first a letter "
                        "or digit"});
    }
  }
  if (body.contains("seed") && !body.at("seed").is_null()) {
    if (body.at("seed").is_number_unsigned() && body.at("seed").get<std::uint64_t>() <= kLargestSeed) {
      link.seed = body.at("seed").get<std::uint64_t>();
    } else {
      errors.push_back({"/seed", "a whole number from 0 to " + std::to_string(kLargestSeed) + " is expected here"});
    }
  }
  read_way_in(body, link, errors);
  return link;
}

}  // namespace wobble::api
