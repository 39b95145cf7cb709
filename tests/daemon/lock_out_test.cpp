#include "daemon/service/lock_out.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include "api/backend.h"

namespace wobble::daemon {
namespace {

using testing::HasSubstr;

std::string refusal(const api::WayInSettings& way_in, const ApiAddress& api, std::optional<Duration> lasts = {}) {
  api::NewLink wanted;
  wanted.way_in = way_in;
  wanted.lasts = lasts;
  try {
    refuse_lock_out(wanted, api);
  } catch (const api::Unfit& e) {
    EXPECT_EQ(e.pointer, "/for");
    return e.what();
  }
  return "";
}

api::AttachSettings attach(const std::string& target, std::vector<std::uint16_t> ports = {},
                           const std::string& protocol = "") {
  api::AttachSettings settings;
  settings.target = target;
  settings.ports = std::move(ports);
  settings.protocol = protocol;
  return settings;
}

const ApiAddress kLocal{"127.0.0.1", 7979};
const ApiAddress kRemote{"0.0.0.0", 7979};

TEST(LockOut, the_apis_own_port_takes_an_end) {
  for (const ApiAddress& api : {kLocal, kRemote}) {
    EXPECT_THAT(refusal(api::LoopbackSettings{7979, "tcp"}, api), HasSubstr("port 7979 is this API's own"));
    EXPECT_THAT(refusal(api::LoopbackSettings{7979, "tcp"}, api), HasSubstr("--for 10m"));
    EXPECT_EQ(refusal(api::LoopbackSettings{7979, "tcp"}, api, std::chrono::seconds(30)), "");
    EXPECT_EQ(refusal(api::LoopbackSettings{7979, "udp"}, api), "");
    EXPECT_EQ(refusal(api::LoopbackSettings{8000, "tcp"}, api), "");
  }
}

TEST(LockOut, the_host_takes_an_end_where_the_api_is_used_from_elsewhere) {
  EXPECT_EQ(refusal(attach("host"), kLocal), "");
  EXPECT_THAT(refusal(attach("host"), kRemote), HasSubstr("this API at 0.0.0.0, port 7979"));
  EXPECT_EQ(refusal(attach("host"), kRemote, std::chrono::seconds(30)), "");
  EXPECT_THAT(refusal(attach("host", {443, 7979}), kRemote), HasSubstr("--for 10m"));
  EXPECT_EQ(refusal(attach("host", {443}), kRemote), "");
  EXPECT_EQ(refusal(attach("host", {}, "udp"), kRemote), "");
}

TEST(LockOut, the_host_by_another_name_is_the_host) {
  EXPECT_THAT(refusal(attach("pid:" + std::to_string(getpid())), kRemote), HasSubstr("--for 10m"));
  EXPECT_THAT(refusal(attach("netns:/proc/self/ns/net"), kRemote), HasSubstr("--for 10m"));
  EXPECT_EQ(refusal(attach("netns:no-such-namespace"), kRemote), "") << "that is for another to say";
}

std::string refusal_of(const LinkConditions& conditions, const api::WayInSettings& way_in, const ApiAddress& api,
                       std::optional<Duration> lasts = {}) {
  api::Change change;
  change.conditions = conditions;
  change.lasts = lasts;
  try {
    refuse_lock_out(way_in, change, api);
  } catch (const api::Unfit& e) {
    EXPECT_EQ(e.pointer, "/for");
    return e.what();
  }
  return "";
}

TEST(LockOut, an_outage_of_a_link_that_stands_takes_an_end_too) {
  LinkConditions outage;
  outage.down.outage.on = true;
  EXPECT_THAT(refusal_of(outage, attach("host"), kRemote), HasSubstr("--for 10m"));
  EXPECT_THAT(refusal_of(outage, api::LoopbackSettings{7979, "tcp"}, kLocal), HasSubstr("--for 10m"));
  EXPECT_EQ(refusal_of(outage, attach("host"), kRemote, std::chrono::seconds(30)), "");
  EXPECT_EQ(refusal_of(outage, attach("host"), kLocal), "");
  EXPECT_EQ(refusal_of(outage, attach("host", {443}), kRemote), "");
  EXPECT_EQ(refusal_of(outage, api::LabSettings{}, kRemote), "");
  LinkConditions later;
  later.scenario.resize(2);
  later.scenario[1].up = outage.down;
  EXPECT_THAT(refusal_of(later, attach("host"), kRemote), HasSubstr("--for 10m"));
}

TEST(LockOut, what_hardly_lets_anything_through_counts_as_an_outage) {
  using std::chrono::seconds;
  const auto is_refused = [](const auto& set) {
    LinkConditions conditions;
    set(conditions.up);
    return !refusal_of(conditions, attach("host"), kRemote).empty();
  };
  EXPECT_TRUE(is_refused([](DirectionConditions& c) { c.loss.model = RandomLoss{Probability::percent(50)}; }));
  EXPECT_TRUE(is_refused([](DirectionConditions& c) { c.loss.model = PatternLoss{"xx."}; }));
  EXPECT_TRUE(is_refused([](DirectionConditions& c) { c.corrupt.probability = Probability::percent(100); }));
  EXPECT_TRUE(is_refused([](DirectionConditions& c) { c.delay.time = seconds(3); }));
  EXPECT_TRUE(is_refused([](DirectionConditions& c) { c.slot.min = c.slot.max = seconds(3); }));
  EXPECT_TRUE(is_refused([](DirectionConditions& c) { c.rate = 1'000; }));
  EXPECT_TRUE(is_refused([](DirectionConditions& c) { c.outage.up_for = c.outage.down_for = seconds(60); }));
  EXPECT_FALSE(is_refused([](DirectionConditions&) {}));
  EXPECT_FALSE(is_refused([](DirectionConditions& c) {
    c.loss.model = RandomLoss{Probability::percent(20)};
    c.delay.time = seconds(1);
    c.rate = 64'000;
    c.corrupt.probability = Probability::percent(5);
  }));
}

TEST(LockOut, nothing_is_refused_before_the_api_listens) {
  EXPECT_EQ(refusal(attach("host"), {}), "");
  EXPECT_EQ(refusal(api::LoopbackSettings{0, "tcp"}, {}), "");
}

}  // namespace
}  // namespace wobble::daemon
