#include "daemon/ways_in/name_relay.h"

#include <arpa/inet.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace wobble::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kAnswerTimeout = 15s;  ///< longer than any resolver waits for an answer
constexpr std::size_t kMostQuestions = 256;
constexpr std::size_t kMaxNameStreams = 64;
constexpr std::size_t kLargest = 65'535;
constexpr std::size_t kHeader = 12;  ///< of a DNS message (RFC 1035, 4.1.1)

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

in_addr v4_address(const std::string& text) {
  in_addr address{};
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) throw std::system_error(EINVAL, std::generic_category(), text);
  return address;
}

UniqueFd bound_socket(const NameRelay::Place& place, int kind) {
  UniqueFd socket(checked(::socket(AF_INET, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "cannot open a socket for names"));
  sockaddr_in own{};
  own.sin_family = AF_INET;
  own.sin_addr = v4_address(place.own);
  // Its asker's address alone could be forged by a neighbour.
  checked(::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, place.device.data(),
                       static_cast<socklen_t>(place.device.size())),
          "cannot listen for names on the link's device alone");
  checked(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), "cannot listen for names");
  return socket;
}

}  // namespace

NameRelay::NameRelay(const Place& place, const std::string& server, std::uint16_t server_port)
    : asker_(v4_address(place.asker)),
      questions_(bound_socket(place, SOCK_DGRAM)),
      listener_(bound_socket(place, SOCK_STREAM)),
      stop_(checked(::eventfd(0, EFD_CLOEXEC), "eventfd")),
      streams_(kMaxNameStreams, kAnswerTimeout) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&server_);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&server_);
  if (::inet_pton(AF_INET, server.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(server_port);
    server_length_ = sizeof *v4;
  } else if (::inet_pton(AF_INET6, server.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(server_port);
    server_length_ = sizeof *v6;
  } else {
    throw std::system_error(EINVAL, std::generic_category(), server);
  }
  checked(::listen(listener_.get(), SOMAXCONN), "cannot listen for names");
  thread_ = std::thread([this] { serve(); });
}

NameRelay::~NameRelay() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

std::uint16_t NameRelay::port_of(int socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

std::vector<pollfd> NameRelay::descriptors() const {
  std::vector<pollfd> list{{stop_.get(), POLLIN, 0}, {questions_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
  for (const Question& question : open_) list.push_back({question.socket.get(), POLLIN, 0});
  streams_.append_to(list);
  return list;
}

void NameRelay::serve() {
  for (;;) {
    auto list = descriptors();
    const bool waits_for_some = !open_.empty() || !streams_.empty();
    if (::poll(list.data(), list.size(), waits_for_some ? 1000 : -1) < 0 && errno != EINTR) return;
    if (list[0].revents != 0) return;
    std::size_t at = 3;
    for (auto question = open_.begin(); question != open_.end();) {
      question = list[at++].revents != 0 && give_answer(*question) ? open_.erase(question) : std::next(question);
    }
    streams_.move_on({list.begin() + static_cast<std::ptrdiff_t>(at), list.end()});
    if (list[1].revents != 0) take_question();
    if (list[2].revents != 0) take_stream();
    forget_the_late();
  }
}

void NameRelay::take_question() {
  std::array<std::uint8_t, kLargest> buffer;
  Question question{UniqueFd(), {}, Clock::now() + kAnswerTimeout, {}};
  socklen_t length = sizeof question.from;
  const ssize_t n = ::recvfrom(questions_.get(), buffer.data(), buffer.size(), 0,
                               reinterpret_cast<sockaddr*>(&question.from), &length);
  if (n < static_cast<ssize_t>(kHeader) || !is_asker(question.from)) return;
  question.header.assign(buffer.data(), buffer.data() + kHeader);
  question.socket = UniqueFd(::socket(server_.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int socket = question.socket.get();
  if (socket < 0 || ::connect(socket, reinterpret_cast<const sockaddr*>(&server_), server_length_) != 0) return;
  ::send(socket, buffer.data(), static_cast<std::size_t>(n), 0);
  if (open_.size() >= kMostQuestions) open_.pop_front();
  open_.push_back(std::move(question));
}

// Whether that is the end of it.
bool NameRelay::give_answer(const Question& question) const {
  std::array<std::uint8_t, kLargest> buffer;
  ssize_t n = ::recv(question.socket.get(), buffer.data(), buffer.size(), 0);
  if (n < 0 && is_for_later()) return false;
  if (n < 0) {  // nobody listens there: the one who asks is told at once (SERVFAIL), and need not wait
    n = kHeader;
    std::copy(question.header.begin(), question.header.end(), buffer.begin());
    buffer[2] |= 0x80;
    buffer[3] = 2;
    std::fill(buffer.begin() + 4, buffer.begin() + kHeader, 0);
  }
  ::sendto(questions_.get(), buffer.data(), static_cast<std::size_t>(n), 0,
           reinterpret_cast<const sockaddr*>(&question.from), sizeof question.from);
  return true;
}

void NameRelay::take_stream() {
  sockaddr_in from{};
  socklen_t length = sizeof from;
  UniqueFd client(
      ::accept4(listener_.get(), reinterpret_cast<sockaddr*>(&from), &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (client.get() < 0 || !is_asker(from)) return;
  UniqueFd server(::socket(server_.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (server.get() < 0) return;
  const int result = ::connect(server.get(), reinterpret_cast<const sockaddr*>(&server_), server_length_);
  if (result == 0 || errno == EINPROGRESS) streams_.add(std::move(client), std::move(server));
}

void NameRelay::forget_the_late() {
  const auto now = Clock::now();
  open_.remove_if([&](const Question& question) { return question.ends < now; });
}

}  // namespace wobble::daemon
