// The daemon behind the API's Backend: hands each question on to whoever knows the answer. What the log alone is asked
// goes to the Journal as it is.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/backend.h"
#include "daemon/journal/journal.h"
#include "daemon/service/condition_changes.h"
#include "daemon/service/link_lifecycle.h"
#include "daemon/service/link_registry.h"
#include "daemon/service/live_connections.h"
#include "daemon/service/lock_out.h"
#include "daemon/service/watcher.h"

namespace wobble::daemon {

/// Any thread, but for guard() and spare(). At its end every way in is taken down.
class Service final : public api::Backend {
 public:
  using Revision = std::optional<std::uint64_t>;

  /// The journal outlives this. Throws std::system_error if there are no threads to be had.
  explicit Service(Journal& journal, const LinkSettings& settings = {});

  /// Puts a link into service that stays as long as the daemon, such as the lab's: its packets flow from now on.
  void add_link(const std::string& name, std::uint64_t seed, api::SideInfo near_info,
                std::unique_ptr<PacketDevice> near, api::SideInfo far_info, std::unique_ptr<PacketDevice> far);

  /// Where the API listens: from now on create() refuses what would lock its users out. Before the API serves anybody.
  void guard(const ApiAddress& api) { api_ = api; }
  /// The API's port: an attach of our own namespace leaves its connections alone. Before a link is made.
  void spare(std::uint16_t port) { lifecycle_.spare(port); }

  std::string version() override;
  Duration uptime() override { return Forwarder::now() - started_at_; }
  api::WallTime wall_clock(TimePoint at) override { return journal_.wall_clock(at); }
  std::shared_ptr<MemoryBudget> memory() override { return memory_; }

  std::vector<api::LinkInfo> links() override;
  api::LinkInfo link(const std::string& name) override { return links_.find(name)->record.info(); }
  api::LinkInfo apply(const std::string& name, const api::Change& change) override;
  api::LinkInfo reset(const std::string& name, const std::string& source, Revision if_revision) override {
    return changes_.reset(name, source, if_revision);
  }
  api::LinkInfo end_temporary(const std::string& name, const std::string& source, Revision if_revision) override {
    return changes_.end_temporary(name, source, if_revision);
  }
  std::string past_conditions(const std::string& name, std::uint64_t revision) override {
    return links_.find(name)->record.past_conditions(revision);
  }
  api::LinkInfo create(const api::NewLink& wanted) override;
  void remove(const std::string& name, Revision if_revision) override { lifecycle_.remove(name, if_revision); }
  LinkStats stats(const std::string& name) override;

  api::Page<api::ConnectionRow> connections(const api::ConnectionQuery& query) override {
    return connections_.list(query);
  }
  api::ConnectionRow connection(ConnectionId id) override { return connections_.one(id); }
  std::vector<api::TransitionRow> transitions(ConnectionId id) override;
  std::vector<api::SegmentRow> segments(ConnectionId id) override;
  std::vector<api::ConditionsRow> conditions(ConnectionId id) override { return journal_.conditions(id); }
  void follow(ConnectionId id) override { connections_.follow(id); }

  std::vector<api::EventRow> events(const api::EventQuery& query) override;
  std::uint64_t wait_for_event(std::uint64_t since, Duration at_most) override {
    return journal_.wait_for_event(since, at_most);
  }
  std::uint64_t newest_event() override { return journal_.newest_event(); }
  api::EventRow annotate(const std::string& text, const std::optional<std::string>& link) override;

  std::unique_ptr<api::Capture> capture(const std::string& name, const api::CaptureOptions& options) override;

  api::Health health() override;
  api::JournalStats journal() override { return journal_.stats(); }

 private:
  Journal& journal_;
  const std::shared_ptr<MemoryBudget> memory_;
  const TimePoint started_at_;
  ApiAddress api_;
  // Each uses those above it, and ends before them.
  LinkRegistry links_;
  LinkLifecycle lifecycle_;
  ConditionChanges changes_;
  LiveConnections connections_;
  Watcher watcher_;
};

}  // namespace wobble::daemon
