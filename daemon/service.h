// The daemon's links behind the API's Backend: each link is a forwarder with its event ring, its conditions and their
// revision; the journal keeps what they tell.
//
// Threads: every Backend function may be called from any thread. Changes are made one at a time under mutex_; the
// forwarder takes each over within its loop, and only then does the call return. One thread of our own brings back what
// was before a change that was made for a while.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "api/backend.h"
#include "daemon/journal/journal.h"
#include "daemon/temporary_changes.h"
#include "emulator/event_ring.h"
#include "emulator/forwarder.h"

namespace wobble::daemon {

class Service final : public api::Backend {
 public:
  explicit Service(Journal& journal);
  ~Service() override;

  /// Puts a link into service: its packets flow from now on.
  void add_link(const std::string& name, std::uint64_t seed, api::SideInfo near_info,
                std::unique_ptr<PacketDevice> near, api::SideInfo far_info, std::unique_ptr<PacketDevice> far,
                const ConnectionTableOptions& table);

  std::string version() override;
  Duration uptime() override;
  api::WallTime wall_clock(TimePoint at) override;

  std::vector<api::LinkInfo> links() override;
  api::LinkInfo link(const std::string& name) override;
  api::LinkInfo apply(const std::string& name, const api::Change& change) override;
  api::LinkInfo reset(const std::string& name, const std::string& source) override;
  LinkStats stats(const std::string& name) override;

  api::Page<api::ConnectionRow> connections(const api::ConnectionQuery& query) override;
  api::ConnectionRow connection(ConnectionId id) override;
  std::vector<api::TransitionRow> transitions(ConnectionId id) override;
  std::vector<api::SegmentRow> segments(ConnectionId id) override;
  void follow(ConnectionId id) override;

  std::vector<api::EventRow> events(const api::EventQuery& query) override;
  std::uint64_t wait_for_event(std::uint64_t since, Duration at_most) override;
  std::uint64_t newest_event() override;
  api::EventRow annotate(const std::string& text, const std::optional<std::string>& link) override;

  std::unique_ptr<api::Capture> capture(const std::string& name, const api::CaptureOptions& options) override;

  api::Health health() override;
  api::JournalStats journal() override;

 private:
  struct ServedLink {
    EventRing ring;
    api::LinkInfo info;            // guarded by mutex_
    TemporaryChanges temporaries;  // guarded by mutex_
    std::unique_ptr<Forwarder> forwarder;
  };

  ServedLink& find(const std::string& name);
  /// Runs a command on the link's loop; Unavailable if it does not answer.
  void call(ServedLink& link, const Forwarder::Command& command);
  /// With mutex_ held: puts conditions in force, counts the revision, and journals it.
  void put_in_force(ServedLink& link, const LinkConditions& conditions, const std::string& source);
  /// The figures of connections that still live, as of now.
  void refresh_figures(std::vector<api::ConnectionRow>& rows);
  void bring_back_when_due();

  Journal& journal_;
  const TimePoint started_at_;
  std::map<std::string, std::unique_ptr<ServedLink>> links_;  // filled before the API serves, then constant
  std::mutex mutex_;
  std::condition_variable temporaries_changed_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread reverter_;
};

}  // namespace wobble::daemon
