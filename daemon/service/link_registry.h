// The links that are in service, by their names.
#pragma once

#include <map>
#include <shared_mutex>
#include <string>
#include <vector>

#include "daemon/service/served_link.h"

namespace wobble::daemon {

/// Any thread; only LinkLifecycle adds and removes.
class LinkRegistry {
 public:
  /// A link whose loop stays as long as this lives.
  struct Use {
    LinkPointer link;
    std::shared_lock<std::shared_mutex> in_use;
    ServedLink& operator*() const noexcept { return *link; }
    ServedLink* operator->() const noexcept { return link.get(); }
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
  mutable std::shared_mutex mutex_;
  std::map<std::string, LinkPointer> links_;  // guarded by mutex_
};

}  // namespace wobble::daemon
