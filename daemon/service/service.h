// The daemon's links behind the API's Backend: each link is a forwarder with its event ring, its conditions and their
// revision; the journal keeps what they tell.
//
// Threads: every Backend function may be called from any thread. While one waits for a link's loop, which may hang, it
// holds locks of that link alone: `in_use`, so that the loop is not taken away meanwhile, and to change the link's
// conditions `changing`, so that changes are made one at a time. What all links share is locked for moments:
// links_mutex_ to find a link, mutex_ for what is known of it. Ways in are set up and taken down one at a time under
// ways_mutex_. Two threads of our own: one brings back what was before a change that was made for a while, one watches
// the ways in. Locks are taken in the order ways_mutex_, in_use, changing, and then links_mutex_ or mutex_.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>

#include "api/backend.h"
#include "daemon/journal/journal.h"
#include "daemon/service/lock_out.h"
#include "daemon/service/lost_ends.h"
#include "daemon/service/past_conditions.h"
#include "daemon/service/patient_mutex.h"
#include "daemon/service/temporary_changes.h"
#include "daemon/ways_in/ways_in.h"
#include "emulator/connections/event_ring.h"
#include "emulator/link/forwarder.h"

namespace wobble::daemon {

class Service final : public api::Backend {
 public:
  /// How the links to be added run, and how many bytes they may have in flight together.
  struct Settings {
    ForwarderOptions forwarder;
    std::size_t memory = std::size_t{256} << 20;
    std::uint32_t connections = ConnectionTableOptions{}.capacity;  ///< each link follows at once
    std::uint32_t flood_rate = ConnectionTableOptions{}.flood_rate;
    WaysInOptions ways_in;
  };

  explicit Service(Journal& journal) : Service(journal, Settings()) {}
  Service(Journal& journal, const Settings& settings);
  /// Takes every way in down.
  ~Service() override;

  /// Puts a link into service that stays as long as the daemon, such as the lab's: its packets flow from now on.
  void add_link(const std::string& name, std::uint64_t seed, api::SideInfo near_info,
                std::unique_ptr<PacketDevice> near, api::SideInfo far_info, std::unique_ptr<PacketDevice> far);

  /// Where the API listens: from now on create() refuses what would lock its users out. Before the API serves anybody.
  void guard(const ApiAddress& api) { api_ = api; }
  /// The API's port: an attach of our own namespace leaves its connections alone. Before a link is made.
  void spare(std::uint16_t port) { ways_in_.spare(port); }

  std::string version() override;
  Duration uptime() override;
  api::WallTime wall_clock(TimePoint at) override;
  std::shared_ptr<MemoryBudget> memory() override { return memory_; }

  std::vector<api::LinkInfo> links() override;
  api::LinkInfo link(const std::string& name) override;
  api::LinkInfo apply(const std::string& name, const api::Change& change) override;
  api::LinkInfo reset(const std::string& name, const std::string& source,
                      std::optional<std::uint64_t> if_revision) override;
  api::LinkInfo end_temporary(const std::string& name, const std::string& source,
                              std::optional<std::uint64_t> if_revision) override;
  std::string past_conditions(const std::string& name, std::uint64_t revision) override;
  api::LinkInfo create(const api::NewLink& wanted) override;
  void remove(const std::string& name, std::optional<std::uint64_t> if_revision) override;
  LinkStats stats(const std::string& name) override;

  api::Page<api::ConnectionRow> connections(const api::ConnectionQuery& query) override;
  api::ConnectionRow connection(ConnectionId id) override;
  std::vector<api::TransitionRow> transitions(ConnectionId id) override;
  std::vector<api::SegmentRow> segments(ConnectionId id) override;
  std::vector<api::ConditionsRow> conditions(ConnectionId id) override;
  void follow(ConnectionId id) override;

  std::vector<api::EventRow> events(const api::EventQuery& query) override;
  std::uint64_t wait_for_event(std::uint64_t since, Duration at_most) override;
  std::uint64_t newest_event() override;
  api::EventRow annotate(const std::string& text, const std::optional<std::string>& link) override;

  std::unique_ptr<api::Capture> capture(const std::string& name, const api::CaptureOptions& options) override;

  api::Health health() override;
  api::JournalStats journal() override;

 private:
  static constexpr Duration kForwarderTimeout = std::chrono::seconds(1);  // so long a loop may take to answer

  struct ServedLink {
    explicit ServedLink(std::size_t ring_capacity) : ring(ring_capacity) {}
    EventRing ring;
    std::shared_mutex in_use;              // held alone to give it a loop, or take that away
    std::atomic<bool> is_leaving = false;  // it is being taken away
    std::timed_mutex changing;             // held for a whole change of its conditions
    bool is_late = false;                  // guarded by changing: the end of a change is told to be late already
    api::LinkInfo info;                    // guarded by mutex_, but for its name, which stays
    TemporaryChanges temporaries;          // guarded by mutex_
    PastConditions past;                   // guarded by mutex_
    // Guarded by in_use and ways_mutex_: both to change them, one of them to use them.
    std::unique_ptr<WayIn> way_in;         // none: the lab's, or it waits for its target
    std::unique_ptr<Forwarder> forwarder;  // none: it waits for its target
  };
  using LinkPointer = std::shared_ptr<ServedLink>;

  /// A link whose loop stays as long as this lives.
  struct Use {
    LinkPointer link;
    std::shared_lock<std::shared_mutex> lock;
    ServedLink& operator*() const noexcept { return *link; }
    ServedLink* operator->() const noexcept { return link.get(); }
  };

  /// Both throw api::NotFound.
  LinkPointer find(const std::string& name);
  Use use(const std::string& name);
  std::vector<LinkPointer> all_links();
  /// With mutex_ held: as it is now; what depends on the wall's clock by the clock of now.
  api::LinkInfo info_of(const ServedLink& link);
  /// Runs a command on the link's loop; Unavailable if it does not answer. Nothing to do while there is no loop. The
  /// link is in use.
  void call(ServedLink& link, const Forwarder::Command& command);
  /// The figures of connections that still live, as of now.
  void refresh_figures(std::vector<api::ConnectionRow>& rows);

  // In service_changes.cpp; with the link in use.
  using Asked = std::optional<std::uint64_t>;
  static std::unique_lock<std::timed_mutex> lock_changes(ServedLink& link);
  /// Both with `changing` held. RevisionMismatch; what the loop has taken over is in force, and journalled.
  void check_revision(const ServedLink& link, const Asked& if_revision);
  api::LinkInfo put_in_force(ServedLink& link, const LinkConditions& conditions, TemporaryChanges temporaries,
                             const std::string& source);
  void end_threads() noexcept;
  void bring_back_when_due();
  /// Brings back what is due; when it is to be called again.
  TimePoint expire_temporaries();
  TimePoint expire_temporaries(ServedLink& link) noexcept;
  void wake_reverter();

  // In service_links.cpp; with ways_mutex_ held.
  std::uint64_t revision_of(const ServedLink& link);
  std::unique_ptr<Forwarder> forwarder_for(ServedLink& link, std::unique_ptr<PacketDevice> near,
                                           std::unique_ptr<PacketDevice> far,
                                           std::unique_ptr<KernelPath> kernel_path = {});
  ServedLink& put_into_service(LinkPointer link);
  std::string choose_name(const api::NewLink& wanted);
  void let_in(ServedLink& link, std::unique_ptr<WayIn> way_in);
  /// Both: empty, or what could not be undone.
  std::string shut_out(ServedLink& link) noexcept;
  std::string discard(const std::string& name) noexcept;
  void watch_ways_in();
  void release_unused_memory();
  /// After a gap of the log: connections that are in no table any more, but that the log takes for alive.
  void settle_lost_ends();
  void look_after(const std::string& name);
  void see_whether_it_carries(ServedLink& link);
  void come_back(ServedLink& link);

  Journal& journal_;
  const ForwarderOptions forwarder_options_;
  const std::shared_ptr<MemoryBudget> memory_;
  const TimePoint started_at_;
  ConnectionTableOptions table_;
  ApiAddress api_;
  PatientMutex ways_mutex_;
  WaysIn ways_in_;  // guarded by ways_mutex_
  std::shared_mutex links_mutex_;
  std::map<std::string, LinkPointer> links_;  // guarded by links_mutex_; with ways_mutex_ it may be read
  std::mutex mutex_;
  std::condition_variable temporaries_changed_;
  std::condition_variable stopped_;
  bool has_new_temporaries_ = false;  // guarded by mutex_
  bool stopping_ = false;             // guarded by mutex_
  LostEnds lost_ends_;                // the watcher's
  std::thread reverter_;
  std::thread watcher_;
};

}  // namespace wobble::daemon
