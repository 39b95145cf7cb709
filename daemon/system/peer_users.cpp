#include "daemon/system/peer_users.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>

namespace wobble::daemon {
namespace {

struct Question {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

/// One end as sock_diag writes it. IPv4 in IPv6's form is IPv4.
void put_end(const sockaddr_storage& end, __be32 (&address)[4], __be16& port, std::uint8_t& family) {
  if (end.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(end);
    family = AF_INET;
    address[0] = v4.sin_addr.s_addr;
    port = v4.sin_port;
    return;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(end);
  port = v6.sin6_port;
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    family = AF_INET;
    std::memcpy(&address[0], &v6.sin6_addr.s6_addr[12], 4);
  } else {
    family = AF_INET6;
    std::memcpy(address, &v6.sin6_addr, 16);
  }
}

Question question_about(const sockaddr_storage& peer, const sockaddr_storage& local, std::uint32_t sequence) {
  Question question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.header.nlmsg_seq = sequence;
  question.body.sdiag_protocol = IPPROTO_TCP;
  question.body.idiag_states = ~0U;
  question.body.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  question.body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  // Seen from the other end: what it connected from, and to.
  put_end(peer, question.body.id.idiag_src, question.body.id.idiag_sport, question.body.sdiag_family);
  put_end(local, question.body.id.idiag_dst, question.body.id.idiag_dport, question.body.sdiag_family);
  return question;
}

/// A socket that nobody holds any more, since its program has closed it, is said to be root's: it has no inode.
std::optional<uid_t> owner_in(const inet_diag_msg& found, const inet_diag_sockid& asked) {
  const bool is_it = found.id.idiag_sport == asked.idiag_sport && found.id.idiag_dport == asked.idiag_dport;
  if (!is_it || found.idiag_inode == 0 || found.idiag_state == TCP_LISTEN) return std::nullopt;
  return found.idiag_uid;
}

}  // namespace

PeerUsers::PeerUsers() : netlink_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)) {}

std::optional<uid_t> PeerUsers::user_of(const sockaddr_storage& peer, const sockaddr_storage& local) {
  const LockGuard lock(mutex_);
  const Question question = question_about(peer, local, ++sequence_);
  const sockaddr_nl kernel{AF_NETLINK, 0, 0, 0};
  if (::sendto(netlink_.get(), &question, sizeof question, 0, reinterpret_cast<const sockaddr*>(&kernel),
               sizeof kernel) < 0) {
    return std::nullopt;
  }
  alignas(nlmsghdr) char answer[8192];
  for (;;) {
    // The kernel has answered before the question's call returns.
    const ssize_t n = ::recv(netlink_.get(), answer, sizeof answer, MSG_DONTWAIT);
    if (n < static_cast<ssize_t>(sizeof(nlmsghdr))) return std::nullopt;
    const auto& header = *reinterpret_cast<const nlmsghdr*>(answer);
    if (header.nlmsg_seq != question.header.nlmsg_seq) continue;
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY || header.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) {
      return std::nullopt;
    }
    return owner_in(*reinterpret_cast<const inet_diag_msg*>(NLMSG_DATA(&header)), question.body.id);
  }
}

}  // namespace wobble::daemon
