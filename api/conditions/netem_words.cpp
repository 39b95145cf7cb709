#include "api/conditions/netem_words.h"

#include <algorithm>

#include "api/conditions/bottleneck_table.h"
#include "api/conditions/conditions_json.h"
#include "api/conditions/settings_table.h"
#include "api/conditions/units.h"
#include "api/conditions/word_reader.h"
#include "api/cut_text.h"
#include "api/nearest_name.h"

namespace wobble::api {
namespace {

constexpr std::size_t kMostErrors = 100;  // behind so many the words are not looked at
constexpr std::string_view kWords[] = {"delay", "loss",   "duplicate", "corrupt", "reorder", "rate",        "limit",
                                       "queue", "outage", "trace",     "slot",    "mtu",     "idle_timeout"};

/// Walks over the words; each function named after a word reads what follows it.
class Reader : private WordReader {
 public:
  explicit Reader(const std::vector<std::string>& words) : WordReader(words) {}

  NetemWords read() {
    if (words_.empty()) fail("no words: say for example \"delay 80ms 10ms loss 2%\"");
    while (next_ < words_.size() && errors_.size() < kMostErrors) {
      const std::string& word = words_[next_++];
      if (word == "delay" || word == "latency") {
        has_latency_ |= word == "latency";
        delay();
      } else if (word == "loss" || word == "drop") {
        loss();
      } else if (word == "duplicate" || word == "corrupt") {
        Json value = {{"percent", percent(word)}};
        correlation(word, value);
        own_words(word, value);
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
        trace();
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
    return {std::move(direction_), std::move(errors_)};
  }

 private:
  void put(const std::string& impairment, Json value) {
    if (direction_.contains(impairment)) fail(impairment + " is said twice");
    direction_[impairment] = std::move(value);
  }

  void correlation(const std::string& word, Json& value) {
    if (!number_follows()) return;
    const std::string correlation = percent(word);
    if (correlation != print_percent(Probability{})) value["correlation"] = correlation;
    refuse_number(word, "one percentage and its correlation are taken");
  }

  void delay() {
    Json value = {{"time", quantity("delay", parse_duration, print_duration, "80ms")}};
    if (number_follows()) {
      const std::string jitter = quantity("delay", parse_duration, print_duration, "10ms");
      if (jitter != print_duration(Duration{0})) value["jitter"] = jitter;
    }
    correlation("delay", value);
    if (take("distribution")) distribution("delay", value);
    own_words("delay", value);
    put("delay", std::move(value));
  }

  /// netem's other word for delay. Beside a token bucket it is tbf's, for how long a packet may wait for the rate.
  void latency() {
    const auto rate = direction_.find("rate");
    if (rate == direction_.end() || !rate->contains("burst")) return;
    fail("latency beside a burst is tbf's, and a queue here: write \"queue 50ms\", or \"delay 50ms\" if that is meant");
  }

  void distribution(const std::string& word, Json& value) {
    const std::string name = peek() != nullptr ? words_[next_++] : "";
    if (name == "normal" || name == "pareto" || name == "paretonormal") {
      value["distribution"] = name;
    } else if (name.starts_with('/')) {
      value["distribution"] = {{"file", name}};
    } else if (const auto table = numbers(name); !table.empty()) {
      value["distribution"] = {{"table", table}};
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
    if (take("after_rate")) direction_["loss"]["after_rate"] = true;
    own_words("loss", direction_["loss"]);
  }

  /// A word of its own, as tc has it: it may stand anywhere.
  void ecn() {
    const auto loss = direction_.find("loss");
    if (loss == direction_.end()) return fail("ecn says that packets are marked instead of lost: say loss as well");
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
    direction.loss.model = model;
    put("loss", to_json(direction).at("loss"));
  }

  void gemodel() {
    GilbertElliott model;
    percentages("loss gemodel", "p", {&model.p});
    model.r.parts_per_billion = Probability::kOne - model.p.parts_per_billion;
    if (number_follows()) percentages("loss gemodel", "r", {&model.r, &model.bad_loss, &model.good_loss});
    refuse_number("loss gemodel", "at most p, r, 1-h and 1-k are taken");
    DirectionConditions direction;
    direction.loss.model = model;
    put("loss", to_json(direction).at("loss"));
  }

  void reorder() {
    Json value = {{"percent", percent("reorder")}};
    correlation("reorder", value);
    own_words("reorder", value);
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

  /// A limit, a discipline, and its parameters in tc's words.
  void queue() {
    Json value = Json::object();
    if (number_follows()) value["limit"] = quantity("queue", parse_limit, print_limit, "100packets");
    if (peek() != nullptr &&
        std::find(std::begin(kDisciplines), std::end(kDisciplines), *peek()) != std::end(kDisciplines)) {
      value["discipline"] = words_[next_++];
    }
    own_words("queue", value);
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
    Json value = Json::object();
    const bool is_on = take("on");
    if (is_on) value["on"] = true;
    const bool is_said = is_on || take("off");
    if (own_words("outage", value) || is_said) return put("outage", std::move(value));
    fail("outage: on or off is missing");
    if (peek() != nullptr && std::find(std::begin(kWords), std::end(kWords), *peek()) == std::end(kWords)) ++next_;
  }

  /// A file's path, or the milliseconds themselves: "0,4,12".
  void trace() {
    const std::string text = peek() != nullptr ? words_[next_++] : "";
    const std::vector<std::int64_t> moments = numbers(text);
    put("trace", moments.empty() ? Json{{"file", text}} : Json{{"ms", moments}});
  }

  /// Words behind an impairment that netem has none for: those of the table of settings. False: none stands there.
  bool own_words(const std::string& impairment, Json& value) {
    const Setting& object = *find_setting(impairments(), impairment);
    const std::size_t first = next_;
    while (peek() != nullptr && errors_.size() < kMostErrors) {
      const auto said = [&](const Setting& setting) { return !setting.word.empty() && setting.word == *peek(); };
      const auto setting = std::find_if(object.inside.begin(), object.inside.end(), said);
      if (setting == object.inside.end()) break;
      const std::string word = impairment + " " + words_[next_++];
      Json& member = value[std::string(setting->name)];
      if (setting->kind == Kind::flag) {
        member = true;
      } else if (setting->kind == Kind::count) {
        member = count(word);
      } else if (setting->kind == Kind::choice ? peek() != nullptr : number_follows()) {
        member = words_[next_++];
      } else {
        fail(word + ": its value is missing");
      }
    }
    return next_ > first;
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

  bool ecn_ = false;
  bool has_latency_ = false;
  Json direction_ = Json::object();  // each named impairment, whole, canonical
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
