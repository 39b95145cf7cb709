// Traffic for ./dev bench: what Python is too slow for.
//
//   traffic send ADDRESS PORT SECONDS SIZE [RATE]   datagrams, one by one, as fast as it goes or RATE a second
//   traffic receive PORT SECONDS                    counts datagrams until SECONDS pass without one: "COUNT SPAN"
//   traffic echo PORT                               sends each datagram back, until it is ended
//   traffic ping ADDRESS PORT COUNT                 one at a time: round-trip times "P50 P90 P99" in µs
//   traffic accept PORT                             takes TCP connections and keeps each until its peer closes it
//   traffic hold ADDRESS PORT COUNT RATE            keeps COUNT connections, replacing RATE a second, until it is ended
//   traffic loop NETNS NAME NETNS NAME              two TUN devices joined by read and write, and nothing else
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr double kSecond = 1e9;

std::int64_t now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

int checked(int result, const char* what) {
  if (result >= 0) return result;
  std::perror(what);
  std::exit(1);
}

sockaddr_in address_of(const char* text, const char* port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  if (text != nullptr) inet_pton(AF_INET, text, &address.sin_addr);
  return address;
}

int socket_to(const char* text, const char* port) {
  const int fd = checked(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  const sockaddr_in address = address_of(text, port);
  checked(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  return fd;
}

int socket_at(const char* port) {
  const int fd = checked(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  const int size = 64 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  const sockaddr_in address = address_of(nullptr, port);
  checked(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  return fd;
}

void set_patience(int fd, double seconds) {
  timeval patience{};
  patience.tv_sec = static_cast<time_t>(seconds);
  patience.tv_usec = static_cast<suseconds_t>((seconds - static_cast<double>(patience.tv_sec)) * 1e6);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

void sleep_until(std::int64_t at) {
  timespec t{};
  t.tv_sec = at / 1'000'000'000;
  t.tv_nsec = at % 1'000'000'000;
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, nullptr);
}

void send_datagrams(const char* address, const char* port, double seconds, std::size_t size, double rate) {
  const int fd = socket_to(address, port);
  const std::vector<char> datagram(size, 'w');
  const std::int64_t began = now();
  const auto end = began + static_cast<std::int64_t>(seconds * kSecond);
  for (std::int64_t n = 0; now() < end; ++n) {
    if (rate > 0) sleep_until(began + static_cast<std::int64_t>(static_cast<double>(n) / rate * kSecond));
    (void)!send(fd, datagram.data(), size, 0);
  }
}

void receive_datagrams(const char* port, double seconds) {
  constexpr std::size_t kBatch = 64;
  const int fd = socket_at(port);
  set_patience(fd, seconds);
  static char space[kBatch][2048];
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> parts{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    parts[i] = {space[i], sizeof space[i]};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  std::int64_t first = 0, last = 0;
  std::uint64_t count = 0;
  for (;;) {
    const int n = recvmmsg(fd, messages.data(), kBatch, MSG_WAITFORONE, nullptr);
    if (n <= 0 && count > 0) break;
    if (n <= 0) continue;
    last = now();
    if (count == 0) first = last;
    count += static_cast<std::uint64_t>(n);
  }
  std::printf("%llu %.6f\n", static_cast<unsigned long long>(count), static_cast<double>(last - first) / kSecond);
}

void echo(const char* port) {
  const int fd = socket_at(port);
  std::puts("ready");
  std::fflush(stdout);
  char space[2048];
  sockaddr_in from{};
  for (;;) {
    socklen_t length = sizeof from;
    const ssize_t n = recvfrom(fd, space, sizeof space, 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (n >= 0) {
      (void)!sendto(fd, space, static_cast<std::size_t>(n), 0, reinterpret_cast<const sockaddr*>(&from), length);
    }
  }
}

void ping(const char* address, const char* port, std::size_t count) {
  const int fd = socket_to(address, port);
  set_patience(fd, 1);
  std::vector<double> times;
  char space[64] = {};
  while (times.size() < count) {
    const std::int64_t sent = now();
    (void)!send(fd, space, sizeof space, 0);
    if (recv(fd, space, sizeof space, 0) > 0) times.push_back(static_cast<double>(now() - sent) / 1e3);
  }
  std::sort(times.begin(), times.end());
  std::printf("%.2f %.2f %.2f\n", times[count / 2], times[count * 9 / 10], times[count * 99 / 100]);
}

void allow_descriptors() {
  rlimit many{};
  checked(getrlimit(RLIMIT_NOFILE, &many), "getrlimit");
  many.rlim_cur = many.rlim_max;
  checked(setrlimit(RLIMIT_NOFILE, &many), "setrlimit");
}

void accept_connections(const char* port) {
  allow_descriptors();
  const int listener = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = address_of(nullptr, port);
  checked(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  checked(listen(listener, 4096), "listen");
  const int epoll = checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  const auto watch = [&](int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    checked(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  };
  watch(listener);
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    std::array<epoll_event, 64> events{};
    const int n = epoll_wait(epoll, events.data(), events.size(), -1);
    for (int i = 0; i < n; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      char byte = 0;
      if (fd != listener) {
        if (read(fd, &byte, 1) <= 0) close(fd);
        continue;
      }
      for (int peer = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC); peer >= 0;
           peer = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)) {
        watch(peer);
      }
    }
  }
}

void hold_connections(const char* text, const char* port, std::size_t count, double rate) {
  allow_descriptors();
  const sockaddr_in address = address_of(text, port);
  std::vector<int> held(count, -1);
  const auto open_at = [&](std::size_t i) {
    if (held[i] >= 0) close(held[i]);
    held[i] = checked(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    checked(connect(held[i], reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  };
  for (std::size_t i = 0; i < count; ++i) open_at(i);
  std::puts("ready");
  std::fflush(stdout);
  const std::int64_t began = now();
  for (std::size_t n = 0;; ++n) {
    sleep_until(began + static_cast<std::int64_t>(static_cast<double>(n) / rate * kSecond));
    open_at(n % count);
  }
}

int tun_in(const char* netns, const char* name) {
  const std::string path = std::string("/run/netns/") + netns;
  const int there = checked(open(path.c_str(), O_RDONLY | O_CLOEXEC), "open netns");
  checked(setns(there, CLONE_NEWNET), "setns");
  close(there);
  const int fd = checked(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), "open /dev/net/tun");
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  checked(ioctl(fd, TUNSETIFF, &request), "TUNSETIFF");
  return fd;
}

void loop(char** names) {
  std::array<pollfd, 2> ends{{{tun_in(names[0], names[1]), POLLIN, 0}, {tun_in(names[2], names[3]), POLLIN, 0}}};
  std::puts("ready");
  std::fflush(stdout);
  static char space[65'536];
  for (;;) {
    poll(ends.data(), ends.size(), -1);
    for (std::size_t side = 0; side < 2; ++side) {
      for (;;) {
        const ssize_t n = read(ends[side].fd, space, sizeof space);
        if (n <= 0) break;
        (void)!write(ends[1 - side].fd, space, static_cast<std::size_t>(n));
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "send" && argc >= 6) {
    send_datagrams(argv[2], argv[3], std::atof(argv[4]), static_cast<std::size_t>(std::atoi(argv[5])),
                   argc > 6 ? std::atof(argv[6]) : 0);
  } else if (what == "receive" && argc == 4) {
    receive_datagrams(argv[2], std::atof(argv[3]));
  } else if (what == "echo" && argc == 3) {
    echo(argv[2]);
  } else if (what == "ping" && argc == 5) {
    ping(argv[2], argv[3], static_cast<std::size_t>(std::atoi(argv[4])));
  } else if (what == "accept" && argc == 3) {
    accept_connections(argv[2]);
  } else if (what == "hold" && argc == 6) {
    hold_connections(argv[2], argv[3], static_cast<std::size_t>(std::atoi(argv[4])), std::atof(argv[5]));
  } else if (what == "loop" && argc == 6) {
    loop(argv + 2);
  } else {
    std::fputs("traffic: see the head of tests/bench/traffic.cpp\n", stderr);
    return 2;
  }
  return 0;
}
