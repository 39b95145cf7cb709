// A pipeline for tests, in virtual time.
#pragma once

#include <gtest/gtest.h>

#include "emulator/link/pipeline.h"
#include "tests/emulator/start.h"

namespace wobble {

/// A pipeline with its conditions and a flow whose packets are counted.
struct Lane {
  explicit Lane(const DirectionConditions& conditions = {}, std::uint64_t seed = 1) : pipeline(Direction::up, seed) {
    set(conditions, kStart);
  }
  void set(const DirectionConditions& conditions, TimePoint now) { pipeline.configure(conditions, now); }
  Verdict admit(TimePoint now, std::uint32_t length = 1250) { return pipeline.admit({{}, 5, next++}, length, now); }
  TimePoint release(TimePoint now, std::uint32_t length = 1250) {
    const Verdict verdict = admit(now, length);
    EXPECT_FALSE(verdict.fate.is_dropped());
    return verdict.fate.release_at[0];
  }

  Pipeline pipeline;
  std::uint64_t next = 0;
};

}  // namespace wobble
