#include "daemon/below_ip/bpf.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "daemon/below_ip/assembly.h"

namespace wobble::daemon {
namespace {

// Newer than the headers of Debian 12: Linux 6.6.
constexpr std::uint32_t kTcxIngress = 46, kTcxEgress = 47;  // BPF_TCX_INGRESS, BPF_TCX_EGRESS
constexpr std::uint32_t kBefore = 1U << 3;                  // BPF_F_BEFORE

// BPF_LINK_CREATE as far as tcx has it, and BPF_PROG_QUERY.
struct LinkCreate {
  std::uint32_t program = 0;
  std::uint32_t interface = 0;
  std::uint32_t type = 0;
  std::uint32_t flags = 0;
  std::uint32_t relative = 0;
  std::uint32_t unused = 0;
  std::uint64_t expected_revision = 0;
};
struct Query {
  std::uint32_t interface = 0;
  std::uint32_t type = 0;
  std::uint32_t flags = 0;
  std::uint32_t attach_flags = 0;
  std::uint64_t ids = 0;
  std::uint32_t count = 0;
  std::uint32_t unused = 0;
  std::uint64_t attach_flags_of_each = 0, links = 0, link_flags = 0, revision = 0;
};

constexpr std::uint32_t type_of(Hook hook) { return hook == Hook::ingress ? kTcxIngress : kTcxEgress; }

std::uint64_t address_of(const void* what) { return reinterpret_cast<std::uintptr_t>(what); }

template <typename Attributes>
int call(int command, Attributes& attributes) noexcept {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

template <typename Attributes>
UniqueFd make(int command, Attributes& attributes, const char* what) {
  UniqueFd made(call(command, attributes));
  if (made.get() < 0) throw std::system_error(errno, std::generic_category(), what);
  return made;
}

UniqueFd make_map(bpf_map_type type, std::uint32_t key, std::uint32_t value, std::uint32_t most, std::uint32_t flags) {
  bpf_attr attributes{};
  attributes.map_type = type;
  attributes.key_size = key;
  attributes.value_size = value;
  attributes.max_entries = most;
  attributes.map_flags = flags;
  return make(BPF_MAP_CREATE, attributes, "cannot make a BPF map");
}

}  // namespace

UniqueFd make_shared_value(std::uint32_t size) {
  return make_map(BPF_MAP_TYPE_ARRAY, sizeof(std::uint32_t), size, 1, BPF_F_MMAPABLE);
}

UniqueFd make_network_map(std::uint32_t most) {
  return make_map(BPF_MAP_TYPE_LPM_TRIE, sizeof(NetworkKey), sizeof(std::uint32_t), most, BPF_F_NO_PREALLOC);
}

void add_network(int map, bool is_v4, std::span<const std::uint8_t> address, std::uint32_t length) {
  constexpr std::uint32_t kFamilyBits = 32;
  NetworkKey key{kFamilyBits + length, is_v4 ? NetworkKey::kV4 : NetworkKey::kV6, {}};
  std::copy_n(address.begin(), sizeof key.address, key.address);
  const std::uint32_t value = 1;
  bpf_attr attributes{};
  attributes.map_fd = static_cast<std::uint32_t>(map);
  attributes.key = address_of(&key);
  attributes.value = address_of(&value);
  if (call(BPF_MAP_UPDATE_ELEM, attributes) < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot write into a BPF map");
  }
}

UniqueFd make_recent_map(std::uint32_t key_size, std::uint32_t most) {
  return make_map(BPF_MAP_TYPE_LRU_HASH, key_size, sizeof(std::uint32_t), most, 0);
}

UniqueFd make_ring(std::uint32_t size) { return make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, size, 0); }

UniqueFd load_program(const std::vector<bpf_insn>& code, const std::string& name) {
  static constexpr char kLicence[] = "Dual MIT/GPL";  // what the helpers ask for
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_SCHED_CLS;
  attributes.insns = address_of(code.data());
  attributes.insn_cnt = static_cast<std::uint32_t>(code.size());
  attributes.license = address_of(kLicence);
  std::copy_n(name.begin(), std::min(name.size(), sizeof attributes.prog_name - 1), attributes.prog_name);
  UniqueFd program(call(BPF_PROG_LOAD, attributes));
  if (program.get() >= 0) return program;
  const int error = errno;
  std::vector<char> log(1 << 16);  // what the kernel's verifier has to say
  attributes.log_buf = address_of(log.data());
  attributes.log_size = static_cast<std::uint32_t>(log.size());
  attributes.log_level = 1;
  call(BPF_PROG_LOAD, attributes);
  std::string what = "cannot load a BPF program";
  const std::string said(log.data(), ::strnlen(log.data(), log.size()));
  if (error != EPERM && !said.empty()) what += " (" + said.substr(said.size() > 300 ? said.size() - 300 : 0) + ")";
  throw std::system_error(error, std::generic_category(), what);
}

std::uint32_t program_id(int program) {
  bpf_prog_info info{};
  bpf_attr attributes{};
  attributes.info.bpf_fd = static_cast<std::uint32_t>(program);
  attributes.info.info_len = sizeof info;
  attributes.info.info = address_of(&info);
  if (call(BPF_OBJ_GET_INFO_BY_FD, attributes) < 0) {
    throw std::system_error(errno, std::generic_category(), "cannot look at a BPF program");
  }
  return info.id;
}

UniqueFd link_tcx(int program, int interface, Hook hook) {
  LinkCreate attributes;
  attributes.program = static_cast<std::uint32_t>(program);
  attributes.interface = static_cast<std::uint32_t>(interface);
  attributes.type = type_of(hook);
  attributes.flags = kBefore;
  return make(BPF_LINK_CREATE, attributes, "cannot put a BPF program at an interface");
}

// For an interface that there is not, a kernel that has tcx says ENODEV, and one that has it not EINVAL.
bool has_tcx() {
  Assembly nothing;
  nothing.move(Register::r0, kPass);
  nothing.exit();
  const UniqueFd program = load_program(nothing.finish(), "wobble_try");
  LinkCreate attributes;
  attributes.program = static_cast<std::uint32_t>(program.get());
  attributes.interface = 0x7fffffff;
  attributes.type = kTcxIngress;
  const UniqueFd link(call(BPF_LINK_CREATE, attributes));
  return errno == ENODEV;
}

std::vector<std::uint32_t> programs_at(int interface, Hook hook) {
  std::vector<std::uint32_t> ids(64);
  Query attributes;
  attributes.interface = static_cast<std::uint32_t>(interface);
  attributes.type = type_of(hook);
  attributes.ids = address_of(ids.data());
  attributes.count = static_cast<std::uint32_t>(ids.size());
  if (call(BPF_PROG_QUERY, attributes) < 0) return {};
  ids.resize(attributes.count);
  return ids;
}

}  // namespace wobble::daemon
