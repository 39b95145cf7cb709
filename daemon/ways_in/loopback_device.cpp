#include "daemon/ways_in/loopback_device.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace wobble::daemon {
namespace {

constexpr int kSendBuffer = 8 << 20;

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

}  // namespace

LoopbackDevice::LoopbackDevice(const std::string& name)
    : tun_(name, false),
      socket_(
          checked(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "cannot open a packet socket")),
      loopback_index_(static_cast<int>(::if_nametoindex("lo"))) {
  const std::uint32_t mark = kDeliveredMark;
  checked(::setsockopt(socket_.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark), "cannot mark packets (SO_MARK)");
  const int size = kSendBuffer;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);  // else several large ones do not fit
}

bool LoopbackDevice::write(std::span<const std::uint8_t> packet, const Offload& offload) noexcept {
  if (packet[0] >> 4 != 6) return tun_.write(packet, offload);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_IPV6);
  to.sll_ifindex = loopback_index_;
  to.sll_halen = ETH_ALEN;
  for (;;) {
    const ssize_t n =
        ::sendto(socket_.get(), packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
    if (n >= 0) return true;
    if (errno != EINTR) return false;
  }
}

}  // namespace wobble::daemon
