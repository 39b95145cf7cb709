// The ring into which programs write what has stayed in the kernel (stay_code.h): a BPF ring buffer (Linux
// Documentation/bpf/ringbuf.rst), read where it lies.
#pragma once

#include <atomic>
#include <cstdint>

#include "daemon/below_ip/bpf.h"
#include "daemon/below_ip/stay_code.h"

namespace wobble::daemon {

class KernelRing {
 public:
  /// In bytes, of the kernel's memory: some 4,500 records of a super-packet or of a short packet.
  static constexpr std::uint32_t kSize = 1 << 20;
  static constexpr std::size_t kMostRecords = kSize / (sizeof(StayedRecord) + kHeaders + 8);

  /// Throws std::system_error.
  KernelRing();
  ~KernelRing();
  KernelRing(const KernelRing&) = delete;
  KernelRing& operator=(const KernelRing&) = delete;

  int map() const { return map_.get(); }

  /// The next record, with as much of the packet behind it as there was room for; null: none (any more), and the next
  /// one makes map() readable. Valid until the next call. One thread.
  const StayedRecord* next() noexcept;

 private:
  const std::uint32_t* header() const noexcept;

  UniqueFd map_;
  std::uint64_t at_ = 0;   ///< what has been read, in bytes
  std::uint64_t* read_;    ///< the same, for the kernel
  std::uint8_t* written_;  ///< what has been written, for us; its data begin a page later
};

}  // namespace wobble::daemon
