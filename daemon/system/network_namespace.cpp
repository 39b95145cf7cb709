#include "daemon/system/network_namespace.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <system_error>
#include <thread>

#include "emulator/throw_errno.h"

namespace wobble::daemon {
namespace {

void run_on_thread(const std::function<void()>& work) {
  std::exception_ptr error;
  std::thread([&] {
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
  }).join();
  if (error) std::rethrow_exception(error);
}

}  // namespace

NetworkNamespace::NetworkNamespace() {
  run_on_thread([this] {
    if (::unshare(CLONE_NEWNET) < 0) throw_errno("cannot make a network namespace");
    descriptor_ = UniqueFd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (descriptor_.get() < 0) throw_errno("cannot open /proc/thread-self/ns/net");
  });
}

NetworkNamespace::NetworkNamespace(UniqueFd descriptor) : descriptor_(std::move(descriptor)) {}

NetworkNamespace NetworkNamespace::own() {
  NetworkNamespace netns(UniqueFd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)));
  if (netns.descriptor_.get() < 0) throw_errno("cannot open /proc/self/ns/net");
  netns.is_own_ = true;
  return netns;
}

NetworkNamespace NetworkNamespace::open(const std::string& path) {
  // The path comes from outside: what it leads to is looked at before it is opened, since to open a pipe or a device
  // can wait, or change something.
  const UniqueFd found(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (found.get() < 0) throw_errno("cannot open " + path);
  struct statfs system {};
  if (::fstatfs(found.get(), &system) != 0 || system.f_type != NSFS_MAGIC) {
    throw std::system_error(EINVAL, std::generic_category(), path + " is no network namespace");
  }
  const std::string same = "/proc/self/fd/" + std::to_string(found.get());
  NetworkNamespace netns(UniqueFd(::open(same.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)));
  if (netns.descriptor_.get() < 0) throw_errno("cannot open " + path);
  const int kind = ::ioctl(netns.descriptor_.get(), NS_GET_NSTYPE);
  if (kind != CLONE_NEWNET) {
    throw std::system_error(EINVAL, std::generic_category(), path + " is no network namespace");
  }
  netns.is_own_ = netns.inode() == own().inode();
  return netns;
}

ino_t NetworkNamespace::inode() const {
  struct stat about {};
  if (::fstat(descriptor_.get(), &about) < 0) throw_errno("cannot look at a network namespace");
  return about.st_ino;
}

void NetworkNamespace::enter() const {
  if (is_own_) return;
  if (::setns(descriptor_.get(), CLONE_NEWNET) < 0) throw_errno("cannot enter a network namespace");
}

void NetworkNamespace::run(const std::function<void()>& work) const {
  if (is_own_) return work();
  bool has_begun = false;
  try {
    run_on_thread([&] {
      has_begun = true;
      enter();
      work();
    });
  } catch (const std::system_error&) {
    if (has_begun) throw;
    run_here(work);  // no thread is to be had: what was set up in there must be undone all the same
  }
}

void NetworkNamespace::run_here(const std::function<void()>& work) const {
  const UniqueFd home(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (home.get() < 0) throw_errno("cannot open /proc/thread-self/ns/net");
  // Whoever may not come back does not go: this thread has other work.
  if (::setns(home.get(), CLONE_NEWNET) < 0) throw_errno("cannot make a thread to enter a network namespace");
  enter();
  std::exception_ptr error;
  try {
    work();
  } catch (...) {
    error = std::current_exception();
  }
  if (::setns(home.get(), CLONE_NEWNET) < 0) std::terminate();
  if (error) std::rethrow_exception(error);
}

std::string NetworkNamespace::path() const {
  return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(descriptor_.get());
}

}  // namespace wobble::daemon
