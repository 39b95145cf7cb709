#include "daemon/below_ip/kernel_ring.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace wobble::daemon {
namespace {

std::size_t page() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

void* map_or_throw(std::size_t size, int access, int map, std::size_t from) {
  void* memory = ::mmap(nullptr, size, access, MAP_SHARED, map, static_cast<off_t>(from));
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "cannot map a BPF ring");
  return memory;
}

std::uint64_t load(const void* position) noexcept {
  return __atomic_load_n(static_cast<const std::uint64_t*>(position), __ATOMIC_ACQUIRE);
}

}  // namespace

KernelRing::KernelRing()
    : map_(make_ring(kSize)),
      read_(static_cast<std::uint64_t*>(map_or_throw(page(), PROT_READ | PROT_WRITE, map_.get(), 0))) {
  try {  // the kernel shows the data twice, so that no record is torn
    written_ = static_cast<std::uint8_t*>(map_or_throw(page() + std::size_t{2} * kSize, PROT_READ, map_.get(), page()));
  } catch (...) {
    ::munmap(read_, page());
    throw;
  }
}

KernelRing::~KernelRing() {
  ::munmap(written_, page() + std::size_t{2} * kSize);
  ::munmap(read_, page());
}

const std::uint32_t* KernelRing::header() const noexcept {
  if (load(written_) == at_) return nullptr;
  const auto* header = reinterpret_cast<const std::uint32_t*>(written_ + page() + (at_ & (kSize - 1)));
  return (__atomic_load_n(header, __ATOMIC_ACQUIRE) & BPF_RINGBUF_BUSY_BIT) == 0 ? header : nullptr;
}

const StayedRecord* KernelRing::next() noexcept {
  for (;;) {
    const bool is_new = load(read_) != at_;
    if (is_new) __atomic_store_n(read_, at_, __ATOMIC_RELEASE);
    const std::uint32_t* found = header();
    if (found == nullptr) {
      if (!is_new) return nullptr;
      // The kernel wakes us for a record that it ends when it finds that we have read all before it. Either it finds
      // that, or we find the record.
      std::atomic_thread_fence(std::memory_order_seq_cst);
      found = header();
      if (found == nullptr) return nullptr;
    }
    const std::uint32_t size = *found & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
    at_ += (size + BPF_RINGBUF_HDR_SZ + 7) / 8 * 8;
    if ((*found & BPF_RINGBUF_DISCARD_BIT) == 0)
      return reinterpret_cast<const StayedRecord*>(reinterpret_cast<const std::uint8_t*>(found) + BPF_RINGBUF_HDR_SZ);
  }
}

}  // namespace wobble::daemon
