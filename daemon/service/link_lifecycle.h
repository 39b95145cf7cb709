// Links that come and go with their ways in: set up, looked after, taken down.
//
// While the target of an attach that follows is gone, its link waits: it has neither a way in nor a loop, and what is
// asked of it is put in force when the target is back. Any other link goes with its target.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/backend.h"
#include "daemon/journal/journal.h"
#include "daemon/service/link_registry.h"
#include "daemon/service/patient_mutex.h"
#include "daemon/ways_in/ways_in.h"
#include "emulator/connections/connection_table.h"
#include "emulator/link/forwarder.h"
#include "emulator/link/link.h"
#include "emulator/memory_budget.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

/// How links run.
struct LinkSettings {
  ForwarderOptions forwarder;
  std::size_t memory = std::size_t{256} << 20;                    ///< bytes that all may have in flight together
  std::uint32_t connections = ConnectionTableOptions{}.capacity;  ///< each link follows at once
  std::uint32_t flood_rate = ConnectionTableOptions{}.flood_rate;
  WaysInOptions ways_in;
};

/// Any thread. Ways in are set up and taken down one at a time, under a lock of its own; the API answers meanwhile,
/// since a link is locked for others only while it gets its loop or loses it.
class LinkLifecycle {
 public:
  /// The registry and the journal outlive this.
  LinkLifecycle(LinkRegistry& links, Journal& journal, std::shared_ptr<MemoryBudget> memory,
                const LinkSettings& settings);
  /// Takes every link down; nobody uses one any more.
  ~LinkLifecycle();
  LinkLifecycle(const LinkLifecycle&) = delete;
  LinkLifecycle& operator=(const LinkLifecycle&) = delete;

  /// As WaysIn::spare(). Before the first link, so without the lock.
  void spare(std::uint16_t port) WOBBLE_NO_THREAD_SAFETY_ANALYSIS { ways_in_.spare(port); }

  /// A link that stays as long as this, with `info`'s name, seed and sides: its packets flow from now on.
  void add(api::LinkInfo info, std::unique_ptr<PacketDevice> near, std::unique_ptr<PacketDevice> far);
  // As api::Backend says.
  api::LinkInfo create(const api::NewLink& wanted);
  void remove(const std::string& name, std::optional<std::uint64_t> if_revision);
  /// Sees whether the link's way in still has its target, and carries, and does what follows from it. To be called a
  /// few times a second; nothing to do if there is no such link. Not for the lab's.
  void look_after(const std::string& name);

 private:
  /// Tells the analysis that nobody else gives the link a loop or a way in, or takes it away: both may be used.
  void may_use([[maybe_unused]] const ServedLink& link) const WOBBLE_REQUIRES(mutex_)
      WOBBLE_ASSERTS_SHARED(link.in_use) {}
  std::string choose_name(const api::NewLink& wanted) const WOBBLE_REQUIRES(mutex_);
  std::unique_ptr<Forwarder> forwarder_for(ServedLink& link, std::unique_ptr<PacketDevice> near,
                                           std::unique_ptr<PacketDevice> far,
                                           std::unique_ptr<KernelPath> kernel_path = {}) const WOBBLE_REQUIRES(mutex_);
  void put_into_service(const LinkPointer& link) WOBBLE_REQUIRES(mutex_);
  void let_in(ServedLink& link, std::unique_ptr<WayIn> way_in) WOBBLE_REQUIRES(mutex_);
  /// Both: empty, or what could not be undone.
  std::string shut_out(ServedLink& link) noexcept WOBBLE_REQUIRES(mutex_);
  std::string discard(ServedLink& link) noexcept WOBBLE_REQUIRES(mutex_);
  void lose_target(ServedLink& link, const std::string& why) WOBBLE_REQUIRES(mutex_);
  void see_whether_it_carries(ServedLink& link) WOBBLE_REQUIRES(mutex_);
  void come_back(ServedLink& link) WOBBLE_REQUIRES(mutex_);
  /// What has become of its way in.
  void record(const ServedLink& link, const std::string& what);

  LinkRegistry& links_;
  Journal& journal_;
  const ForwarderOptions forwarder_options_;
  LinkOptions link_options_;  ///< but for the seed
  PatientMutex mutex_;
  WaysIn ways_in_ WOBBLE_GUARDED_BY(mutex_);
};

}  // namespace wobble::daemon
