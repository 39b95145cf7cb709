#include "emulator/tun_device.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace wobble {
namespace {

// Newer than the headers of Debian 12; the kernel refuses what it does not have.
constexpr unsigned kUso4 = 0x20, kUso6 = 0x40;  // TUN_F_USO4, TUN_F_USO6: Linux 6.2
constexpr unsigned kTcpOffload = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

// struct virtio_net_hdr of linux/virtio_net.h, which is not C++; in the machine's byte order, as TUN has it.
struct VirtioNetHeader {
  std::uint8_t flags;
  std::uint8_t gso_type;
  std::uint16_t header_length;
  std::uint16_t gso_size;
  std::uint16_t checksum_start;
  std::uint16_t checksum_offset;
};
static_assert(sizeof(VirtioNetHeader) == 10);
constexpr std::uint8_t kNeedsChecksum = 1, kDataValid = 2;
constexpr std::uint8_t kGsoTcpV4 = 1, kGsoTcpV6 = 4, kGsoUdpL4 = 5, kGsoEcn = 0x80;

[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }

// As much offload as the kernel grants, and how much that is.
unsigned ask_for_offload(int descriptor) {
  const int header_size = sizeof(VirtioNetHeader);
  if (::ioctl(descriptor, TUNSETVNETHDRSZ, &header_size) < 0) fail("cannot set the size of the virtio-net header");
  for (const unsigned wanted : {kTcpOffload | kUso4 | kUso6, kTcpOffload, unsigned{TUN_F_CSUM}}) {
    if (::ioctl(descriptor, TUNSETOFFLOAD, static_cast<unsigned long>(wanted)) == 0) return wanted;
  }
  return 0;
}

Offload from_header(const VirtioNetHeader& header) noexcept {
  Offload offload;
  switch (header.gso_type & ~kGsoEcn) {
    case kGsoTcpV4:
    case kGsoTcpV6: offload.kind = Offload::Kind::tcp; break;
    case kGsoUdpL4: offload.kind = Offload::Kind::udp; break;
    default: break;
  }
  offload.ecn = (header.gso_type & kGsoEcn) != 0;
  offload.needs_checksum = (header.flags & kNeedsChecksum) != 0;
  offload.is_checksum_verified = (header.flags & kDataValid) != 0;
  offload.segment_size = offload.kind == Offload::Kind::none ? std::uint16_t{0} : header.gso_size;
  offload.header_length = header.header_length;
  offload.checksum_start = header.checksum_start;
  offload.checksum_offset = header.checksum_offset;
  return offload;
}

VirtioNetHeader to_header(const Offload& offload, bool is_v4) noexcept {
  VirtioNetHeader header{};
  if (offload.needs_checksum) {
    header.flags = kNeedsChecksum;
    header.checksum_start = offload.checksum_start;
    header.checksum_offset = offload.checksum_offset;
  }
  if (offload.kind == Offload::Kind::none) return header;
  header.gso_type = kGsoUdpL4;
  if (offload.kind == Offload::Kind::tcp) header.gso_type = is_v4 ? kGsoTcpV4 : kGsoTcpV6;
  if (offload.ecn) header.gso_type |= kGsoEcn;
  header.gso_size = offload.segment_size;
  header.header_length = offload.header_length;
  return header;
}

}  // namespace

TunDevice::TunDevice(const std::string& name, bool offload) : has_header_(offload) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    throw std::system_error(EINVAL, std::generic_category(), "TUN device name '" + name + "' (1 to 15 bytes)");
  }
  descriptor_ = UniqueFd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (descriptor_.get() < 0) fail("cannot open /dev/net/tun");
  ifreq request{};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0));
  if (::ioctl(descriptor_.get(), TUNSETIFF, &request) < 0) fail("cannot make the TUN device '" + name + "'");
  if (!offload) return;
  const unsigned granted = ask_for_offload(descriptor_.get());
  takes_tcp_ = (granted & TUN_F_TSO4) != 0;
  takes_udp_ = (granted & kUso4) != 0;
}

ReadResult TunDevice::read(std::span<std::uint8_t> buffer, std::size_t& length, Offload& offload) noexcept {
  VirtioNetHeader header{};
  iovec parts[2] = {{&header, sizeof header}, {buffer.data(), buffer.size()}};
  const std::size_t header_size = has_header_ ? sizeof header : 0;
  for (;;) {
    const ssize_t n =
        has_header_ ? ::readv(descriptor_.get(), parts, 2) : ::read(descriptor_.get(), buffer.data(), buffer.size());
    if (n >= static_cast<ssize_t>(header_size)) {
      length = static_cast<std::size_t>(n) - header_size;
      offload = from_header(header);
      return ReadResult::packet;
    }
    if (n < 0 && errno == EINTR) continue;
    return n < 0 && errno == EAGAIN ? ReadResult::nothing : ReadResult::failed;
  }
}

bool TunDevice::write(std::span<const std::uint8_t> packet, const Offload& offload) noexcept {
  VirtioNetHeader header = to_header(offload, packet[0] >> 4 == 4);
  iovec parts[2] = {{&header, sizeof header}, {const_cast<std::uint8_t*>(packet.data()), packet.size()}};
  for (;;) {
    const ssize_t n =
        has_header_ ? ::writev(descriptor_.get(), parts, 2) : ::write(descriptor_.get(), packet.data(), packet.size());
    if (n >= 0) return true;
    if (errno != EINTR) return false;
  }
}

bool TunDevice::write_parts(std::span<const std::span<const std::uint8_t>> parts, const Offload& offload) noexcept {
  VirtioNetHeader header = to_header(offload, parts[0][0] >> 4 == 4);
  std::array<iovec, kMostParts + 1> vector;  // NOLINT(cppcoreguidelines-pro-type-member-init): what is used is written
  vector[0] = {&header, sizeof header};
  std::size_t n = 1;
  for (const auto& part : parts) vector[n++] = {const_cast<std::uint8_t*>(part.data()), part.size()};
  for (;;) {
    if (::writev(descriptor_.get(), vector.data(), static_cast<int>(n)) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno == EINVAL) (offload.kind == Offload::Kind::tcp ? takes_tcp_ : takes_udp_) = false;
    return false;
  }
}

}  // namespace wobble
