#include "daemon/below_ip/share_map.h"

#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <system_error>

namespace wobble::daemon {
namespace {

std::uint64_t monotonic_now() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_nsec);
}

}  // namespace

ShareMap::ShareMap() : map_(make_shared_value(sizeof(DivertShare))) {
  void* memory = ::mmap(nullptr, sizeof(DivertShare), PROT_READ | PROT_WRITE, MAP_SHARED, map_.get(), 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "cannot map a BPF map");
  share_ = static_cast<DivertShare*>(memory);
  set_in_silence(kPass);
}

ShareMap::~ShareMap() { ::munmap(share_, sizeof(DivertShare)); }

void ShareMap::beat() noexcept { std::atomic_ref(share_->beat).store(monotonic_now(), std::memory_order_relaxed); }

void ShareMap::fall_silent() noexcept { std::atomic_ref(share_->beat).store(0, std::memory_order_relaxed); }

void ShareMap::set_in_silence(int verdict) noexcept {
  std::atomic_ref(share_->in_silence).store(verdict, std::memory_order_relaxed);
}

std::uint64_t ShareMap::came_up(std::size_t number, Direction direction) const noexcept {
  return std::atomic_ref(way(number, direction).came_up).load(std::memory_order_acquire);
}

void ShareMap::let_stay(std::size_t number, Direction direction, std::uint64_t came_up) noexcept {
  std::atomic_ref(way(number, direction).stays_at).store(came_up + 1, std::memory_order_release);
}

bool ShareMap::lets_stay(std::size_t number, Direction direction) const noexcept {
  const std::uint64_t at = std::atomic_ref(way(number, direction).stays_at).load(std::memory_order_relaxed);
  return at == came_up(number, direction) + 1;
}

void ShareMap::let_come_up(std::size_t number, Direction direction) noexcept {
  const std::atomic_ref at(way(number, direction).stays_at);
  if (at.load(std::memory_order_relaxed) != 0) at.store(0);
}

DivertShare::Counters ShareMap::counters() const noexcept {
  const auto read = [](std::uint64_t& field) { return std::atomic_ref(field).load(std::memory_order_relaxed); };
  DivertShare::Counters sum{};
  for (auto& interface : share_->counters) {
    for (DivertShare::Counters& hook : interface) {
      sum.diverted += read(hook.diverted);
      sum.passed += read(hook.passed);
      sum.silenced += read(hook.silenced);
      sum.stayed += read(hook.stayed);
    }
  }
  return sum;
}

}  // namespace wobble::daemon
