#include "api/conditions/netem_words.h"

#include <algorithm>
#include <optional>

#include "api/conditions/conditions_json.h"
#include "api/conditions/settings_table.h"
#include "api/conditions/units.h"
#include "api/cut_text.h"
#include "api/nearest_name.h"

namespace wobble::api {
namespace {

constexpr std::size_t kMostErrors = 100;  // behind so many the words are not looked at
constexpr std::string_view kWords[] = {"delay", "loss",   "duplicate", "corrupt", "reorder", "rate",        "limit",
                                       "queue", "outage", "trace",     "slot",    "mtu",     "idle_timeout"};

/// Walks over the words; each function named after a word reads what follows it.
class Reader {
 public:
  explicit Reader(const std::vector<std::string>& words) : words_(words) {}

  NetemWords read() {
    if (words_.empty()) fail("no words: say for example \"delay 80ms 10ms loss 2%\"");
    while (next_ < words_.size() && out_.errors.size() < kMostErrors) {
      const std::string& word = words_[next_++];
      if (word == "delay" || word == "latency") {
        has_latency_ |= word == "latency";
        delay();
      } else if (word == "loss" || word == "drop") {
        loss();
      } else if (word == "duplicate" || word == "corrupt") {
        Json value = {{"percent", percent(word)}};
        correlation(word, value);
        put(word, std::move(value));
      } else if (word == "reorder") {
        reorder();
      } else if (word == "rate") {
        rate();
      } else if (word == "limit") {
        limit();
      } else if (word == "queue") {
        queue();
      } else if (word == "outage") {
        outage();
      } else if (word == "trace") {
        put("trace", {{"file", peek() != nullptr ? words_[next_++] : ""}});
      } else if (word == "slot") {
        slot();
      } else if (word == "mtu") {
        mtu();
      } else if (word == "idle_timeout") {
        idle_timeout();
      } else if (word == "ecn") {
        ecn_ = true;
      } else {
        unknown(word);
      }
    }
    if (ecn_) ecn();
    if (has_latency_) latency();
    return std::move(out_);
  }

 private:
  const std::string* peek() const { return next_ < words_.size() ? &words_[next_] : nullptr; }

  bool number_follows() const {
    const std::string* word = peek();
    return word != nullptr && !word->empty() &&
           ((*word)[0] == '.' || (*word)[0] == '-' || ((*word)[0] >= '0' && (*word)[0] <= '9'));
  }

  bool take(std::string_view word) {
    if (peek() == nullptr || *peek() != word) return false;
    ++next_;
    return true;
  }

  void fail(std::string error) { out_.errors.push_back(std::move(error)); }

  void put(const std::string& impairment, Json value) {
    if (out_.direction.contains(impairment)) fail(impairment + " is said twice");
    out_.direction[impairment] = std::move(value);
  }

  /// The next word as a quantity of `word`, canonical; an error and 0 of it if it is missing or wrong.
  template <typename T, typename Print>
  std::string quantity(const std::string& word, Parsed<T> (*parse)(std::string_view), Print print,
                       const char* example) {
    if (!number_follows()) {
      fail(word + ": a value such as " + example + " is missing");
      return print(T{});
    }
    const Parsed<T> parsed = parse(words_[next_++]);
    if (!parsed.ok()) fail(word + ": " + parsed.error);
    return print(parsed.value);
  }

  std::string percent(const std::string& word) { return quantity(word, parse_percent, print_percent, "2%"); }

  void refuse_number(const std::string& word, const std::string& reason) {
    if (!number_follows()) return;
    fail(word + ": " + reason + " (\"" + cut_text(*peek()) + "\")");
    while (number_follows()) ++next_;
  }

  void correlation(const std::string& word, Json& value) {
    if (!number_follows()) return;
    const std::string correlation = percent(word);
    if (correlation != print_percent(Probability{})) value["correlation"] = correlation;
    refuse_number(word, "one percentage and its correlation are taken");
  }

  std::uint32_t count(const std::string& word) {
    if (!number_follows()) {
      fail(word + ": a number of packets such as 10 is missing");
      return 0;
    }
    const std::string& text = words_[next_++];
    const bool is_plain = text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
    if (!is_plain) fail(word + ": \"" + cut_text(text) + "\" is not a number of packets such as 10");
    return is_plain ? static_cast<std::uint32_t>(std::stoul(text)) : 0;
  }

  void delay() {
    Json value = {{"time", quantity("delay", parse_duration, print_duration, "80ms")}};
    if (number_follows()) {
      const std::string jitter = quantity("delay", parse_duration, print_duration, "10ms");
      if (jitter != print_duration(Duration{0})) value["jitter"] = jitter;
    }
    correlation("delay", value);
    if (take("distribution")) distribution("delay", value);
    put("delay", std::move(value));
  }

  /// netem's other word for delay. Beside a token bucket it is tbf's, for how long a packet may wait for the rate.
  void latency() {
    const auto rate = out_.direction.find("rate");
    if (rate == out_.direction.end() || !rate->contains("burst")) return;
    fail("latency beside a burst is tbf's, and a queue here: write \"queue 50ms\", or \"delay 50ms\" if that is meant");
  }

  void distribution(const std::string& word, Json& value) {
    const std::string name = peek() != nullptr ? words_[next_++] : "";
    if (name == "normal" || name == "pareto" || name == "paretonormal") {
      value["distribution"] = name;
    } else if (name.starts_with('/')) {
      value["distribution"] = {{"file", name}};
    } else if (name != "uniform") {
      fail(word + ": the distribution is uniform, normal, pareto, paretonormal or the path of a .dist file" +
           (name.empty() ? "" : ", not \"" + cut_text(name) + "\""));
    }
  }

  void loss() {
    if (take("state")) {
      markov();
    } else if (take("gemodel")) {
      gemodel();
    } else if (take("burst")) {
      const std::string mean = percent("loss burst");
      const std::string length = quantity("loss burst", parse_mean_packets, print_mean_packets, "5packets");
      put("loss", {{"burst", {{"percent", mean}, {"length", length}}}});
    } else if (take("every")) {
      put("loss", {{"every", count("loss every")}});
    } else if (take("list")) {
      Json list = Json::array({count("loss list")});
      while (number_follows()) list.push_back(count("loss list"));
      put("loss", {{"list", std::move(list)}});
    } else if (take("pattern")) {
      put("loss", {{"pattern", peek() != nullptr ? words_[next_++] : ""}});
    } else {
      take("random");
      Json value = {{"random", percent("loss")}};
      correlation("loss", value);
      put("loss", std::move(value));
    }
    if (take("after_rate")) out_.direction["loss"]["after_rate"] = true;
  }

  /// A word of its own, as tc has it: it may stand anywhere.
  void ecn() {
    const auto loss = out_.direction.find("loss");
    if (loss == out_.direction.end()) return fail("ecn says that packets are marked instead of lost: say loss as well");
    (*loss)["ecn"] = true;
  }

  /// The next percentages, for as long as there are any, into `parameters`.
  void percentages(const std::string& word, const std::string& first, std::initializer_list<Probability*> parameters) {
    if (!number_follows()) fail(word + ": " + first + " is missing, such as 1%");
    for (Probability* parameter : parameters) {
      if (!number_follows()) return;
      const Parsed<Probability> parsed = parse_percent(words_[next_++]);
      if (!parsed.ok()) fail(word + ": " + parsed.error);
      *parameter = parsed.value;
    }
  }

  void markov() {
    MarkovLoss model;
    percentages("loss state", "p13", {&model.p13});
    model.p31.parts_per_billion = Probability::kOne - model.p13.parts_per_billion;
    if (number_follows()) percentages("loss state", "p31", {&model.p31, &model.p32, &model.p23, &model.p14});
    refuse_number("loss state", "at most p13, p31, p32, p23 and p14 are taken");
    DirectionConditions direction;
    direction.loss.markov = model;
    put("loss", to_json(direction).at("loss"));
  }

  void gemodel() {
    GilbertElliott model;
    percentages("loss gemodel", "p", {&model.p});
    model.r.parts_per_billion = Probability::kOne - model.p.parts_per_billion;
    if (number_follows()) percentages("loss gemodel", "r", {&model.r, &model.bad_loss, &model.good_loss});
    refuse_number("loss gemodel", "at most p, r, 1-h and 1-k are taken");
    DirectionConditions direction;
    direction.loss.gilbert_elliott = model;
    put("loss", to_json(direction).at("loss"));
  }

  void reorder() {
    Json value = {{"percent", percent("reorder")}};
    correlation("reorder", value);
    if (take("gap")) value["gap"] = count("reorder gap");
    if (take("by")) value["by"] = quantity("reorder by", parse_reorder_by, print_reorder_by, "3packets");
    put("reorder", std::move(value));
  }

  /// netem's plain numbers of bytes: packet overhead, cell size, cell overhead.
  void rate() {
    Json value = quantity("rate", parse_rate, print_rate, "5mbit");
    if (number_follows()) {
      value = {{"rate", value}};
      value["overhead"] = bytes("rate", parse_overhead, print_overhead);
    }
    if (number_follows()) value["cell"]["size"] = bytes("rate", parse_size, print_size);
    if (number_follows()) value["cell"]["overhead"] = bytes("rate", parse_size, print_size);
    refuse_number("rate", "at most a packet overhead, a cell size and a cell overhead are taken");
    if (take("burst")) {
      if (value.is_string()) value = {{"rate", value}};
      value["burst"] = quantity("rate burst", parse_size, print_size, "32kB");
    }
    put("rate", std::move(value));
  }

  /// The next word as a size, or as a plain number of bytes.
  template <typename T, typename Print>
  std::string bytes(const std::string& word, Parsed<T> (*parse)(std::string_view), Print print) {
    const std::string& text = words_[next_++];
    const bool is_plain = text.find_first_not_of("-0123456789") == std::string::npos;
    const Parsed<T> parsed = parse(is_plain ? text + "B" : text);
    if (!parsed.ok()) fail(word + ": " + parsed.error);
    return print(parsed.value);
  }

  /// A limit, a discipline, and its parameters in tc's words.
  void queue() {
    Json value = Json::object();
    if (number_follows()) value["limit"] = quantity("queue", parse_limit, print_limit, "100packets");
    if (peek() != nullptr &&
        std::find(std::begin(kDisciplines), std::end(kDisciplines), *peek()) != std::end(kDisciplines)) {
      value["discipline"] = words_[next_++];
    }
    constexpr std::string_view kParameters[] = {"limit",     "target", "interval", "tupdate",     "alpha", "beta",
                                                "max_burst", "min",    "max",      "probability", "avpkt", "quantum"};
    const auto is_parameter = [&](const std::string& word) {
      return std::find(std::begin(kParameters), std::end(kParameters), word) != std::end(kParameters);
    };
    for (;;) {
      if (take("ecn")) {
        value["ecn"] = true;
      } else if (take("gentle")) {
        value["gentle"] = true;
      } else if (take("flows")) {
        value["flows"] = count("queue flows");
      } else if (peek() != nullptr && is_parameter(*peek())) {
        const std::string name = words_[next_++];
        if (number_follows()) {
          value[name] = words_[next_++];
        } else {
          fail("queue " + name + ": its value is missing");
        }
      } else {
        break;
      }
    }
    if (value.empty()) fail("queue: a limit such as 100packets, or a discipline such as codel, is missing");
    put("queue", std::move(value));
  }

  /// netem's limit is a plain number of packets.
  void limit() {
    std::string text = peek() != nullptr ? words_[next_++] : "";
    const bool plain = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    const Parsed<QueueSettings> parsed = parse_limit(plain ? text + "packets" : text);
    if (!parsed.ok()) fail("limit: " + (text.empty() ? "a number of packets such as 1000 is missing" : parsed.error));
    put("queue", {{"limit", print_limit(parsed.value)}});
  }

  void outage() {
    if (take("on")) {
      put("outage", {{"on", true}});
    } else if (take("off")) {
      put("outage", Json::object());
    } else {
      fail("outage: on or off is missing");
      if (peek() != nullptr && std::find(std::begin(kWords), std::end(kWords), *peek()) == std::end(kWords)) ++next_;
    }
  }

  void slot() {
    Json value = Json::object();
    if (take("distribution")) {
      distribution("slot", value);
      value["delay"] = quantity("slot distribution", parse_duration, print_duration, "10ms");
      value["jitter"] = quantity("slot distribution", parse_duration, print_duration, "2ms");
    } else {
      const std::string min = quantity("slot", parse_duration, print_duration, "5ms");
      value["min"] = min;
      const std::string max = number_follows() ? quantity("slot", parse_duration, print_duration, "20ms") : min;
      if (max != min) value["max"] = max;
    }
    for (bool more = true; more;) {
      if (take("packets")) {
        value["packets"] = count("slot packets");
      } else if (take("bytes")) {
        const std::string* size = peek();
        const bool is_plain = size != nullptr && size->find_first_not_of("0123456789") == std::string::npos;
        value["bytes"] =
            is_plain ? print_size(count("slot bytes")) : quantity("slot bytes", parse_size, print_size, "64kB");
      } else {
        more = false;
      }
    }
    put("slot", std::move(value));
  }

  void mtu() {
    Json value = {{"bytes", quantity("mtu", parse_mtu, print_size, "1400B")}};
    if (take("blackhole")) value["icmp"] = false;
    put("mtu", std::move(value));
  }

  void idle_timeout() {
    Json value = {{"time", quantity("idle_timeout", parse_duration, print_duration, "5m")}};
    if (take("reset")) {
      value["then"] = "reset";
    } else {
      take("drop");
    }
    put("idle_timeout", std::move(value));
  }

  void unknown(const std::string& word) {
    if (word == "distribution" || word == "gap") {
      fail(word + " stands behind the " + (word == "gap" ? "reorder" : "delay") + " it belongs to");
    } else if (word == "burst") {
      fail(
          "burst stands right behind the rate it belongs to, and tbf's latency is a queue here: write "
          "\"rate 1mbit burst 4kB queue 50ms\"");
    } else if (word == "seed") {
      fail("seed: not supported: a seed belongs to the link");
    } else {
      fail(unknown_name("word", word, kWords));
    }
    while (number_follows()) ++next_;  // its values: one error is enough
    if (word == "distribution" && peek() != nullptr) ++next_;
  }

  const std::vector<std::string>& words_;
  std::size_t next_ = 0;
  bool ecn_ = false;
  bool has_latency_ = false;
  NetemWords out_;
};

}  // namespace

NetemWords parse_netem_words(const std::vector<std::string>& words) { return Reader(words).read(); }

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(" \t", at)) != std::string_view::npos) {
    const std::size_t end = std::min(text.find_first_of(" \t", at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

}  // namespace wobble::api
