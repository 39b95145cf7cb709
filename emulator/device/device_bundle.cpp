#include "emulator/device/device_bundle.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace wobble {
namespace {

constexpr int kMostInARow = 16;

}  // namespace

DeviceBundle::DeviceBundle() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_.get() < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

void DeviceBundle::add(std::uint8_t number, std::unique_ptr<PacketDevice> device) {
  const int descriptor = device->descriptor();
  members_.push_back({{number, 0, true}, false, std::move(device)});
  epoll_event event{};
  event.events = EPOLLIN;
  if (descriptor < 0 || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0) return;
  const int error = errno;
  members_.pop_back();
  throw std::system_error(error, std::generic_category(), "epoll_ctl");
}

void DeviceBundle::remove(std::uint8_t number) noexcept {
  std::erase_if(members_,
                [&](const Member& member) { return member.reading.number == number; });  // epoll forgets what is closed
  turn_ = 0;
}

void DeviceBundle::turn_to_next() noexcept {
  turn_ = turn_ + 1 < members_.size() ? turn_ + 1 : 0;
  in_a_row_ = 0;
}

ReadResult DeviceBundle::read(std::span<std::uint8_t> buffer, ReadPacket& out) noexcept {
  for (std::size_t asked = 0; asked < members_.size(); ++asked, turn_to_next()) {
    if (in_a_row_ >= kMostInARow) turn_to_next();
    Member& member = members_[turn_];
    if (member.has_failed) continue;
    const ReadResult result = member.device->read(buffer.subspan(1), out);
    member.reading.is_empty = result == ReadResult::nothing;
    if (result == ReadResult::packet) {
      buffer[0] = member.reading.number;
      ++member.reading.packets;
      ++out.prefix;
      ++in_a_row_;
      return result;
    }
    if (result == ReadResult::failed) {  // its descriptor would wake us for ever
      member.has_failed = true;
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, member.device->descriptor(), nullptr);
    }
  }
  return ReadResult::nothing;
}

DeviceBundle::Member* DeviceBundle::find(Prefix prefix) noexcept {
  if (prefix.empty()) return nullptr;
  const auto found = std::ranges::find(members_, prefix[0], [](const Member& m) { return m.reading.number; });
  return found == members_.end() ? nullptr : &*found;
}

bool DeviceBundle::write(std::span<const std::uint8_t> packet, const Offload& offload, Prefix prefix) noexcept {
  Member* const member = find(prefix);
  return member != nullptr && member->device->write(packet, offload, prefix.subspan(1));
}

bool DeviceBundle::takes(Offload::Kind kind) const noexcept {
  return std::ranges::all_of(members_, [&](const Member& member) { return member.device->takes(kind); });
}

bool DeviceBundle::write_parts(std::span<const std::span<const std::uint8_t>> parts, const Offload& offload,
                               Prefix prefix) noexcept {
  Member* const member = find(prefix);
  return member != nullptr && member->device->write_parts(parts, offload, prefix.subspan(1));
}

}  // namespace wobble
