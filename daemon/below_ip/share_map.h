// The memory that a way in shares with its programs: a map of the kernel's that is ours to read and write too.
#pragma once

#include <ctime>

#include "daemon/below_ip/divert_program.h"
#include "emulator/packet/packet.h"

namespace wobble::daemon {

class ShareMap {
 public:
  /// All 0, but what comes passes while nobody beats. Throws std::system_error.
  ShareMap();
  ~ShareMap();
  ShareMap(const ShareMap&) = delete;
  ShareMap& operator=(const ShareMap&) = delete;

  int map() const { return map_.get(); }

  /// Says that we live. Any thread.
  void beat() noexcept;
  /// From now on everything meets nobody, as if we did not live. After the last beat().
  void fall_silent() noexcept;
  /// What becomes of packets while nobody beats.
  void set_in_silence(int verdict) noexcept;

  /// One direction at the interface of that number. Any thread.
  std::uint64_t came_up(std::size_t number, Direction direction) const noexcept;
  /// From now on packets stay in the kernel, as long as no more than `came_up` have come to us.
  void let_stay(std::size_t number, Direction direction, std::uint64_t came_up) noexcept;
  /// Whether they do, if no more came up since.
  bool lets_stay(std::size_t number, Direction direction) const noexcept;
  /// From now on all come up.
  void let_come_up(std::size_t number, Direction direction) noexcept;

  /// Summed over all interfaces and hooks. Any thread.
  DivertShare::Counters counters() const noexcept;

 private:
  DivertShare::Way& way(std::size_t number, Direction direction) const noexcept {
    return share_->ways[number][static_cast<std::size_t>(direction)];
  }

  UniqueFd map_;
  DivertShare* share_;
};

}  // namespace wobble::daemon
