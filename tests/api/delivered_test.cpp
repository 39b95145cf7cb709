// What was delivered, beside what was asked: each share is of the packets that met the impairment.
#include <gtest/gtest.h>

#include "tests/api/server_fixture.h"

namespace wobble::api {
namespace {

using nlohmann::json;

std::uint64_t& dropped(DirectionStats& stats, DropReason reason) {
  return stats.since_change.dropped[static_cast<std::size_t>(reason)];
}

class DeliveredTest : public ServerTest {
 protected:
  json delivered(const LinkStats& stats) {
    backend_.set_stats(stats);
    return get("/api/v1/links/lab/stats")["up"]["delivered"];
  }
};

TEST_F(DeliveredTest, NothingIsKnownBeforeThereWasAPacket) {
  const json up = delivered({});
  for (const char* name : {"loss_percent", "loss_burst_length", "reorder_percent", "marked_percent"})
    EXPECT_EQ(up[name], nullptr) << name;
  EXPECT_EQ(up["reordering"], json::parse(R"({"percent":null,"extent_mean":null,"extent_max":null})"));
}

TEST_F(DeliveredTest, ReorderingIsWhatLeftOutOfOrder) {
  LinkStats stats;
  stats.up.since_change.reordering = {200, 10, 30, 7};
  EXPECT_EQ(delivered(stats)["reordering"], json::parse(R"({"percent":5.0,"extent_mean":3.0,"extent_max":7})"));
}

TEST_F(DeliveredTest, ABurstIsAsLongAsItsRunsAreOnAverage) {
  LinkStats stats;
  stats.up.since_change.loss_runs = {10, 4};
  EXPECT_EQ(delivered(stats)["loss_burst_length"], 2.5);
  EXPECT_EQ(get("/api/v1/links/lab/stats")["up"]["since_change"]["loss_bursts"], 4);
}

TEST_F(DeliveredTest, WhatCameDamagedIsCounted) {
  LinkStats stats;
  stats.up.since_change.bad_checksum = 3;
  backend_.set_stats(stats);
  EXPECT_EQ(get("/api/v1/links/lab/stats")["up"]["since_change"]["bad_checksum"], 3);
}

TEST_F(DeliveredTest, LossIsOfWhatTheStagesBeforeItLetPass) {
  LinkStats stats;
  stats.up.since_change.packets_in = 1400;
  dropped(stats.up, DropReason::outage) = 100;
  dropped(stats.up, DropReason::mtu) = 200;
  dropped(stats.up, DropReason::idle_timeout) = 100;
  dropped(stats.up, DropReason::loss) = 50;
  stats.up.since_change.duplicated = 95;
  const json up = delivered(stats);
  EXPECT_EQ(up["loss_percent"], 5.0);
  EXPECT_EQ(up["duplicate_percent"], 10.0);
}

TEST_F(DeliveredTest, LossAfterTheRateIsOfWhatTheQueueLetPass) {
  send("PATCH", "/api/v1/links/lab", R"({"up": {"loss": {"random": "5%", "after_rate": true}}})", 200);
  LinkStats stats;
  stats.up.since_change.packets_in = 1000;
  dropped(stats.up, DropReason::queue) = 100;
  dropped(stats.up, DropReason::aqm) = 100;
  dropped(stats.up, DropReason::loss) = 40;
  stats.up.since_change.marked = 80;
  const json up = delivered(stats);
  EXPECT_EQ(up["loss_percent"], 5.0);
  EXPECT_EQ(up["marked_percent"], 10.0);
}

TEST_F(DeliveredTest, WhatLossHasMarkedIsNotLost) {
  send("PATCH", "/api/v1/links/lab", R"({"up": {"loss": {"random": "5%", "ecn": true}}})", 200);
  LinkStats stats;
  stats.up.since_change.packets_in = 1000;
  dropped(stats.up, DropReason::loss) = 10;  // of the sixty chosen
  stats.up.since_change.marked = 50;
  stats.up.since_change.loss_runs = {60, 40};
  const json up = delivered(stats);
  EXPECT_EQ(up["loss_percent"], 1.0);
  EXPECT_NEAR(up["marked_percent"], 5.05, 0.01);
  EXPECT_EQ(up["loss_burst_length"], 1.5);
}

}  // namespace
}  // namespace wobble::api
