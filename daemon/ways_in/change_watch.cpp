#include "daemon/ways_in/change_watch.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <initializer_list>
#include <string_view>
#include <system_error>
#include <utility>

namespace wobble::daemon {
namespace {

UniqueFd subscribed_to(int protocol, std::initializer_list<int> groups) {
  UniqueFd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  if (socket.get() < 0 || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0)
    return UniqueFd();
  for (const int group : groups) {
    if (::setsockopt(socket.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) return UniqueFd();
  }
  return socket;
}

/// Whether something has come that has `name` in it, with the zero behind it as the kernel writes strings; all of it is
/// taken. What was too long, or too much, counts.
bool has_news(const UniqueFd& socket, std::string_view name) {
  std::array<char, 16'384> buffer;
  bool found = false;
  while (socket.get() >= 0) {
    const ssize_t n = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_TRUNC);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != ENOBUFS) break;
    const auto length = static_cast<std::size_t>(n);
    const bool is_whole = n >= 0 && length <= buffer.size();
    found |= !is_whole || std::string_view(buffer.data(), length).find(name) != std::string_view::npos;
  }
  return found;
}

}  // namespace

ChangeWatch::ChangeWatch(std::string table)
    : interfaces_(subscribed_to(NETLINK_ROUTE, {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR})),
      rules_(subscribed_to(NETLINK_NETFILTER, {NFNLGRP_NFTABLES})),
      table_(std::move(table)) {
  if (interfaces_.get() < 0) throw std::system_error(errno, std::generic_category(), "cannot watch the interfaces");
}

ChangeWatch::News ChangeWatch::news() const {
  const std::string_view name(table_.c_str(), table_.size() + 1);
  return {has_news(interfaces_, ""), has_news(rules_, name)};
}

}  // namespace wobble::daemon
