#include "emulator/tun_device.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace wobble {

TunDevice::TunDevice(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    throw std::system_error(EINVAL, std::generic_category(), "TUN device name '" + name + "' (1 to 15 bytes)");
  }
  descriptor_ = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "cannot open /dev/net/tun");
  ifreq request{};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (::ioctl(descriptor_, TUNSETIFF, &request) < 0) {
    const int error = errno;
    ::close(descriptor_);
    throw std::system_error(error, std::generic_category(), "cannot make the TUN device '" + name + "'");
  }
}

TunDevice::~TunDevice() { ::close(descriptor_); }

ReadResult TunDevice::read(std::span<std::uint8_t> buffer, std::size_t& length) noexcept {
  for (;;) {
    const ssize_t n = ::read(descriptor_, buffer.data(), buffer.size());
    if (n >= 0) {
      length = static_cast<std::size_t>(n);
      return ReadResult::packet;
    }
    if (errno == EINTR) continue;
    return errno == EAGAIN ? ReadResult::nothing : ReadResult::failed;
  }
}

bool TunDevice::write(std::span<const std::uint8_t> packet) noexcept {
  for (;;) {
    const ssize_t n = ::write(descriptor_, packet.data(), packet.size());
    if (n >= 0) return static_cast<std::size_t>(n) == packet.size();
    if (errno != EINTR) return false;
  }
}

}  // namespace wobble
