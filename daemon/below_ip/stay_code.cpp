#include "daemon/below_ip/stay_code.h"

#include <netinet/in.h>

#include <cstddef>

#include "daemon/below_ip/divert_program.h"

namespace wobble::daemon {
namespace {

using enum Register;
using enum Width;

constexpr int kRecord = sizeof(StayedRecord);
constexpr std::int32_t kShortest = 20, kLongest = 65'535;  // an IPv4 header; what the emulator takes

//   r6  the packet   r7  its length, from the IP header on   r8  the record   r9  the size of its segments
class StayWriter {
 public:
  StayWriter(Assembly& code, const StayingWay& way, Assembly::Label comes_up)
      : code_(code), way_(way), comes_up_(comes_up), discards_(code.label()) {}

  void write() {
    const Assembly::Label is_short = code_.label();
    const Assembly::Label is_written = code_.label();
    require_settled();
    measure();
    code_.jump(If::different, r9, 0, is_short);
    code_.jump(If::below, r7, kHeaders + 1, is_short);
    code_.jump(If::above, r7, kWholePacket, comes_up_);
    write_record(kWholePacket);
    code_.jump(is_written);
    code_.place(is_short);
    write_record(kHeaders);
    require_tcp_super_packet();
    code_.place(is_written);
    require_ip();
    end_record(BPF_FUNC_ringbuf_submit);
    const Assembly::Label done = code_.label();
    code_.jump(done);
    code_.place(discards_);
    end_record(BPF_FUNC_ringbuf_discard);
    code_.jump(comes_up_);
    code_.place(done);
  }

 private:
  void require_settled() {
    code_.load_map_value(r1, way_.share, static_cast<std::uint32_t>(way_.way));
    code_.load(r2, r1, offsetof(DivertShare::Way, came_up), u64);
    code_.add(r2, 1);
    code_.load(r3, r1, offsetof(DivertShare::Way, stays_at), u64);
    code_.subtract(r2, r3);
    code_.jump(If::different, r2, 0, comes_up_);
  }

  void measure() {
    code_.load(r7, r6, offsetof(__sk_buff, len), u32);
    code_.add(r7, -way_.link_header);
    code_.jump(If::below, r7, kShortest, comes_up_);
    code_.jump(If::above, r7, kLongest, comes_up_);
    code_.load(r9, r6, offsetof(__sk_buff, gso_size), u32);
  }

  void write_record(std::uint32_t room) {
    code_.load_map(r1, way_.ring);
    code_.move(r2, kRecord + static_cast<std::int32_t>(room));
    code_.move(r3, 0);
    code_.call(BPF_FUNC_ringbuf_reserve);
    code_.jump(If::equal, r0, 0, comes_up_);
    code_.move(r8, r0);
    const Assembly::Label fits = code_.label();
    code_.move(r4, r7);
    code_.jump(If::below, r4, static_cast<std::int32_t>(room) + 1, fits);
    code_.move(r4, static_cast<std::int32_t>(room));
    code_.place(fits);
    code_.move(r1, r6);
    code_.move(r2, way_.link_header);
    code_.move(r3, r8);
    code_.add(r3, kRecord);
    code_.call(BPF_FUNC_skb_load_bytes);  // also what does not lie in one piece
    code_.jump(If::different, r0, 0, discards_);
    code_.call(BPF_FUNC_ktime_get_ns);
    code_.store(r8, offsetof(StayedRecord, time), r0, u64);
    code_.store(r8, offsetof(StayedRecord, length), r7, u32);
    code_.store(r8, offsetof(StayedRecord, segment_size), r9, u16);
    code_.store(r8, offsetof(StayedRecord, direction), static_cast<std::int32_t>(way_.direction), u16);
  }

  // Where a device puts more before the IP header than its kind lets expect, the packet is to be read by others.
  void require_ip() {
    const Assembly::Label is_ip = code_.label();
    code_.load(r2, r8, kRecord, u8);
    code_.bits_and(r2, 0xf0);
    code_.jump(If::equal, r2, 0x40, is_ip);
    code_.jump(If::different, r2, 0x60, discards_);
    code_.place(is_ip);
  }

  // What the kernel cuts by other rules is cut by it on the way to our device.
  void require_tcp_super_packet() {
    constexpr int kProtocol = kRecord + 9, kNextHeader = kRecord + 6;  // of IPv4 and of IPv6
    const Assembly::Label is_wire_packet = code_.label();
    const Assembly::Label six = code_.label();
    const Assembly::Label known = code_.label();
    code_.jump(If::equal, r9, 0, is_wire_packet);
    code_.load(r2, r8, kRecord, u8);
    code_.bits_and(r2, 0xf0);
    code_.jump(If::equal, r2, 0x60, six);
    code_.load(r2, r8, kProtocol, u8);
    code_.jump(known);
    code_.place(six);
    code_.load(r2, r8, kNextHeader, u8);
    code_.place(known);
    code_.jump(If::different, r2, IPPROTO_TCP, discards_);
    code_.place(is_wire_packet);
  }

  void end_record(int helper) {
    code_.move(r1, r8);
    code_.move(r2, 0);  // the daemon is woken if it has read all that was there before
    code_.call(helper);
  }

  Assembly& code_;
  const StayingWay& way_;
  const Assembly::Label comes_up_;
  const Assembly::Label discards_;
};

}  // namespace

void write_stay(Assembly& code, const StayingWay& way, Assembly::Label comes_up) {
  StayWriter(code, way, comes_up).write();
}

}  // namespace wobble::daemon
