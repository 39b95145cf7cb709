#include "daemon/service/patient_mutex.h"

#include <gmock/gmock.h>

#include <chrono>
#include <future>
#include <thread>
#include <vector>

#include "api/backend.h"
#include "emulator/mutex.h"

namespace wobble::daemon {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

/// "taken", or why it was refused.
std::string outcome(PatientMutex& mutex) {
  try {
    mutex.lock_or_refuse();
    const LockGuard lock(mutex, std::adopt_lock);
    return "taken";
  } catch (const api::Unavailable& error) {
    return error.what();
  }
}

TEST(PatientMutex, who_waits_for_one_that_goes_on_gets_it) {
  PatientMutex mutex;
  mutex.lock();
  auto waits = std::async(std::launch::async, [&] { return outcome(mutex); });
  std::this_thread::sleep_for(200ms);
  mutex.unlock();
  EXPECT_EQ(waits.get(), "taken");
  EXPECT_EQ(outcome(mutex), "taken");
}

TEST(PatientMutex, who_waits_for_one_that_hangs_is_refused) {
  PatientMutex mutex;
  mutex.lock();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(outcome(mutex), HasSubstr("has taken 5 s so far"));
  EXPECT_GE(std::chrono::steady_clock::now() - began, PatientMutex::kPatience);
  EXPECT_THAT(outcome(mutex), HasSubstr("nothing was changed"));
  mutex.unlock();
  EXPECT_EQ(outcome(mutex), "taken");
}

TEST(PatientMutex, no_more_than_some_wait) {
  PatientMutex mutex;
  mutex.lock();
  std::vector<std::future<std::string>> all;
  for (int n = 0; n < PatientMutex::kMostWaiting + 4; ++n) {
    all.push_back(std::async(std::launch::async, [&] { return outcome(mutex); }));
  }
  std::this_thread::sleep_for(500ms);
  mutex.unlock();
  int refused = 0;
  for (auto& one : all) refused += one.get().find("too many links") != std::string::npos ? 1 : 0;
  EXPECT_EQ(refused, 4);
}

}  // namespace
}  // namespace wobble::daemon
