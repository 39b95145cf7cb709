// A backend in memory: a link "lab", and others if they are added, whose conditions can be set, a few connections, a
// log of events that grows.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <string>
#include <vector>

#include "api/backend.h"
#include "emulator/mutex.h"

namespace wobble::api {

class MockBackend : public Backend {
 public:
  MockBackend();

  std::string version() override { return "1.2.3"; }
  Duration uptime() override { return std::chrono::minutes(90); }
  std::shared_ptr<MemoryBudget> memory() override { return memory_; }
  WallTime wall_clock(TimePoint at) override { return kEpoch + at.time_since_epoch().count(); }

  std::vector<LinkInfo> links() override;
  LinkInfo link(const std::string& name) override;
  LinkInfo apply(const std::string& name, const Change& change) override;
  LinkInfo reset(const std::string& name, const std::string& source, std::optional<std::uint64_t> if_revision) override;
  LinkInfo end_temporary(const std::string& name, const std::string& source,
                         std::optional<std::uint64_t> if_revision) override;
  std::string past_conditions(const std::string& name, std::uint64_t revision) override;
  LinkInfo create(const NewLink& wanted) override;
  void remove(const std::string& name, std::optional<std::uint64_t> if_revision) override;
  LinkStats stats(const std::string& name) override;

  Page<ConnectionRow> connections(const ConnectionQuery& query) override;
  ConnectionRow connection(ConnectionId id) override;
  std::vector<TransitionRow> transitions(ConnectionId id) override;
  std::vector<SegmentRow> segments(ConnectionId id) override;
  std::vector<ConditionsRow> conditions(ConnectionId id) override;
  void follow(ConnectionId id) override;

  std::vector<EventRow> events(const EventQuery& query) override;
  std::uint64_t wait_for_event(std::uint64_t since, Duration at_most) override;
  std::uint64_t newest_event() override;
  EventRow annotate(const std::string& text, const std::optional<std::string>& link) override;

  std::unique_ptr<Capture> capture(const std::string& name, const CaptureOptions& options) override;

  Health health() override;
  JournalStats journal() override { return {1000, 3, 4, 1, 65'536}; }

  /// 2026-11-22T09:05:57.123456789Z
  static constexpr WallTime kEpoch = 1'795'338'357'123'456'789;

  // What tests set and look at; under mutex() where the server runs.
  Mutex& mutex() { return mutex_; }
  void add_event(const std::string& kind, const std::string& text, const std::string& link = "lab");
  LinkConditions conditions();
  std::vector<Change> changes();
  ConnectionQuery last_query();
  std::vector<ConnectionId> followed();
  CaptureOptions last_capture();
  int captures_under_way();
  std::vector<NewLink> created();
  void set_health(Health health);
  void set_stats(const LinkStats& stats);
  /// The next apply() finds that somebody else has just changed the link, `times` times.
  void interfere(int times);
  bool stats_unavailable = false;
  bool stats_broken = false;

  MemoryBudget& budget() { return *memory_; }
  void add_link(const std::string& name);
  /// A change of this link waits until go_on().
  void hang(const std::string& name);
  void wait_until_it_hangs();
  void go_on();
  /// Only the present revision is kept.
  void forget_past();

 private:
  LinkInfo& find(const std::string& name) WOBBLE_REQUIRES(mutex_);  // NotFound

  const std::shared_ptr<MemoryBudget> memory_ = std::make_shared<MemoryBudget>(std::size_t{1} << 30);
  Mutex mutex_;
  std::condition_variable grown_;
  std::map<std::string, LinkInfo> links_ WOBBLE_GUARDED_BY(mutex_);
  std::string hanging_ WOBBLE_GUARDED_BY(mutex_);
  bool hangs_ WOBBLE_GUARDED_BY(mutex_) = false;
  LinkStats stats_ WOBBLE_GUARDED_BY(mutex_);
  std::vector<Change> changes_ WOBBLE_GUARDED_BY(mutex_);
  std::map<std::uint64_t, LinkConditions> past_ WOBBLE_GUARDED_BY(mutex_);
  std::vector<EventRow> events_ WOBBLE_GUARDED_BY(mutex_);
  std::vector<ConnectionId> followed_ WOBBLE_GUARDED_BY(mutex_);
  std::vector<NewLink> created_ WOBBLE_GUARDED_BY(mutex_);
  ConnectionQuery last_query_ WOBBLE_GUARDED_BY(mutex_);
  CaptureOptions last_capture_ WOBBLE_GUARDED_BY(mutex_);
  std::atomic<int> captures_{0};
  Health health_ WOBBLE_GUARDED_BY(mutex_);
  int interferences_ WOBBLE_GUARDED_BY(mutex_) = 0;
};

}  // namespace wobble::api
