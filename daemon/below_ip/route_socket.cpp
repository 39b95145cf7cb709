#include "daemon/below_ip/route_socket.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <system_error>

#include "daemon/system/marks.h"
#include "emulator/throw_errno.h"

namespace wobble::daemon {
namespace {

constexpr std::size_t kBuffer = 32'768;  // MNL_SOCKET_BUFFER_SIZE's most; what one answer of a dump takes
constexpr char kBpf[] = "bpf", kClsact[] = "clsact";

std::string text_of(const nlattr* attribute) {
  const std::string_view all(mnl_attr_get_str(attribute), mnl_attr_get_payload_len(attribute));
  return std::string(all.substr(0, all.find('\0')));
}

using Attributes = std::vector<const nlattr*>;

template <typename Parse>
Attributes attributes_of(std::size_t most, Parse parse) {
  Attributes found(most + 1, nullptr);
  const auto keep = [](const nlattr* attribute, void* data) {
    auto& kept = *static_cast<Attributes*>(data);
    const std::size_t type = mnl_attr_get_type(attribute);
    if (type < kept.size()) kept[type] = attribute;
    return MNL_CB_OK;
  };
  parse(keep, &found);
  return found;
}

Attributes attributes_of(const nlmsghdr* message, std::size_t header, std::size_t most) {
  return attributes_of(most, [&](mnl_attr_cb_t keep, void* data) {
    mnl_attr_parse(message, static_cast<unsigned>(header), keep, data);
  });
}

Attributes nested_in(const nlattr* attribute, std::size_t most) {
  return attributes_of(most, [&](mnl_attr_cb_t keep, void* data) { mnl_attr_parse_nested(attribute, keep, data); });
}

NetworkInterface read_interface(const nlmsghdr* message) {
  const auto* info = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  const Attributes all = attributes_of(message, sizeof *info, IFLA_MAX);
  NetworkInterface interface;
  interface.index = info->ifi_index;
  interface.type = info->ifi_type;
  interface.is_up = (info->ifi_flags & IFF_UP) != 0;
  if (all[IFLA_IFNAME] != nullptr) interface.name = text_of(all[IFLA_IFNAME]);
  if (all[IFLA_MASTER] != nullptr) interface.master = static_cast<int>(mnl_attr_get_u32(all[IFLA_MASTER]));
  if (all[IFLA_LINKINFO] != nullptr) {
    const Attributes about = nested_in(all[IFLA_LINKINFO], IFLA_INFO_MAX);
    if (about[IFLA_INFO_KIND] != nullptr) interface.kind = text_of(about[IFLA_INFO_KIND]);
  }
  const bool is_here = all[IFLA_LINK_NETNSID] == nullptr && interface.kind != "veth";  // a veth names its other end
  if (all[IFLA_LINK] != nullptr && is_here) interface.lower = static_cast<int>(mnl_attr_get_u32(all[IFLA_LINK]));
  if (all[IFLA_STATS64] != nullptr) {
    rtnl_link_stats64 stats{};
    std::memcpy(&stats, mnl_attr_get_payload(all[IFLA_STATS64]),
                std::min<std::size_t>(sizeof stats, mnl_attr_get_payload_len(all[IFLA_STATS64])));
    interface.dropped = stats.tx_dropped;
  }
  return interface;
}

constexpr std::uint32_t parent_of(Hook hook) {
  return TC_H_MAKE(TC_H_CLSACT, hook == Hook::ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
}

/// A message of traffic control for an interface, in `buffer`.
nlmsghdr* traffic_control(std::span<char> buffer, std::uint16_t type, int flags, int interface, tcmsg*& out) {
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  out = static_cast<tcmsg*>(mnl_nlmsg_put_extra_header(message, sizeof *out));
  out->tcm_family = AF_UNSPEC;
  out->tcm_ifindex = interface;
  return message;
}

}  // namespace

void RouteSocket::Close::operator()(mnl_socket* socket) const { mnl_socket_close(socket); }

RouteSocket::RouteSocket() : socket_(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC)) {
  if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    throw_errno("cannot open a routing socket");
}

// Sends a request, and hands each message of the answer to `each`.
template <typename Each>
void RouteSocket::dump(nlmsghdr* request, const char* what, Each each) {
  request->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(socket_.get(), request, request->nlmsg_len) < 0) throw_errno(what);
  std::vector<char> buffer(kBuffer);
  const auto call_each = [](const nlmsghdr* message, void* data) {
    (*static_cast<Each*>(data))(message);
    return MNL_CB_OK;
  };
  for (int result = MNL_CB_OK; result > MNL_CB_STOP;) {
    const ssize_t n = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
    if (n < 0) throw_errno(what);
    result = mnl_cb_run(buffer.data(), static_cast<std::size_t>(n), sequence_, mnl_socket_get_portid(socket_.get()),
                        call_each, &each);
    if (result < 0) throw_errno(what);
  }
}

void RouteSocket::ask(nlmsghdr* request, const char* what) {
  request->nlmsg_flags |= NLM_F_ACK;
  dump(request, what, [](const nlmsghdr*) {});
}

std::vector<NetworkInterface> RouteSocket::interfaces() {
  std::array<char, 256> buffer{};
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* info = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
  info->ifi_family = AF_UNSPEC;
  std::vector<NetworkInterface> found;
  dump(request, "cannot ask for the interfaces",
       [&](const nlmsghdr* message) { found.push_back(read_interface(message)); });
  return found;
}

std::optional<NetworkInterface> RouteSocket::interface(int index) {
  std::array<char, 256> buffer{};
  nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
  request->nlmsg_type = RTM_GETLINK;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  auto* info = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
  info->ifi_family = AF_UNSPEC;
  info->ifi_index = index;
  std::optional<NetworkInterface> found;
  try {
    dump(request, "cannot ask for an interface", [&](const nlmsghdr* message) { found = read_interface(message); });
  } catch (const std::system_error& e) {
    if (e.code().value() != ENODEV) throw;
  }
  return found;
}

void RouteSocket::bring_up(int interface, std::uint32_t mtu, std::uint32_t queue_length) {
  std::array<char, 512> buffer{};
  const auto put = [&](unsigned flags, unsigned change) {
    nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = RTM_NEWLINK;
    request->nlmsg_flags = NLM_F_REQUEST;
    auto* info = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
    info->ifi_family = AF_UNSPEC;
    info->ifi_index = interface;
    info->ifi_flags = flags;
    info->ifi_change = change;
    return request;
  };
  nlmsghdr* silent = put(0, 0);
  nlattr* families = mnl_attr_nest_start(silent, IFLA_AF_SPEC);
  nlattr* v6 = mnl_attr_nest_start(silent, AF_INET6);
  mnl_attr_put_u8(silent, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  mnl_attr_nest_end(silent, v6);
  mnl_attr_nest_end(silent, families);
  try {
    ask(silent, "cannot keep a device without an IPv6 address");
  } catch (const std::system_error&) {  // a kernel without IPv6 knows no such thing
  }
  nlmsghdr* up = put(IFF_UP | IFF_NOARP, IFF_UP | IFF_NOARP | IFF_MULTICAST);
  mnl_attr_put_u32(up, IFLA_MTU, mtu);
  mnl_attr_put_u32(up, IFLA_TXQLEN, queue_length);
  ask(up, "cannot set a device up");
}

bool RouteSocket::has_clsact(int interface) {
  std::array<char, 256> buffer{};
  tcmsg* about = nullptr;
  nlmsghdr* request = traffic_control(buffer, RTM_GETQDISC, NLM_F_DUMP, interface, about);
  bool found = false;
  dump(request, "cannot ask for queueing disciplines", [&](const nlmsghdr* message) {
    const auto* one = static_cast<const tcmsg*>(mnl_nlmsg_get_payload(message));
    if (one->tcm_ifindex != interface) return;
    const Attributes all = attributes_of(message, sizeof *one, TCA_MAX);
    found = found || (all[TCA_KIND] != nullptr && text_of(all[TCA_KIND]) == kClsact);
  });
  return found;
}

void RouteSocket::add_filter(int program, int interface, Hook hook, const std::string& name) {
  std::array<char, 512> buffer{};
  tcmsg* about = nullptr;
  nlmsghdr* discipline = traffic_control(buffer, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, interface, about);
  about->tcm_parent = TC_H_CLSACT;
  about->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  mnl_attr_put_strz(discipline, TCA_KIND, kClsact);
  try {
    ask(discipline, "cannot make the queueing discipline clsact");
  } catch (const std::system_error& e) {
    if (e.code().value() != EEXIST) throw;
  }
  nlmsghdr* filter = traffic_control(buffer, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, interface, about);
  about->tcm_parent = parent_of(hook);
  about->tcm_info =
      TC_H_MAKE(0, htons(ETH_P_ALL));  // without a priority the kernel takes one before all that are there
  mnl_attr_put_strz(filter, TCA_KIND, kBpf);
  nlattr* options = mnl_attr_nest_start(filter, TCA_OPTIONS);
  mnl_attr_put_u32(filter, TCA_BPF_FD, static_cast<std::uint32_t>(program));
  mnl_attr_put_strz(filter, TCA_BPF_NAME, name.c_str());
  mnl_attr_put_u32(filter, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  mnl_attr_nest_end(filter, options);
  ask(filter, "cannot put a BPF program at an interface");
}

std::vector<RouteSocket::Filter> RouteSocket::all_filters(int interface, Hook hook) {
  std::array<char, 256> buffer{};
  tcmsg* about = nullptr;
  nlmsghdr* request = traffic_control(buffer, RTM_GETTFILTER, NLM_F_DUMP, interface, about);
  about->tcm_parent = parent_of(hook);
  std::vector<Filter> found;
  const auto read = [&](const nlmsghdr* message) {
    const auto* one = static_cast<const tcmsg*>(mnl_nlmsg_get_payload(message));
    const Attributes all = attributes_of(message, sizeof *one, TCA_MAX);
    if (all[TCA_KIND] == nullptr || all[TCA_OPTIONS] == nullptr) return;
    Filter filter{"", one->tcm_info, one->tcm_handle, 0};
    if (text_of(all[TCA_KIND]) == kBpf) {
      const Attributes options = nested_in(all[TCA_OPTIONS], TCA_BPF_MAX);
      if (options[TCA_BPF_NAME] != nullptr) filter.name = text_of(options[TCA_BPF_NAME]);
      if (options[TCA_BPF_ID] != nullptr) filter.program = mnl_attr_get_u32(options[TCA_BPF_ID]);
    }
    found.push_back(filter);
  };
  try {
    dump(request, "cannot ask for filters", read);
  } catch (const std::system_error& e) {  // no clsact, or no such interface
    const int error = e.code().value();
    if (error != EINVAL && error != ENOENT && error != ENODEV) throw;
  }
  return found;
}

std::vector<std::uint32_t> RouteSocket::filters(int interface, Hook hook, const std::string& name) {
  std::vector<std::uint32_t> programs;
  for (const Filter& filter : all_filters(interface, hook)) {
    if (filter.name == name) programs.push_back(filter.program);
  }
  return programs;
}

void RouteSocket::remove_filters(int interface, Hook hook, const std::string& name, bool is_ours) {
  std::array<char, 256> buffer{};
  tcmsg* about = nullptr;
  for (const Filter& filter : all_filters(interface, hook)) {
    if (filter.name != name || filter.handle == 0) continue;
    nlmsghdr* request = traffic_control(buffer, RTM_DELTFILTER, 0, interface, about);
    about->tcm_parent = parent_of(hook);
    about->tcm_info = filter.info;
    about->tcm_handle = filter.handle;
    mnl_attr_put_strz(request, TCA_KIND, kBpf);
    ask(request, "cannot remove a BPF program from an interface");
  }
  if (!is_ours || !has_clsact(interface)) return;
  if (!all_filters(interface, Hook::ingress).empty() || !all_filters(interface, Hook::egress).empty()) return;
  nlmsghdr* request = traffic_control(buffer, RTM_DELQDISC, 0, interface, about);
  about->tcm_parent = TC_H_CLSACT;
  about->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  ask(request, "cannot remove the queueing discipline clsact");
}

InterfaceWatch::InterfaceWatch()
    : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = RTMGRP_LINK;
  if (socket_.get() < 0 || ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) {
    throw_errno("cannot watch the interfaces");
  }
}

bool InterfaceWatch::has_news() {
  std::vector<char> buffer(kBuffer);
  bool found = false;
  for (;;) {
    const ssize_t n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != ENOBUFS) return found;
    if (n < 0) found = true;  // more has happened than we could be told
    int left = static_cast<int>(n);
    for (auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(message, left);
         message = mnl_nlmsg_next(message, &left)) {
      found = found || !read_interface(message).name.starts_with(kDevicePrefix);
    }
  }
}

}  // namespace wobble::daemon
