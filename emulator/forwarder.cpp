#include "emulator/forwarder.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <exception>
#include <system_error>

namespace wobble {
namespace {

// At most so many packets are taken from one device before the other, the departures and the mail have their turn.
constexpr int kBatch = 64;
constexpr std::size_t kLargestPacket = 65'536;

enum class Source : std::uint32_t { near, far, timer, mail };

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void watch(int epoll, int descriptor, Source source) {
  if (descriptor < 0) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = static_cast<std::uint32_t>(source);
  checked(::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
}

void drain(int counter) noexcept {
  std::uint64_t ignored = 0;
  while (::read(counter, &ignored, sizeof ignored) < 0 && errno == EINTR) {
  }
}

}  // namespace

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

// One command and its answer. Whoever gets to it first decides: the loop takes it, or the caller gives it up.
struct Forwarder::Mail {
  enum class Fate { waiting, taken, done, given_up };
  Command command;
  std::mutex mutex;
  std::condition_variable changed;
  Fate fate = Fate::waiting;
  std::exception_ptr error;
};

Forwarder::Forwarder(const LinkOptions& options, ConnectionObserver& observer, std::unique_ptr<PacketDevice> near,
                     std::unique_ptr<PacketDevice> far)
    : near_(std::move(near)),
      far_(std::move(far)),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      timer_(checked(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd_create")),
      mailbell_(checked(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")),
      link_(options, observer, now()),
      read_buffer_(kLargestPacket) {
  watch(epoll_.get(), near_->descriptor(), Source::near);
  watch(epoll_.get(), far_->descriptor(), Source::far);
  watch(epoll_.get(), timer_.get(), Source::timer);
  watch(epoll_.get(), mailbell_.get(), Source::mail);
  thread_ = std::thread([this] { run(); });
}

Forwarder::~Forwarder() {
  stopping_ = true;
  const std::uint64_t one = 1;
  while (::write(mailbell_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
}

TimePoint Forwarder::now() noexcept { return std::chrono::steady_clock::now(); }

void Forwarder::run() noexcept {
  ::prctl(PR_SET_NAME, "wobble-link");
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // else the kernel may wake us 50 µs late on purpose
  while (!stopping_) {
    wait();
    do_commands();
    for (Side side : {Side::near, Side::far}) {
      if (readable_[static_cast<int>(side)]) read_from(side);
    }
    link_.advance(now());
    write_due();
    arm_timer();
  }
  link_.connections().close_all(now());
}

void Forwarder::wait() noexcept {
  // A device that was not read empty is still readable: epoll is level-triggered and says so at once.
  readable_[0] = readable_[1] = false;
  epoll_event events[4];
  const int n = ::epoll_wait(epoll_.get(), events, 4, -1);
  for (int i = 0; i < n; ++i) {
    switch (static_cast<Source>(events[i].data.u32)) {
      case Source::near: readable_[0] = true; break;
      case Source::far: readable_[1] = true; break;
      case Source::timer:
        drain(timer_.get());
        armed_for_ = kNever;
        break;
      case Source::mail: drain(mailbell_.get()); break;
    }
  }
}

void Forwarder::read_from(Side side) noexcept {
  for (int i = 0; i < kBatch; ++i) {
    std::size_t length = 0;
    switch (device(side).read(read_buffer_, length)) {
      case ReadResult::packet: break;
      case ReadResult::nothing: return;
      case ReadResult::failed:  // the interface is gone; the descriptor would wake us for ever
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, device(side).descriptor(), nullptr);
        has_lost_device_ = true;
        return;
    }
    // Read after the packet was: a packet that came in while we worked is never dated before its arrival.
    link_.admit({read_buffer_.data(), length}, side, now());
  }
}

void Forwarder::write_due() noexcept {
  for (Direction direction : {Direction::up, Direction::down}) {
    TimePoint time = now();
    while (auto packet = link_.pop_due(direction, time)) {
      const bool written = device(destination_of(direction)).write(packet->buffer.bytes());
      link_.complete(*packet, direction, written, time);
      time = now();
    }
  }
}

void Forwarder::arm_timer() noexcept {
  const TimePoint due = link_.next_due();
  if (due == armed_for_) return;
  armed_for_ = due;
  itimerspec spec{};
  if (due != kNever) {
    const auto since_epoch = std::max(due.time_since_epoch(), Duration(1));  // 0 would disarm
    spec.it_value.tv_sec = since_epoch / std::chrono::seconds(1);
    spec.it_value.tv_nsec = (since_epoch % std::chrono::seconds(1)).count();
  }
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void Forwarder::do_commands() {
  std::vector<std::shared_ptr<Mail>> mails;
  {
    const std::lock_guard lock(mailbox_mutex_);
    mails.swap(mailbox_);
  }
  for (const auto& mail : mails) {
    {
      const std::lock_guard lock(mail->mutex);
      if (mail->fate == Mail::Fate::given_up) continue;
      mail->fate = Mail::Fate::taken;
    }
    try {
      mail->command(link_, now());
    } catch (...) {
      mail->error = std::current_exception();
    }
    {
      const std::lock_guard lock(mail->mutex);
      mail->fate = Mail::Fate::done;
    }
    mail->changed.notify_one();
  }
}

bool Forwarder::call(const Command& command, Duration at_most) {
  auto mail = std::make_shared<Mail>();
  mail->command = command;
  {
    const std::lock_guard lock(mailbox_mutex_);
    mailbox_.push_back(mail);
  }
  const std::uint64_t one = 1;
  while (::write(mailbell_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  std::unique_lock lock(mail->mutex);
  if (!mail->changed.wait_for(lock, at_most, [&] { return mail->fate == Mail::Fate::done; })) {
    if (mail->fate == Mail::Fate::waiting) {
      mail->fate = Mail::Fate::given_up;
      return false;
    }
    mail->changed.wait(lock, [&] { return mail->fate == Mail::Fate::done; });  // it is running: its answer is near
  }
  if (mail->error) std::rethrow_exception(mail->error);
  return true;
}

}  // namespace wobble
