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

  /// As WaysIn::spare().
  void spare(std::uint16_t port) { ways_in_.spare(port); }

  /// A link that stays as long as this, with `info`'s name, seed and sides: its packets flow from now on.
  void add(api::LinkInfo info, std::unique_ptr<PacketDevice> near, std::unique_ptr<PacketDevice> far);
  // As api::Backend says.
  api::LinkInfo create(const api::NewLink& wanted);
  void remove(const std::string& name, std::optional<std::uint64_t> if_revision);
  /// Sees whether the link's way in still has its target, and carries, and does what follows from it. To be called a
  /// few times a second; nothing to do if there is no such link. Not for the lab's.
  void look_after(const std::string& name);

 private:
  // With mutex_ held.
  std::string choose_name(const api::NewLink& wanted) const;
  std::unique_ptr<Forwarder> forwarder_for(ServedLink& link, std::unique_ptr<PacketDevice> near,
                                           std::unique_ptr<PacketDevice> far,
                                           std::unique_ptr<KernelPath> kernel_path = {}) const;
  void put_into_service(const LinkPointer& link);
  void let_in(ServedLink& link, std::unique_ptr<WayIn> way_in);
  /// Both: empty, or what could not be undone.
  std::string shut_out(ServedLink& link) noexcept;
  std::string discard(ServedLink& link) noexcept;
  void lose_target(ServedLink& link, const std::string& why);
  void see_whether_it_carries(ServedLink& link);
  void come_back(ServedLink& link);
  /// What has become of its way in.
  void record(const ServedLink& link, const std::string& what);

  LinkRegistry& links_;
  Journal& journal_;
  const ForwarderOptions forwarder_options_;
  LinkOptions link_options_;  ///< but for the seed
  PatientMutex mutex_;
  WaysIn ways_in_;  // guarded by mutex_
};

}  // namespace wobble::daemon
