#include "emulator/link/forwarder.h"

#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <system_error>

namespace wobble {
namespace {

// At most so many packets are taken from one device before the other, the departures and the mail have their turn.
constexpr int kBatch = 64;
// Nor more than what the core's own cache is likely to hold until it is written.
constexpr std::size_t kBatchBytes = 256 * 1024;

// What stayed in the kernel is read so long after its first packet: one wake-up for many.
constexpr Duration kStayedBatch = std::chrono::milliseconds(1);

enum class Source : std::uint32_t { near, far, timer, mail, stayed };

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

void watch(int epoll, int descriptor, Source source, std::uint32_t what = EPOLLIN) {
  if (descriptor < 0) return;
  epoll_event event{};
  event.events = what;
  event.data.u32 = static_cast<std::uint32_t>(source);
  checked(::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event), "epoll_ctl");
}

void drain(int counter) noexcept {
  std::uint64_t ignored = 0;
  while (::read(counter, &ignored, sizeof ignored) < 0 && errno == EINTR) {
  }
}

}  // namespace

// One command and its answer. Whoever gets to it first decides: the loop takes it, or the caller gives it up.
struct Forwarder::Mail {
  enum class Fate { waiting, taken, done, given_up };
  Command command;
  Mutex mutex;
  std::condition_variable changed;
  Fate fate WOBBLE_GUARDED_BY(mutex) = Fate::waiting;
  std::exception_ptr error;  ///< the loop's until it is done, then the caller's
};

Forwarder::Forwarder(const LinkOptions& options, ConnectionObserver& observer, std::unique_ptr<PacketDevice> near,
                     std::unique_ptr<PacketDevice> far, const ForwarderOptions& how,
                     std::unique_ptr<KernelPath> kernel_path)
    : near_(std::move(near)),
      far_(std::move(far)),
      kernel_path_(std::move(kernel_path)),
      epoll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      timer_(checked(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd_create")),
      mailbell_(checked(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")),
      link_(options, observer, now()),
      up_(link_, Direction::up, *far_, &Forwarder::now),
      down_(link_, Direction::down, *near_, &Forwarder::now),
      spin_(how.spin),
      spare_buffer_(BufferPool::kLargest),
      stayed_buffer_(kernel_path_ ? BufferPool::kLargest : 0) {
  watch(epoll_.get(), near_->descriptor(), Source::near);
  watch(epoll_.get(), far_->descriptor(), Source::far);
  watch(epoll_.get(), timer_.get(), Source::timer, EPOLLIN | EPOLLET);  // told once, so never to be read
  watch(epoll_.get(), mailbell_.get(), Source::mail);
  if (kernel_path_) watch(epoll_.get(), kernel_path_->descriptor(), Source::stayed, EPOLLIN | EPOLLET);
  thread_ = std::thread([this] { run(); });
  if (!how.fifo) return;
  sched_param lowest{};
  lowest.sched_priority = ::sched_get_priority_min(SCHED_FIFO);
  fifo_error_ = ::pthread_setschedparam(thread_.native_handle(), SCHED_FIFO, &lowest);
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
    read_stayed();
    if (has_mail_) do_commands();
    for (Side side : {Side::near, Side::far}) {
      if (readable_[static_cast<int>(side)]) read_from(side);
    }
    link_.advance(tick());
    up_.write_due();
    down_.write_due();
    choose_paths();
  }
  read_stayed();
  link_.connections().close_all(now());
}

// Sleeps until a packet, a command or the next deadline comes; for a deadline, until shortly before it, and then spins:
// it looks for packets and commands again and again without sleeping. As long as that may last, a core is ours.
void Forwarder::wait() noexcept {
  const TimePoint due = link_.next_due();
  TimePoint time = now();
  TimePoint wake_at = std::min(due - spin_.lead(time), stayed_due_);
  while (time < wake_at) {
    if (wake_at < kNever - SpinBudget::kLongestLead) arm_timer(wake_at);
    if (poll(-1)) return;
    time = now();  // something stayed in the kernel, for later
    wake_at = std::min(wake_at, stayed_due_);
  }
  if (poll(0) || time >= std::min(due, stayed_due_)) return;
  const TimePoint began = time;
  while ((time = now()) < due && !poll(0)) {
  }
  spin_.spent(began, now());
}

bool Forwarder::poll(int timeout) noexcept {
  // A device that was not read empty is still readable: epoll is level-triggered and says so at once.
  readable_[0] = readable_[1] = has_mail_ = false;
  epoll_event events[5];
  const int n = ::epoll_wait(epoll_.get(), events, 5, timeout);
  bool is_to_act = false;
  for (int i = 0; i < n; ++i) {
    is_to_act = is_to_act || events[i].data.u32 != static_cast<std::uint32_t>(Source::stayed);
    switch (static_cast<Source>(events[i].data.u32)) {
      case Source::near: readable_[0] = true; break;
      case Source::far: readable_[1] = true; break;
      case Source::timer: armed_for_ = kNever; break;
      case Source::mail:
        drain(mailbell_.get());
        has_mail_ = true;
        break;
      case Source::stayed:
        if (stayed_due_ == kNever) stayed_due_ = now() + kStayedBatch;
        break;
    }
  }
  return is_to_act;
}

void Forwarder::read_stayed() noexcept {
  if (!kernel_path_) return;
  stayed_due_ = kNever;
  StayedPacket packet;
  for (std::size_t i = 0; i < kernel_path_->most_waiting(); ++i) {
    if (!kernel_path_->next(packet)) return;
    std::span<const std::uint8_t> bytes = packet.bytes;
    if (bytes.size() < packet.length) {
      std::ranges::copy(bytes, stayed_buffer_.begin());
      bytes = std::span(stayed_buffer_).first(std::min<std::size_t>(packet.length, stayed_buffer_.size()));
    }
    latest_ = std::max(latest_, packet.at);
    link_.stayed(bytes, packet.segment_size, packet.side, latest_);
  }
  stayed_due_ = latest_;  // they come as fast as we read: the others have their turn now
}

void Forwarder::choose_paths() noexcept {
  if (!kernel_path_) return;
  for (Direction d : {Direction::up, Direction::down}) kernel_path_->set(d, link_.asks_nothing(d));
}

void Forwarder::read_from(Side side) noexcept {
  std::size_t bytes = 0;
  for (int i = 0; i < kBatch && bytes < kBatchBytes; ++i) {
    // Straight into a block of the pool, which a super-packet then keeps; into the spare one if the pool is exhausted,
    // so that what comes in is counted and dropped.
    PacketBuffer block = link_.buffer_to_read_into();
    const std::span<std::uint8_t> space = block ? block.bytes() : std::span<std::uint8_t>(spare_buffer_);
    ReadPacket read;
    switch (device(side).read(space, read)) {
      case ReadResult::packet: break;
      case ReadResult::nothing: return;
      case ReadResult::failed:  // the interface is gone; the descriptor would wake us for ever
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, device(side).descriptor(), nullptr);
        has_lost_device_ = true;
        return;
    }
    bytes += read.length;
    read_stayed();  // what this one answers, or follows
    if (block) block.begin_behind(read.prefix);
    // The clock is read after the packet was: one that came in while we worked is never dated before its arrival.
    link_.admit(space.subspan(read.prefix, read.length), read.offload, side, tick(), std::move(block),
                space.first(read.prefix));
  }
}

// A timer that is left armed from before costs a turn of the loop, no more.
void Forwarder::arm_timer(TimePoint wake_at) noexcept {
  if (wake_at == armed_for_) return;
  armed_for_ = wake_at;
  itimerspec spec{};
  const auto since_epoch = std::max(wake_at.time_since_epoch(), Duration(1));  // 0 would disarm
  spec.it_value.tv_sec = since_epoch / std::chrono::seconds(1);
  spec.it_value.tv_nsec = (since_epoch % std::chrono::seconds(1)).count();
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
}

void Forwarder::do_commands() {
  std::vector<std::shared_ptr<Mail>> mails;
  {
    const LockGuard lock(mailbox_mutex_);
    mails.swap(mailbox_);
  }
  for (const auto& mail : mails) {
    {
      const LockGuard lock(mail->mutex);
      if (mail->fate == Mail::Fate::given_up) continue;
      mail->fate = Mail::Fate::taken;
    }
    try {
      mail->command(link_, tick());
    } catch (...) {
      mail->error = std::current_exception();
    }
    choose_paths();  // whoever is answered finds it in force
    {
      const LockGuard lock(mail->mutex);
      mail->fate = Mail::Fate::done;
    }
    mail->changed.notify_one();
  }
}

void Forwarder::put_into_mailbox(std::shared_ptr<Mail> mail) {
  {
    const LockGuard lock(mailbox_mutex_);
    mailbox_.push_back(std::move(mail));
  }
  const std::uint64_t one = 1;
  while (::write(mailbell_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}

void Forwarder::post(const Command& command) {
  auto mail = std::make_shared<Mail>();
  mail->command = command;
  put_into_mailbox(std::move(mail));
}

bool Forwarder::call(const Command& command, Duration at_most) {
  auto mail = std::make_shared<Mail>();
  mail->command = command;
  put_into_mailbox(mail);
  UniqueLock lock(mail->mutex);
  if (!mail->changed.wait_for(lock, at_most,
                              [&]() WOBBLE_REQUIRES(mail->mutex) { return mail->fate == Mail::Fate::done; })) {
    if (mail->fate == Mail::Fate::waiting) {
      mail->fate = Mail::Fate::given_up;
      return false;
    }
    mail->changed.wait(lock, [&]() WOBBLE_REQUIRES(mail->mutex) {
      return mail->fate == Mail::Fate::done;
    });  // it is running: its answer is near
  }
  if (mail->error) std::rethrow_exception(mail->error);
  return true;
}

}  // namespace wobble
