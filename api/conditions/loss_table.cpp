#include "api/conditions/loss_table.h"

#include "api/conditions/common_settings.h"
#include "api/conditions/conditions_check.h"

namespace wobble::api {
namespace {

constexpr Setting kBurstMembers[] = {
    chance<&BurstLoss::loss>("percent", "1%", "of all packets"),
    in<InMeanPackets, &BurstLoss::length_thousandths>(
        {.name = "length",
         .example = "5packets",
         .range = Range{1000, kMaxBurstLength, "missing", "1packet to 1000000packets"},
         .help = "how many in a row, on average"}),
};
constexpr Setting kGilbertElliottMembers[] = {
    chance<&GilbertElliott::p>("p", "1%", "good to bad"),
    chance<&GilbertElliott::r>("r", "10%", "bad to good", "100% - p"),
    in<InPercent, &GilbertElliott::bad_loss>(
        {.name = "1-h", .example = "100%", .range = kChances, .help = "loss in bad"}),
    in<InPercent, &GilbertElliott::good_loss>(
        {.name = "1-k", .example = "0%", .range = kChances, .help = "loss in good"}),
};
constexpr Setting kMarkovMembers[] = {
    chance<&MarkovLoss::p13>("p13", "1%", "gap to loss"),
    chance<&MarkovLoss::p31>("p31", "10%", "loss to gap", "100% - p13"),
    in<InPercent, &MarkovLoss::p32>({.name = "p32", .example = "0%", .range = kChances, .help = "loss to burst"}),
    in<InPercent, &MarkovLoss::p23>({.name = "p23", .example = "100%", .range = kChances, .help = "burst to loss"}),
    in<InPercent, &MarkovLoss::p14>({.name = "p14", .example = "0%", .range = kChances, .help = "a lone loss"}),
};

/// As tc has it: without r, or p31, the model has no memory.
void complete_gilbert_elliott(const Json& value, void* object, bool is_new) {
  auto& model = *static_cast<GilbertElliott*>(object);
  const bool is_named = value.is_object() && value.contains("r");
  if (is_named ? value.at("r").is_null() : is_new) {
    model.r.parts_per_billion = Probability::kOne - model.p.parts_per_billion;
  }
}
void complete_markov(const Json& value, void* object, bool is_new) {
  auto& model = *static_cast<MarkovLoss*>(object);
  const bool is_named = value.is_object() && value.contains("p31");
  if (is_named ? value.at("p31").is_null() : is_new) {
    model.p31.parts_per_billion = Probability::kOne - model.p13.parts_per_billion;
  }
}

constexpr Setting list_setting() {
  using Place = MemberAccess<kMemberOf<&LossSettings::model, &ListLoss::numbers>>;
  Setting setting{.name = "list",
                  .help = "packets by number, counted from 1 when it is set",
                  .alternative = "list",
                  .longest = kMaxListed,
                  .kind = Kind::numbers};
  setting.reset = &Place::reset;
  setting.is_default = &Place::is_default;
  setting.read = [](const Setting&, const Json& value, const std::string& pointer, void* owner, Reading& reading) {
    if (!value.is_array()) return reading.push_back({pointer, "a list of packet numbers such as [3, 7] is expected"});
    std::vector<std::uint64_t> list;
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i].is_number_unsigned()) {
        list.push_back(value[i].get<std::uint64_t>());
      } else if (reading.is_full()) {
        reading.count_one();
      } else {
        reading.push_back({pointer + "/" + std::to_string(i), "a packet number from 1 is expected"});
      }
    }
    Place::set(owner, std::move(list));
  };
  setting.write = [](const Setting&, const void* owner) -> Json {
    return Place::is_default(owner) ? Json() : Json(Place::of(owner));
  };
  return setting;
}

constexpr Setting pattern_setting() {
  using Place = MemberAccess<kMemberOf<&LossSettings::model, &PatternLoss::marks>>;
  Setting setting{.name = "pattern",
                  .help = ". received, x lost, over and over",
                  .alternative = "pattern",
                  .longest = kMaxPattern,
                  .kind = Kind::pattern};
  setting.reset = &Place::reset;
  setting.is_default = &Place::is_default;
  setting.read = [](const Setting&, const Json& value, const std::string& pointer, void* owner, Reading& reading) {
    if (value.is_string()) {
      Place::set(owner, value.get<std::string>());
    } else {
      reading.push_back({pointer, "a string of . (received) and x (lost) is expected, such as \"...x\""});
    }
  };
  setting.write = [](const Setting&, const void* owner) -> Json {
    return Place::is_default(owner) ? Json() : Json(Place::of(owner));
  };
  return setting;
}

constexpr Setting kLossMembers[] = {
    in<InPercent, kMemberOf<&LossSettings::model, &RandomLoss::probability>>(
        {.name = "random", .example = "2%", .range = kChances, .alternative = "random"}),
    correlation<&LossSettings::correlation>(
        "of random: how much a packet's fate resembles the last one's; the mean stays random", "random"),
    alternative_object<&LossSettings::model, BurstLoss>({.name = "burst",
                                                         .help = "mean loss, in runs of this mean length",
                                                         .alternative = "burst",
                                                         .inside = kBurstMembers}),
    alternative_object<&LossSettings::model, GilbertElliott>({.name = "gilbert_elliott",
                                                              .help = "as netem's gemodel",
                                                              .alternative = "gilbert_elliott",
                                                              .inside = kGilbertElliottMembers,
                                                              .after = complete_gilbert_elliott}),
    alternative_object<&LossSettings::model, MarkovLoss>({.name = "markov",
                                                          .help = "as netem's four states",
                                                          .alternative = "markov",
                                                          .inside = kMarkovMembers,
                                                          .after = complete_markov}),
    count<kMemberOf<&LossSettings::model, &EveryLoss::n>>(
        {.name = "every", .help = "each n-th packet", .alternative = "every"}),
    list_setting(),
    pattern_setting(),
    flag<&LossSettings::after_rate>(
        {.name = "after_rate", .help = "behind the bottleneck: what is lost has taken its capacity"}),
    flag<&LossSettings::ecn>(
        {.name = "ecn", .help = "those that the model chooses are marked (RFC 3168) if they are ECT, else lost"}),
    per<&LossSettings::per>(),
};

}  // namespace

constinit const Setting kLossSetting = object<&DirectionConditions::loss>(
    {.name = "loss", .help = "one model at most", .inside = kLossMembers, .shorthand = "random", .check = check_loss});

}  // namespace wobble::api
