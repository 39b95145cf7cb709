#include "emulator/memory_budget.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "emulator/packet/packet_buffer.h"

namespace wobble {
namespace {

TEST(MemoryBudget, IsAllOrNothing) {
  MemoryBudget budget(100);
  EXPECT_TRUE(budget.take(60));
  EXPECT_FALSE(budget.take(41));
  EXPECT_EQ(budget.taken(), 60u);
  EXPECT_TRUE(budget.take(40));
  budget.give_back(100);
  EXPECT_EQ(budget.taken(), 0u);
}

TEST(MemoryBudget, PoolsThatShareItNeverPassItAndReturnEverything) {
  const auto budget = std::make_shared<MemoryBudget>(std::size_t{32} << 20);
  std::atomic<bool> passed{false};
  const auto work = [&](std::size_t size) {
    BufferPool pool(budget);
    for (int round = 0; round < 20; ++round) {
      std::vector<PacketBuffer> held;
      for (;;) {
        PacketBuffer buffer = pool.allocate(size);
        if (!buffer) break;
        held.push_back(std::move(buffer));
        if (budget->taken() > budget->limit()) passed = true;
      }
    }
  };
  std::thread a(work, 1500), b(work, 60'000);
  a.join();
  b.join();
  EXPECT_FALSE(passed);
  EXPECT_EQ(budget->taken(), 0u);
}

TEST(MemoryBudget, WhatOnePoolHasFinishedWithAnotherCanUse) {
  const auto budget = std::make_shared<MemoryBudget>(std::size_t{256} << 20);
  BufferPool first(budget), second(budget);
  const auto fill = [&](BufferPool& pool) {
    std::vector<PacketBuffer> held;
    for (PacketBuffer buffer = pool.allocate(1500); buffer; buffer = pool.allocate(1500)) {
      held.push_back(std::move(buffer));
    }
    return held.size();
  };
  const std::size_t all = fill(first);
  EXPECT_GT(all, 140'000u);
  EXPECT_LE(first.bytes_allocated(), BufferPool::kKept + 2 * BufferPool::kPiece);
  EXPECT_GT(fill(second), all * 7 / 10);
}

TEST(BufferPool, KeepsLittleWhateverSizesComeBackLast) {
  BufferPool pool(std::size_t{256} << 20);
  std::vector<PacketBuffer> small(100'000), large(50'000);
  for (auto& buffer : small) buffer = pool.allocate(48);
  for (auto& buffer : large) buffer = pool.allocate(1448);
  large.clear();
  small.clear();
  EXPECT_LE(pool.bytes_allocated(), pool.limit() / 64 + BufferPool::kPiece);
}

TEST(BufferPool, GivesBackWhatItKeeps) {
  const auto budget = std::make_shared<MemoryBudget>(std::size_t{256} << 20);
  BufferPool pool(budget);
  const PacketBuffer held = pool.allocate(1448);
  {
    std::vector<PacketBuffer> others(1000);
    for (auto& buffer : others) buffer = pool.allocate(1448);
  }
  EXPECT_GT(pool.bytes_allocated(), std::size_t{1} << 20);
  EXPECT_TRUE(pool.release_unused(10));
  EXPECT_FALSE(pool.release_unused(10'000));
  EXPECT_EQ(pool.bytes_allocated(), pool.bytes_in_use());
  EXPECT_LE(budget->taken(), BufferPool::kPiece);
  EXPECT_TRUE(held);
  EXPECT_TRUE(pool.allocate(1448));
}

/// A full segment costs at most 2.2 KB in its buffer, however many of them lie together.
TEST(BufferPool, ARunOfFullSegmentsCostsLittleMoreThanItsBytes) {
  BufferPool pool(std::size_t{1} << 20);
  for (std::size_t n = 1; n * 1448 + 52 <= 65'535; ++n) {
    EXPECT_LE(pool.allocate(n * 1448 + 52).footprint(), n * 2200) << n;
  }
}

}  // namespace
}  // namespace wobble
