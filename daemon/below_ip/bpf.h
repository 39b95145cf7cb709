// The few calls of bpf(2) that we need. Each throws std::system_error that says what was attempted; EPERM means that
// CAP_BPF and CAP_NET_ADMIN (or, on older container engines, CAP_SYS_ADMIN) are missing.
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "emulator/unique_fd.h"

namespace wobble::daemon {

/// Which of an interface's two hooks, as the kernel sees it: what comes in from the wire, or goes out to it.
enum class Hook : std::uint8_t { ingress, egress };

/// What a program at a hook may answer: the next program, or the stack, has it; or it is dropped (linux/pkt_cls.h).
inline constexpr int kPass = -1;
inline constexpr int kDrop = 2;

/// A map with a single value of `size` bytes, all 0, that can be mapped into memory.
UniqueFd make_shared_value(std::uint32_t size);

/// A map of networks, each a family and a prefix of 16 bytes.
UniqueFd make_network_map(std::uint32_t most);
/// Its key, as the programs write it.
struct NetworkKey {
  std::uint32_t length;  ///< in bits, the family's among them
  std::uint32_t family;  ///< kV4 or kV6: so that ::/0 is not all of IPv4 too
  std::uint8_t address[16];

  static constexpr std::uint32_t kV4 = 4, kV6 = 6;
  static constexpr std::uint32_t kWhole = 160;
};

/// Adds one: the first `length` bits of `address` (16 bytes).
void add_network(int map, bool is_v4, std::span<const std::uint8_t> address, std::uint32_t length);

/// A map that forgets what was not asked for longest, from keys of `key_size` bytes to 4.
UniqueFd make_recent_map(std::uint32_t key_size, std::uint32_t most);

/// A ring of `size` bytes, a power of 2 of whole pages (kernel_ring.h).
UniqueFd make_ring(std::uint32_t size);

/// Loads a program for a traffic control hook. `name` (at most 15 bytes) is what bpftool(8) shows.
UniqueFd load_program(const std::vector<bpf_insn>& code, const std::string& name);
/// What tells a loaded program from every other on this machine.
std::uint32_t program_id(int program);

/// Whether this kernel has tcx links (Linux 6.6). Asks it, with a program that does nothing.
bool has_tcx();

/// What the kernel takes at one hook of one interface.
inline constexpr int kMostTcxLinks = 63;

/// Puts the program before all others at a hook of an interface of the calling thread's network namespace. It stays as
/// long as the descriptor. ERANGE: there are kMostTcxLinks already.
UniqueFd link_tcx(int program, int interface, Hook hook);

/// The ids of the programs at that hook, in order; empty if there is none, or no such interface.
std::vector<std::uint32_t> programs_at(int interface, Hook hook);

}  // namespace wobble::daemon
