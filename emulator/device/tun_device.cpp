#include "emulator/device/tun_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "emulator/packet/network_order.h"
#include "emulator/throw_errno.h"

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

// As much offload as the kernel grants, and how much that is.
unsigned ask_for_offload(int descriptor) {
  const int header_size = sizeof(VirtioNetHeader);
  if (::ioctl(descriptor, TUNSETVNETHDRSZ, &header_size) < 0)
    throw_errno("cannot set the size of the virtio-net header");
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

constexpr std::uint32_t kEtherIpv4 = 0x0800, kEtherIpv6 = 0x86dd, kEtherVlan = 0x8100, kEtherServiceVlan = 0x88a8;

/// Of the frame's header with its VLAN tags, of which two are read; 0 if there is none.
std::size_t ethernet_header_size(std::span<const std::uint8_t> frame) noexcept {
  constexpr std::size_t kHeader = 14, kTag = 4, kMostTags = 2;
  for (std::size_t size = kHeader; size <= kHeader + kMostTags * kTag && size <= frame.size(); size += kTag) {
    const std::uint32_t type = read16(frame, size - 2);
    if (type != kEtherVlan && type != kEtherServiceVlan) return size;
  }
  return 0;
}

/// The kernel counts from the start of the frame, the emulator from that of the packet.
void move_offsets(Offload& offload, int by) noexcept {
  if (offload.needs_checksum) offload.checksum_start = static_cast<std::uint16_t>(offload.checksum_start + by);
  if (offload.kind != Offload::Kind::none) {
    offload.header_length = static_cast<std::uint16_t>(std::max(offload.header_length + by, 0));
  }
}

}  // namespace

TunDevice::TunDevice(const std::string& name, bool offload, Layer layer) : has_header_(offload), layer_(layer) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    throw std::system_error(EINVAL, std::generic_category(), "TUN device name '" + name + "' (1 to 15 bytes)");
  }
  descriptor_ = UniqueFd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (descriptor_.get() < 0) throw_errno("cannot open /dev/net/tun");
  ifreq request{};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  const int kind = layer == Layer::ip ? IFF_TUN : IFF_TAP;
  request.ifr_flags = static_cast<short>(kind | IFF_NO_PI | (offload ? IFF_VNET_HDR : 0));
  if (::ioctl(descriptor_.get(), TUNSETIFF, &request) < 0) throw_errno("cannot make the TUN device '" + name + "'");
  if (layer == Layer::ethernet) {
    if (::ioctl(descriptor_.get(), SIOCGIFHWADDR, &request) < 0)
      throw_errno("cannot ask '" + name + "' for its address");
    std::memcpy(own_address_.data(), request.ifr_hwaddr.sa_data, own_address_.size());
  }
  if (!offload) return;
  const unsigned granted = ask_for_offload(descriptor_.get());
  takes_tcp_ = (granted & TUN_F_TSO4) != 0;
  takes_udp_ = (granted & kUso4) != 0;
}

ssize_t TunDevice::read_bytes(std::span<std::uint8_t> buffer, Offload& offload) noexcept {
  VirtioNetHeader header{};
  iovec parts[2] = {{&header, sizeof header}, {buffer.data(), buffer.size()}};
  const ssize_t header_size = has_header_ ? sizeof header : 0;
  for (;;) {
    const ssize_t n =
        has_header_ ? ::readv(descriptor_.get(), parts, 2) : ::read(descriptor_.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < header_size) {
      if (n >= 0) errno = EIO;
      return -1;
    }
    offload = from_header(header);
    return n - header_size;
  }
}

bool TunDevice::is_of_interest(std::span<const std::uint8_t> frame, std::size_t header_size) const noexcept {
  if (header_size == 0) return false;
  const std::uint32_t type = read16(frame, header_size - 2);
  return (type == kEtherIpv4 || type == kEtherIpv6) &&
         std::memcmp(frame.data() + own_address_.size(), own_address_.data(), own_address_.size()) != 0;
}

ReadResult TunDevice::read(std::span<std::uint8_t> buffer, ReadPacket& out) noexcept {
  for (;;) {
    const ssize_t n = read_bytes(buffer, out.offload);
    if (n < 0) return errno == EAGAIN ? ReadResult::nothing : ReadResult::failed;
    out.prefix = 0;
    out.length = static_cast<std::size_t>(n);
    if (layer_ == Layer::ip) return ReadResult::packet;
    const auto frame = buffer.first(std::min(out.length, buffer.size()));
    const std::size_t header_size = ethernet_header_size(frame);
    if (!is_of_interest(frame, header_size)) continue;
    out.prefix = header_size;
    out.length -= header_size;
    move_offsets(out.offload, -static_cast<int>(header_size));
    return ReadResult::packet;
  }
}

bool TunDevice::write(std::span<const std::uint8_t> packet, const Offload& offload, Prefix prefix) noexcept {
  const std::span<const std::uint8_t> parts[] = {packet};
  return write_vector(parts, offload, prefix);
}

bool TunDevice::write_parts(std::span<const std::span<const std::uint8_t>> parts, const Offload& offload,
                            Prefix prefix) noexcept {
  if (write_vector(parts, offload, prefix)) return true;
  if (errno == EINVAL) (offload.kind == Offload::Kind::tcp ? takes_tcp_ : takes_udp_) = false;
  return false;
}

bool TunDevice::write_vector(std::span<const std::span<const std::uint8_t>> parts, Offload offload,
                             Prefix prefix) noexcept {
  const bool is_v4 = parts[0][0] >> 4 == 4;
  move_offsets(offload, static_cast<int>(prefix.size()));
  VirtioNetHeader header = to_header(offload, is_v4);
  std::array<iovec, kMostParts + 2> vector;  // NOLINT(cppcoreguidelines-pro-type-member-init): what is used is written
  std::size_t n = 0;
  if (has_header_) vector[n++] = {&header, sizeof header};
  if (!prefix.empty()) vector[n++] = {const_cast<std::uint8_t*>(prefix.data()), prefix.size()};
  for (const auto& part : parts) vector[n++] = {const_cast<std::uint8_t*>(part.data()), part.size()};
  for (;;) {
    if (::writev(descriptor_.get(), vector.data(), static_cast<int>(n)) >= 0) return true;
    if (errno != EINTR) return false;
  }
}

}  // namespace wobble
