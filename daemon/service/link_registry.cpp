#include "daemon/service/link_registry.h"

#include <utility>

namespace wobble::daemon {

LinkPointer LinkRegistry::get(const std::string& name) const {
  const SharedLock lock(mutex_);
  const auto found = links_.find(name);
  return found == links_.end() ? nullptr : found->second;
}

LinkPointer LinkRegistry::find(const std::string& name) const {
  LinkPointer link = get(name);
  if (!link) throw api::NotFound("there is no link '" + name + "'");
  return link;
}

LinkRegistry::Use LinkRegistry::use(const std::string& name) const {
  LinkPointer link = find(name);
  std::shared_lock in_use(link->in_use);
  if (link->is_leaving) throw api::NotFound("there is no link '" + name + "': it has just been taken away");
  return {std::move(link), std::move(in_use)};
}

std::vector<LinkPointer> LinkRegistry::all() const {
  const SharedLock lock(mutex_);
  std::vector<LinkPointer> all;
  for (const auto& [name, link] : links_) all.push_back(link);
  return all;
}

void LinkRegistry::add(LinkPointer link) {
  const LockGuard lock(mutex_);
  links_[link->name()] = std::move(link);
}

void LinkRegistry::remove(const std::string& name) {
  const LockGuard lock(mutex_);
  links_.erase(name);
}

}  // namespace wobble::daemon
