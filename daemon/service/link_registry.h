// The links that are in service, by their names.
#pragma once

#include <map>
#include <shared_mutex>
#include <string>
#include <vector>

#include "daemon/service/served_link.h"
#include "emulator/mutex.h"

namespace wobble::daemon {

/// Any thread; only LinkLifecycle adds and removes.
class LinkRegistry {
 public:
  /// A link whose loop stays as long as this lives.
  struct Use {
    LinkPointer link;
    std::shared_lock<SharedMutex> in_use;
    ServedLink& operator*() const noexcept { return *link; }
    ServedLink* operator->() const noexcept { return link.get(); }
    /// As ServedLink::call().
    void call(const Forwarder::Command& command) const {
      link->in_use.assert_held_shared();  // by our own lock, which the analysis cannot follow
      link->call(command);
    }
  };

  /// None: there is no such link.
  LinkPointer get(const std::string& name) const;
  /// Both throw api::NotFound.
  LinkPointer find(const std::string& name) const;
  Use use(const std::string& name) const;
  std::vector<LinkPointer> all() const;

  void add(LinkPointer link);
  void remove(const std::string& name);

 private:
  mutable SharedMutex mutex_;
  std::map<std::string, LinkPointer> links_ WOBBLE_GUARDED_BY(mutex_);
};

}  // namespace wobble::daemon
